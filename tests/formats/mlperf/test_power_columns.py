"""Power logs read as columns of bytes give what their lines give; odd logs are read by line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.formats.mlperf import mllog, power_columns

LINE = (
    ':::MLLOG {"namespace": "", "time_ms": %s, "event_type": "POINT_IN_TIME", "key": '
    '"power_reading", '
    '"value": %s, "metadata": ""}'
)
START = (
    ':::MLLOG {"namespace": "", "time_ms": 1715261559182, "key": "power_measurement_start", '
    '"value": null, "metadata": ""}'
)
STOP = START.replace("start", "stop")
T = 1715261563220


def _log(rows: list[tuple[Any, Any]], line: str = LINE, end: str = "\n") -> bytes:
    return (end.join([START, *(line % row for row in rows), STOP]) + end).encode()


def _same(content: bytes, block: power_columns.Block | None) -> None:
    """What a block says is what the lines say, in their order."""
    lines, broken = mllog.read_all(content)
    assert block is not None
    assert not broken
    readings = [n for n, line in enumerate(lines) if line.key == "power_reading"]
    assert block.time_ms.tolist() == [lines[n].time_ms for n in readings]
    assert block.value.tolist() == [lines[n].value for n in readings]
    assert block.before == lines[: readings[0]]
    assert block.after == lines[readings[-1] + 1 :]


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(10**12, power_columns.LATEST_MS), st.integers(0, 20_000)),
            min_size=1,
            max_size=12,
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([LINE, LINE.replace(": ", ":"), LINE.replace('""}', '{"node": 7}}')]),
)
def test_a_block_says_what_the_lines_say(
    logs: list[list[tuple[int, int]]], end: str, line: str
) -> None:
    contents = [_log(rows, line, end) for rows in logs]
    for content, block in zip(contents, power_columns.read_blocks(contents), strict=True):
        _same(content, block)


def test_logs_of_several_loggers_at_once() -> None:
    short, spaced = LINE.replace(": ", ":"), LINE
    contents = [
        _log([(T + n, 2000 + n) for n in range(5)], line) for line in (spaced, short, spaced)
    ]
    contents.insert(1, f"{START}\n{STOP}\n".encode())
    blocks = power_columns.read_blocks(contents)
    assert blocks[1] is not None
    assert [line.key for line in blocks[1].after] == [
        "power_measurement_start",
        "power_measurement_stop",
    ]
    assert not len(blocks[1].value)
    for at in (0, 2, 3):
        _same(contents[at], blocks[at])


@pytest.mark.parametrize(
    "rows",
    [
        [(T, 999), (T + 1, 1000)],
        [(T, 2000.5), (T + 1, 2000.25)],
        [(T, 2000), (T + 1, "2e03")],
        [(T, 2000), (T + 1, -200)],
        [(T, 0), (T + 1, 5)],
        [(f'{T}, "host": "a"', 2000), (f'{T}, "host": "b"', 3000)],
        [(f'7, "time_ms": {T}', 2000), (f'8, "time_ms": {T}', 3000)],
    ],
    ids=[
        "one digit more",
        "fractions",
        "exponent",
        "sign",
        "zero",
        "another field varies",
        "key twice",
    ],
)
def test_lines_that_are_not_one_matrix_of_digits(rows: list[tuple[Any, Any]]) -> None:
    content = _log(rows)
    _same(content, power_columns.read_blocks([content])[0])


@pytest.mark.parametrize(
    "rows",
    [
        [(power_columns.LATEST_MS + n, 2000) for n in range(2)],
        [(T, 1), (10**15 + T, 3000)],
        [(0, 1)],
    ],
)
def test_times_of_no_measurement_are_left_to_the_lines(rows: list[tuple[Any, Any]]) -> None:
    assert power_columns.read_blocks([_log(rows)]) == [None]


def test_a_reading_in_disguise_is_left_to_the_lines() -> None:
    """A key may be written with escapes: it stands where markers stand, and is a reading."""
    hidden = (LINE % (T, 2000)).replace("power_reading", r"power_re\u0061ding")
    assert power_columns.read_blocks(
        [_log([(T, 2000), (T + 1, 3000)]) + hidden.encode() + b"\n"]
    ) == [None]


@pytest.mark.parametrize("value", ["0200", "2x00", '"20"', "null", "2 00", "2,00"])
def test_what_is_no_json_number_is_left_to_the_lines(value: str) -> None:
    assert power_columns.read_blocks([_log([(T, 2000), (T + 1, value)])]) == [None]


def test_a_field_that_only_looks_like_the_value() -> None:
    nested = LINE.replace('"metadata": ""', '"metadata": {"x": 1}').replace(
        '"namespace": ""', '"a": {"value": %s}'
    )
    content = _log([], nested)
    rows = [nested % (1000 + n, T + n, 2000) for n in range(3)]
    content = "\n".join([START, *rows, STOP, ""]).encode()
    _same(content, power_columns.read_blocks([content])[0])
    escaped = LINE.replace('"value": %s', r'"value": %s, "\u0076alue": 2000')
    content = _log([(T, 2000), (T + 1, 3000)], escaped)
    _same(content, power_columns.read_blocks([content])[0])


@pytest.mark.parametrize(
    "odd", [b"Traceback\n", b":::MLLOG {\n", b'{"key": "power_reading"}\n', b"x :::MLLOG {}\n"]
)
@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_log_with_other_lines_is_left_to_the_lines(odd: bytes, where: int) -> None:
    parts = _log([(T, 2000), (T + 1, 3000)]).splitlines(keepends=True)
    parts.insert((0, 2, len(parts))[where], odd)
    assert power_columns.read_blocks([b"".join(parts)]) == [None]


def test_a_marker_that_speaks_of_the_token() -> None:
    spoken = START.replace('"metadata": ""', '"metadata": ":::MLLOG and more"')
    content = _log([(T, 2000), (T + 1, 3000)]).replace(START.encode(), spoken.encode())
    _same(content, power_columns.read_blocks([content])[0])


def test_readings_to_the_very_end() -> None:
    whole = _log([(T + n, 2000 + n) for n in range(4)])
    content = whole[: whole.rindex(STOP.encode())]
    _same(content, power_columns.read_blocks([content])[0])
    _same(content[:-1], power_columns.read_blocks([content[:-1], whole])[0])


def test_the_largest_numbers_stay_exact() -> None:
    rows = [(power_columns.LATEST_MS - n, 999_999_999_999_999 - 2 * n) for n in range(3)]
    content = _log(rows)
    (block,) = power_columns.read_blocks([content])
    _same(content, block)
    assert block is not None
    assert block.time_ms.dtype == np.int64
