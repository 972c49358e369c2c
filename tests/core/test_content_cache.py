"""What was made of a content is not made of an equal one again, as long as few others came between."""

from __future__ import annotations

from harness.core import content_cache


def _counting() -> tuple[list[tuple[bytes, int]], content_cache.Callable[[bytes, int], object]]:
    asked: list[tuple[bytes, int]] = []

    @content_cache.cached_by_content
    def make(content: bytes, more: int) -> object:
        asked.append((content, more))
        return object()

    return asked, make


def test_an_equal_content_is_not_made_again() -> None:
    asked, make = _counting()
    first = make(bytes([1, 2]), 3)
    assert make(bytes([1, 2]), 3) is first
    assert make(b"\1\2", 4) is not first
    assert make(b"\1\3", 3) is not first
    assert asked == [(b"\1\2", 3), (b"\1\2", 4), (b"\1\3", 3)]


def test_only_the_last_contents_are_kept_and_no_long_one() -> None:
    asked, make = _counting()
    first, long = make(b"first", 0), bytes(content_cache.LONGEST + 1)
    for number in range(1, content_cache.KEPT):
        make(b"first", number)
    assert make(long, 0) is not make(long, 0)
    assert make(b"first", 0) is first
    make(b"another", 0)
    assert make(b"first", 0) is not first
    assert len(asked) == content_cache.KEPT + 4


def test_all_is_forgotten_where_time_is_measured() -> None:
    asked, make = _counting()
    make(b"", 0)
    content_cache.clear_all()
    make(b"", 0)
    assert len(asked) == 2
