"""ptd-replies: the PTDaemon's own figures are those of the trace."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-replies"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_halve_all_the_readings_there_are(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.halve_all_the_readings_there_are)
    b.assert_found(found, RULE, "fail", where="server.json", got="Watts after testing: mean", expected="by spl.txt")


def test_fail_watts_reply_of_another_run(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.watts_reply_of_another_run)
    b.assert_found(found, RULE, "fail", where="server.json", got="mean 9999", expected="by spl.txt")


def test_fail_uncertainty_reply_of_a_quarter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uncertainty_reply_of_a_quarter)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="server.json",
        got="Uncertainty after testing: Uncertainty,0.25",
        expected="ptd_logs.txt has too",
    )


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
