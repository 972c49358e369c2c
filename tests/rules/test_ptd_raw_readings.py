"""ptd-raw-readings: the trace is what the analyzer sent."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-raw-readings"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_scale_testing_a_little(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.scale_testing_a_little)
    b.assert_found(
        found, RULE, "fail", where="run_1/spl.txt", got="readings were never sent", expected="as ptd_logs.txt has it"
    )


def test_fail_swap_two_readings(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.swap_two_readings)
    b.assert_found(found, RULE, "fail", where="spl.txt, line 301", got="2 of 619", expected="as ptd_logs.txt has it")


def test_fail_cut_the_last_minute(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.cut_the_last_minute)
    b.assert_found(found, RULE, "fail", where="run_1/spl.txt", got="no line; 0 of", expected="readings")


def test_fail_raw_reply_left_out(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.raw_reply_left_out)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="power/server.log",
        got="0 replies with the readings of testing",
        expected="1, one from each",
    )


def test_fail_empty_raw_log(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.empty_raw_log)
    b.assert_found(found, RULE, "fail", where="power/ptd_logs.txt", got="0 replies", expected="1, one from each")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
