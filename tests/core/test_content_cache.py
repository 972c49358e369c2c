"""A cached function is called once for equal contents, unless many others come in between."""

from __future__ import annotations

from collections.abc import Callable

from harness.core import content_cache


def _counting() -> tuple[list[tuple[bytes, int]], Callable[[bytes, int], object]]:
    calls: list[tuple[bytes, int]] = []

    @content_cache.cached_by_content
    def make(content: bytes, number: int) -> object:
        calls.append((content, number))
        return object()

    return calls, make


def test_equal_contents_are_computed_once() -> None:
    calls, make = _counting()
    first = make(bytes([1, 2]), 3)
    assert make(bytes([1, 2]), 3) is first
    assert make(b"\1\2", 4) is not first
    assert make(b"\1\3", 3) is not first
    assert calls == [(b"\1\2", 3), (b"\1\2", 4), (b"\1\3", 3)]


def test_only_the_last_contents_are_kept_and_no_large_one() -> None:
    calls, make = _counting()
    first, large = make(b"first", 0), bytes(content_cache.MAX_CONTENT_BYTES + 1)
    for number in range(1, content_cache.MAX_ENTRIES):
        make(b"first", number)
    assert make(large, 0) is not make(large, 0)
    assert make(b"first", 0) is first
    make(b"another", 0)
    assert make(b"first", 0) is not first
    assert len(calls) == content_cache.MAX_ENTRIES + 4


def test_clear_all_empties_the_cache() -> None:
    calls, make = _counting()
    make(b"", 0)
    content_cache.clear_all()
    make(b"", 0)
    assert len(calls) == 2
