"""ranging-against-testing: the ranging run did the same work."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "ranging-against-testing"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_scale_testing_more(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.scale_testing_more)
    b.assert_found(found, RULE, "fail", where="run_1/spl.txt", got="-", expected="-5 to +5")


def test_fail_short_and_halved(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.short_and_halved)
    b.assert_found(found, RULE, "fail", where="run_1/spl.txt", got="-", expected="-5 to +5")


def test_fail_short_and_halved_warn(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.short_and_halved)
    b.assert_found(found, RULE, "warn", where="mlperf_log_detail.txt", got="240.0 against 600", expected="within 50 %")


def test_fail_testing_run_that_draws_more(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.testing_run_that_draws_more)
    b.assert_found(found, RULE, "warn", where="run_1/spl.txt", got="+", expected="-5 to +5")


def test_fail_readings_of_the_ranging_run(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.readings_of_the_ranging_run)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/spl.txt",
        got="the course of the ranging run, times 0.98",
        expected="of its own",
    )


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
