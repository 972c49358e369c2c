"""loadgen-summary: LoadGen's logs tell one story."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "loadgen-summary"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_summary_says_invalid(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.summary_says_invalid)
    b.assert_found(found, RULE, "fail", where="mlperf_log_summary.txt", got="Result is INVALID", expected="VALID")


def test_fail_window_into_idle(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.window_into_idle)
    b.assert_found(found, RULE, "fail", where="mlperf_log_detail.txt", got="an end 61.9", expected="within 10")


def test_fail_window_longer_than_the_work(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.window_longer_than_the_work)
    b.assert_found(
        found, RULE, "fail", where="mlperf_log_detail.txt", got="a window of 604", expected="by LoadGen's own count"
    )


def test_fail_faster_in_the_summary(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.faster_in_the_summary)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_summary.txt",
        got="Samples per second 9",
        expected="as the detail log has it",
    )


def test_fail_faster_in_both(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.faster_in_both)
    b.assert_found(found, RULE, "fail", where="mlperf_log_detail.txt", got="a window of 600", expected="300")


def test_fail_accuracy_run_for_power(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.accuracy_run_for_power)
    b.assert_found(
        found, RULE, "fail", where="mlperf_log_summary.txt", got="Mode AccuracyOnly", expected="PerformanceOnly"
    )


def test_fail_other_scenario(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.other_scenario)
    b.assert_found(found, RULE, "fail", where="mlperf_log_summary.txt", got="Scenario Server", expected="Offline")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
