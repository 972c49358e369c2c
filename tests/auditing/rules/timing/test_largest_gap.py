"""largest-gap: no long silence, and not many short ones."""

from pathlib import Path

import numpy as np
import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "largest-gap"
SECONDS = np.arange(-5.0, 606.0)


def without(*spans: tuple[float, float]) -> np.ndarray:
    """Once a second, silent between the ends of each span."""
    kept = np.ones(len(SECONDS), bool)
    for start, stop in spans:
        kept &= (start >= SECONDS) | (stop <= SECONDS)
    return SECONDS[kept] + 0.25  # not whole seconds


def test_pass_no_gap(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


def test_pass_silence_outside_the_window() -> None:
    run = b.run(b.trace([-90.0, *(SECONDS + 0.25), 700.25, 701.25]))
    b.assert_pass(b.judge(b.entry(run)), RULE)


def test_pass_gap_of_exactly_ten_seconds() -> None:
    b.assert_pass(b.judge(b.entry(b.run(b.trace(without((100, 110)))))), RULE)


def test_fail_gap_of_eleven_seconds() -> None:
    found = b.judge(b.entry(b.run(b.trace(without((100, 111))))))
    hit = b.assert_found(
        found, RULE, "fail", where="total.csv", got="11.000 s without", expected="at most 10"
    )
    assert hit.unit == "s"


def test_pass_jitter_below_half_an_interval() -> None:
    t_s = np.cumsum(np.tile([1.0, 1.095, 0.905], 210)) - 5
    b.assert_pass(b.judge(b.entry(b.run(b.trace(t_s)))), RULE)


@pytest.mark.parametrize(("gaps", "fails"), [(7, False), (8, True)])
def test_fail_many_short_gaps_add_up(gaps: int, fails: bool) -> None:
    """A silence of 5 s lacks four readings: 7 are 28 s of 600 s, 8 are 32 s, and 30 s are
    allowed."""
    found = b.judge(
        b.entry(b.run(b.trace(without(*((50 * k, 50 * k + 5) for k in range(1, gaps + 1))))))
    )
    if fails:
        b.assert_found(
            found,
            RULE,
            "fail",
            where="total.csv",
            got="5.33 % of the window",
            expected="at most 5",
        )
    else:
        b.assert_pass(found, RULE)


def test_question_peaks_deleted(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(
        b.node(folder), lambda _, line: line if '"value": 62' in line else None, "power_reading"
    )
    b.assert_found(
        b.report(folder),
        RULE,
        "question",
        where="result_0/node_0.txt",
        got="without a",
        expected="at most 10",
    )


def test_question_peaks_dropped_and_hashes_rewritten(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.spl(folder), lambda _, line: None if b.watts(line) > 420 else line, "Time,")
    b.rehash(folder)
    found = b.report(folder)
    assert b.of(found, "declared-hashes") == []
    b.assert_found(
        found, RULE, "question", where="spl.txt", got="of the window in gaps", expected="at most 5"
    )


def test_question_half_the_lines_malformed(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(
        b.node(folder), lambda n, line: line[:40] + "\n" if n // 3 % 2 else line, "power_reading"
    )
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "question",
        where="result_0/node_0.txt",
        got="of the window",
        expected="at most 5",
    )
    b.assert_found(
        found,
        "evidence-readable",
        "warn",
        where="node_0.txt",
        got="mllog-line-broken",
        expected="lines",
    )


def test_pass_a_counter_loses_nothing_in_a_late_read() -> None:
    t_s = without((100, 130))
    run = b.run(b.trace(t_s, (t_s + 10) * 400.0, "counter"))
    b.assert_pass(b.judge(b.entry(run)), RULE)


def test_pass_repeated_stamps_are_no_silence(tmp_path: Path) -> None:
    """Every eighth reading carries the stamp of the one before: 12 % of the steps last 2 s, and
    nothing is missing."""
    folder = b.training(tmp_path, TrainingForm(equal_stamps=8))
    found = b.report(folder)
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"
    assert b.of(found, "time-order")


def test_fail_repeated_stamps_hide_no_real_gap() -> None:
    t_s = sorted(
        [
            *without(*((40 * k, 40 * k + 9) for k in range(1, 8))),
            *(40 * k + 0.25 for k in range(1, 8)),
        ]
    )
    found = b.judge(b.entry(b.run(b.trace(t_s, 400 + np.arange(len(t_s)) % 7))))
    b.assert_found(
        found, RULE, "fail", where="total.csv", got="8.17 % of the window", expected="at most 5"
    )


def test_fail_a_reading_polled_twice_excuses_no_silence() -> None:
    """Eight silences of 5 s: a second reading at one end would excuse one second of each, a copy
    of the first none."""
    ends = [50 * k + 0.25 for k in range(1, 9)]
    t_s = np.array(sorted([*without(*((50 * k, 50 * k + 5) for k in range(1, 9))), *ends]))
    twice = np.isin(t_s, ends)
    b.assert_pass(b.judge(b.entry(b.run(b.trace(t_s, 400 + np.arange(len(t_s)) % 7)))), RULE)
    found = b.judge(b.entry(b.run(b.trace(t_s, np.where(twice, 400, 401)))))
    b.assert_found(
        found, RULE, "fail", where="total.csv", got="5.33 % of the window", expected="at most 5"
    )


def test_pass_stamps_cut_to_the_second() -> None:
    """A poll every 1.08 s shows a step of 2 s in every 13: 7 % of the window, and nothing is
    missing."""
    run = b.run(b.trace(np.floor(np.arange(-5, 606, 1.08))))
    b.assert_pass(b.judge(b.entry(run)), RULE)


def test_fail_stamps_cut_to_the_second_and_a_real_gap() -> None:
    t_s = np.floor(np.arange(-5, 606, 1.08))
    found = b.judge(b.entry(b.run(b.trace(t_s[(t_s < 200) | (t_s > 215)]))))
    b.assert_found(
        found, RULE, "fail", where="total.csv", got="17.000 s without", expected="at most 10"
    )
