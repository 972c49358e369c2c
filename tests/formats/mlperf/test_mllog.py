"""Lines that MLPerf's parser reads and a strict one does not: shared, coloured, or not UTF-8."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.formats.mlperf import mllog


def event(key: str, value: Any = None, **metadata: Any) -> str:
    return (
        f":::MLLOG {json.dumps({'time_ms': 1, 'key': key, 'value': value, 'metadata': metadata})}"
    )


START, STOP = event("run_start", file="/workspace/caf\u00e9"), event("run_stop", status="success")
BROKEN = ':::MLLOG {"key": "run_start", "time_m'


def keys(content: bytes) -> tuple[list[str], int, list[str], int]:
    """What both ways in find: keys and broken lines."""
    chosen, lost = mllog.select(content, ("run_start", "run_stop"))
    every, broken = mllog.read_all(content)
    return [line.key for line in chosen], lost, [line.key for line in every], broken


@pytest.mark.parametrize("tail", ["\x1b[0m", " \r", " done", "\x00"])
def test_what_follows_the_brace_is_cut(tail: str) -> None:
    assert keys(f"{START}\n\x1b[32m{STOP}{tail}\n".encode()) == (["run_start", "run_stop"], 0) * 2


@pytest.mark.parametrize("between", ["", "0: ", "\x1b[0m 1: "])
def test_events_of_two_ranks_on_one_line_are_both_read(between: str) -> None:
    content = f"0: {START}{between}{STOP}\n".encode()
    assert keys(content) == (["run_start", "run_stop"], 0) * 2
    assert mllog.glued(content) == 1


def test_the_last_of_a_line_counts_where_another_is_broken_and_that_is_told() -> None:
    assert keys(f"{BROKEN}{STOP}\n".encode()) == (["run_stop"], 1) * 2


def test_a_line_whose_last_event_is_broken_is_lost() -> None:
    assert keys(f"{STOP}{BROKEN}\n{STOP}\n".encode()) == (["run_stop"], 1) * 2


def test_a_byte_that_is_no_utf_8_costs_no_line() -> None:
    name = START.replace("\\u00e9", "\u00e9")
    content = f"{name}\n{STOP}\n".encode("latin-1")
    assert keys(content) == (["run_start", "run_stop"], 0) * 2
    (line, _), _ = mllog.read_all(content)
    assert line.metadata == {"file": "/workspace/caf\u00e9"}


@pytest.mark.parametrize(
    "text", ["", "{", "}", "}{", "\ufffd}", '{"key": 7}', ":::MLLOG", "[" * 5000 + "}"]
)
def test_what_is_no_event_is_counted_once(text: str) -> None:
    content = f":::MLLOG {text}\n{STOP}\n".encode()
    lines, broken = mllog.read_all(content)
    assert ([line.key for line in lines], broken) == (["run_stop"], 1)


def test_a_line_of_many_broken_events_is_read_once_and_one_beyond_all_length_not_at_all() -> None:
    many = (b":::MLLOG {" * 50_000) + STOP.encode()
    assert [line.key for line in mllog.read_all(many)[0]] == ["run_stop"]
    long = START.replace("caf", "c" * mllog.MAX_LINE_BYTES) + STOP + "\x1b[0m"
    assert mllog.read_all(long.encode()) == ([], 1)


def test_a_glued_reading_hides_no_lost_one() -> None:
    """Two events on one line in place of one, and a broken line: three were written, two were
    read."""
    content = f"{START}{STOP}\n{BROKEN}\n".encode()
    lines, broken = mllog.read_all(content)
    assert (len(lines), broken, content.count(b"\n") + mllog.glued(content) - len(lines)) == (
        2,
        1,
        1,
    )
