"""meter-range: the ranges that were set fit the load."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "meter-range"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_overloaded_range(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.overloaded_range)
    b.assert_found(found, RULE, "warn", where="run_1/spl.txt", got="of the range", expected="at most 1 of 2")


def test_fail_far_too_wide_a_range(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.far_too_wide_a_range)
    b.assert_found(found, RULE, "warn", where="run_1/spl.txt", got="in a range of 20", expected="the range of 10")


def test_fail_automatic_ranges_in_testing(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.automatic_ranges_in_testing)
    b.assert_found(found, RULE, "warn", where="ptd_logs.txt", got="current range not fixed", expected="a fixed range")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
