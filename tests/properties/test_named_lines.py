"""Skipping the lines of a detail log that name none of the keys changes no value and no count."""

from __future__ import annotations

import json
from itertools import chain

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.formats.mlperf import mllog

KEYS = ("power_begin", "power_end", "result_validity", "result_90.00_percentile_latency_ns")
NAMES = st.sampled_from(
    [*KEYS, "power_begins", "result", "result_90x00_percentile_latency_ns", "loaded_qsl_set"]
)
VALUES = st.one_of(
    NAMES, st.integers(), st.lists(st.integers(), max_size=3), st.just('"power_end"'), st.none()
)


def _event(key: str, value: object, spaced: bool, escaped: bool) -> str:
    text = json.dumps(
        {"key": key, "value": value, "time_ms": 1.5}, separators=None if spaced else (",", ":")
    )
    return ":::MLLOG " + (text.replace("power_", "power\\u005f") if escaped else text)


EVENTS = st.builds(_event, NAMES, VALUES, st.booleans(), st.booleans())
LINES = st.one_of(
    EVENTS,
    st.tuples(EVENTS, EVENTS).map("".join),
    st.tuples(EVENTS, st.integers(10, 60)).map(lambda cut: cut[0][: cut[1]]),
    st.tuples(EVENTS, EVENTS, st.integers(10, 60)).map(lambda cut: cut[0][: cut[2]] + cut[1]),
    st.sampled_from(
        ["", "Traceback", '"power_begin"', ":::MLLOG", ':::MLLOG {"key": "power_end"} \x1b[0m']
    ),
)


@given(
    st.lists(LINES, max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 50, mllog.SEARCH_BYTES]),
)
@example(['{"key": "power_end"}:::MLLOG {"key": 1}'], "\n", mllog.SEARCH_BYTES)
@example([':::MLLOG {"\\u006bey": "power_end"}'], "\n", mllog.SEARCH_BYTES)
@example(
    [':::MLLOG {"key": "set", "value": [' + "1," * 400 + "1]}", ':::MLLOG {"key": "power_end"}'],
    "\n",
    1,
)
def test_lines_passed_over_change_nothing(lines: list[str], end: str, near: int) -> None:
    content = end.join(lines).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mllog, "SEARCH_BYTES", near)
        found, broken = mllog.select(content, KEYS)
    expected, lost = [], 0
    for text in chain.from_iterable(mllog._texts(content)):
        events, gone = mllog._events(text, frozenset(KEYS))
        expected += events
        lost += any(f'"{key}"'.encode() in gone for key in KEYS)
    assert [(e.key, e.time_ms) for e in found] == [(e.key, e.time_ms) for e in expected]
    assert [e.value for e in found] == [e.value for e in expected]
    assert broken == lost
