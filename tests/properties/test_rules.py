"""Vectorised rules find what a plain look at each line and reading finds."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from harness.auditing.rules.readings import frozen_readings
from harness.formats.ptdaemon.session_logs import without_marks

MARK, NAMES = b",Mark,m_testing", (b",Ch1", b",Ch2", b",Ch12")
pieces = st.sampled_from(
    [MARK, *NAMES, b",Watts", b",Watts,1.5", b"\n", b"Time,", b",Mark,m", b"C", b",PF,0.9"]
)
usual = st.integers(1, 3).map(
    lambda n: b"Time,Watts,9" + MARK + b"".join(name + b",Watts,3" for name in NAMES[:n]) + b"\n"
)
readings = st.lists(st.integers(0, 3), min_size=2 * frozen_readings.BLOCK_LENGTH, max_size=60)


@given(st.lists(pieces | usual, max_size=30).map(b"".join), st.integers(0, len(NAMES)))
@example(b"Time" + MARK + b",Ch1,Watts" + MARK + b"\n", 1)
@example(b"Time" + MARK + b",Ch1,Ch1,Watts\n", 1)
@example(b",Ch2" + MARK + b",Ch1,Watts\n", 2)
def test_marks_and_names_are_cut_out_as_one_by_one(text: bytes, channels: int) -> None:
    expected = text.replace(MARK, b"")
    for name in NAMES[:channels]:
        expected = expected.replace(name + b",Watts", b",Watts")
    assert without_marks(text, MARK, NAMES[:channels]) == expected


@given(readings)
def test_blocks_are_those_that_came_before(same: list[int]) -> None:
    size = frozen_readings.BLOCK_LENGTH
    blocks = [tuple(same[i : i + size]) for i in range(len(same) - size + 1)]
    moving = [sum(a != b for a, b in pairwise(block)) >= size - 2 for block in blocks]
    again = [i for i, block in enumerate(blocks) if moving[i] and block in blocks[:i]]
    assert frozen_readings._repeated_blocks(np.array(same)) == (
        again[0] if again else 0,
        len(again),
    )


@given(readings)
def test_few_readings_that_came_before_make_no_block_and_no_long_run(same: list[int]) -> None:
    came_before = sum(count - 1 for count in Counter(same).values())
    assert frozen_readings._longest_run(np.array(same))[1] <= came_before + 1
    if came_before < frozen_readings.BLOCK_LENGTH:
        assert frozen_readings._repeated_blocks(np.array(same)) == (0, 0)
