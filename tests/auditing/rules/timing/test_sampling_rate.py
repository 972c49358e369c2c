"""sampling-rate: readings come often enough."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lab_simulator import NODE_METER

from tests.auditing.rules import builders as b

RULE = "sampling-rate"


def test_pass_one_reading_a_second(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers="WT333E")), RULE)


@pytest.mark.parametrize("interval_s", [1.0, 1.007, 1.095, 1.1])
def test_pass_jitter_of_real_analyzers(interval_s: float) -> None:
    run = b.run(b.trace(np.arange(-5, 606, interval_s) + 0.001))
    b.assert_pass(b.judge(b.entry(run), round_name=b.INFERENCE), RULE)


def test_pass_a_slow_counter() -> None:
    t_s = np.arange(-10, 611, 5.0)
    b.assert_pass(b.judge(b.entry(b.run(b.trace(t_s, (t_s + 10) * 400, "counter")))), RULE)


def test_question_every_two_seconds(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, meter=replace(NODE_METER, interval_s=2.0)))
    for run in range(3):
        where = f"power/result_{run}/node_0.txt"
        hit = b.assert_found(
            found, RULE, "question", where=where, got="in 1 of 1 channels", expected="at most 1.1"
        )
        assert float(
            hit.got.split(",")[0].removeprefix("median interval ").removesuffix(" s")
        ) == pytest.approx(2, abs=0.05)


def test_question_every_other_sample_dropped(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.spl(folder), lambda n, line: line if n % 2 else None, "Time,")
    b.rehash(folder)
    b.assert_found(
        b.report(folder),
        RULE,
        "question",
        where="spl.txt",
        got="median interval 2.0",
        expected="at most 1.1",
    )


@pytest.mark.parametrize(("interval_s", "fails"), [(1.08, False), (1.25, True)])
def test_fail_stamps_cut_to_the_second_tell_the_rate_by_their_mean(
    interval_s: float, fails: bool
) -> None:
    found = b.judge(b.entry(b.run(b.trace(np.floor(np.arange(-5, 606, interval_s))))))
    if fails:
        b.assert_found(
            found, RULE, "fail", where="total.csv", got="mean interval 1.25", expected="at most 1.1"
        )
    else:
        b.assert_pass(found, RULE)


POLLED = [
    (261, 3418),
    (261, 3418),
    (262, 2894),
    (263, 3483),
    (264, 2892),
    (265, 2934),
    (267, 2934),
    (268, 2934),
    (268, 2934),
    (269, 3683),
    (271, 3069),
    (272, 3117),
    (272, 3117),
    (273, 5745),
    (275, 5680),
    (276, 7866),
    (278, 7846),
    (278, 7846),
    (279, 7932),
    (280, 7832),
]
"""Seconds and watts of a BMC that is polled more often than it measures."""


@pytest.mark.parametrize(("changed", "fails"), [(0, True), (2, False)])
def test_fail_one_reading_polled_twice_is_no_second_reading(changed: int, fails: bool) -> None:
    """The second of a stamp counts only where its value differs: then 20 readings in 19 s, else
    16."""
    rows = POLLED * 30
    t_s = [second - 261 + 20 * (n // len(POLLED)) for n, (second, _) in enumerate(rows)]
    value = [watts + changed * (n % 2) for n, (_, watts) in enumerate(rows)]
    found = b.judge(b.entry(b.run(b.trace(t_s, value))))
    if fails:
        b.assert_found(
            found, RULE, "fail", where="total.csv", got="mean interval 1.25", expected="at most 1.1"
        )
    else:
        b.assert_pass(found, RULE)
