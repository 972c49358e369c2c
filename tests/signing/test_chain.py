"""The chain of a journal shows a later change and its place; a crash is not called a change."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.traces.journal.chain import Chain, links
from harness.traces.journal.reader import read_samples
from harness.traces.journal.writer import Journal
from tests.signing import live

LAW = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return live.write_journal(tmp_path_factory.mktemp("journal") / "m.csv").read_bytes()


def lines_of(content: bytes) -> list[bytes]:
    return content.splitlines(keepends=True)


def test_a_link_is_the_hash_of_the_link_before_and_of_what_lies_between() -> None:
    chain = Chain()
    chain.add(b"header\n")
    first = hashlib.sha256(b"header\n").digest()
    assert chain.link() == b"# chain: " + first.hex().encode() + b"\n"
    chain.add(b"row\n")
    assert chain.link().split()[2].decode() == hashlib.sha256(first + b"row\n").hexdigest()


def test_a_journal_is_whole_and_has_a_link_each_second(whole: bytes) -> None:
    found = links(whole)
    assert found.whole
    assert found.broken is None
    assert found.count == live.SECONDS + 2  # the end: its clocks, and its last words
    assert found.last == len(lines_of(whole))
    assert found.after == 0


@LAW
@given(at=st.integers(0), other=st.integers(1, 255))
def test_any_changed_byte_is_seen(whole: bytes, at: int, other: int) -> None:
    at %= len(whole)
    changed = whole[:at] + bytes([whole[at] ^ other]) + whole[at + 1 :]
    assert not links(changed).whole


@LAW
@given(data=st.data())
def test_any_line_taken_out_put_in_or_moved_is_seen_before_the_next_link_is_passed(
    whole: bytes, data: st.DataObject
) -> None:
    lines = lines_of(whole)
    rows = [n for n, line in enumerate(lines) if not line.startswith(b"#") and n > 1]
    at = data.draw(st.sampled_from(rows))
    how = data.draw(st.sampled_from(["out", "in", "twice", "swap"]))
    if how == "out":
        del lines[at]
    elif how == "swap":
        lines[at], lines[at - 1] = lines[at - 1], lines[at]
    else:
        lines.insert(at, lines[at] if how == "twice" else b"0,1700000000000000001,1,0,50.0,\n")
    broken = links(b"".join(lines)).broken
    assert broken is not None
    above, link = broken
    assert above <= at + 1
    assert lines[link - 1].startswith(b"# chain: ")
    assert link <= at + 2 * live.PER_SECOND + 4, "the first link below the change"


@LAW
@given(end=st.integers(0))
def test_a_journal_cut_at_any_byte_is_open_and_not_broken(whole: bytes, end: int) -> None:
    kept = whole[: end % len(whole)]
    found = links(kept)
    assert found.broken is None
    assert not found.whole
    whole_lines = kept.count(b"\n")
    assert found.last <= whole_lines
    assert found.last + found.after in (whole_lines, whole_lines + 1)
    assert found.count == sum(
        line.startswith(b"# chain: ") and line.endswith(b"\n") for line in lines_of(kept)
    )


def test_one_place_is_blamed_and_those_below_are_not(whole: bytes) -> None:
    lines = lines_of(whole)
    at = next(n for n, line in enumerate(lines) if n > 60 and not line.startswith(b"#"))
    lines[at] = lines[at].replace(b",10", b",90")
    above, link = links(b"".join(lines)).broken or (0, 0)
    assert above <= at < link
    assert all(not line.startswith(b"# chain: ") for line in lines[above : link - 1])


@pytest.mark.parametrize("added", [b"0,1700000000000000001,1,0,50.0,\n", b"# end: {}\n", b"x"])
def test_lines_below_the_end_are_seen(whole: bytes, added: bytes) -> None:
    assert links(whole + added).broken == (len(lines_of(whole)), len(lines_of(whole)) + 1)


def test_links_of_two_journals_do_not_fit_each_other(tmp_path: Path) -> None:
    one, other = (live.write_journal(tmp_path / f"{n}.csv", name=n).read_bytes() for n in "ab")
    header = one.index(b"\n")
    assert links(one).whole
    assert links(other[: other.index(b"\n")] + one[header:]).broken is not None


def test_a_journal_without_a_chain_is_read_and_says_so(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_bytes(whole)
    old = tmp_path / "old.csv"
    old.write_bytes(b"".join(line for line in lines_of(whole) if not line.startswith(b"# chain: ")))
    found, new = read_samples(old), read_samples(tmp_path / "new.csv")
    assert found.links.count == 0
    assert found.links.broken is None
    assert found.cut == new.cut == 0
    assert found.traces[0].content_sha256 == new.traces[0].content_sha256
    assert found.end == new.end == {"missed": 0, "hung": False}


def test_two_threads_write_one_chain(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.csv", [live.channel()], {"meter": "m"})

    def write(number: int) -> None:
        for n in range(300):
            journal.rows([journal.row("total", live.T_NS + 600 * n + number, n, 0, 1.0)])
            if n % 5 == 0:
                journal.clock()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.end({"missed": 0})
    found = read_samples(tmp_path / "j.csv")
    assert found.links.whole
    assert len(found.traces[0]) + len(found.traces[0].dropped) == 1200


def test_a_read_that_comes_back_after_the_end_leaves_no_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.csv", [live.channel()], {"meter": "m"})
    journal.clock()
    journal.end({"missed": 0})
    before = (tmp_path / "j.csv").read_bytes()
    journal.rows([journal.row("total", live.T_NS, 0, 0, 1.0)])
    assert (tmp_path / "j.csv").read_bytes() == before
    assert links(before).whole


def test_the_chain_costs_next_to_nothing(tmp_path: Path) -> None:
    """A thousand seconds at 10 Hz, in far less than a thousandth of them."""
    journal = Journal(tmp_path / "j.csv", [live.channel()], {"meter": "m"})
    row = [journal.row("total", live.T_NS, 0, 0, 93.5)]
    before = os.times()
    for n in range(10_000):
        journal.rows(row)
        if n % 10 == 0:
            journal.clock()
    after = os.times()
    assert after.user + after.system - before.user - before.system < 1.0
