"""ptd-uncertainty: the analyzer's uncertainty stays within the limit while it counts."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-uncertainty"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_uncertain_readings(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uncertain_readings)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="ptd_logs.txt",
        got="500 readings of the window above the limit, the worst 9.99",
        expected="at most 1",
    )


def test_fail_uncertainty_reply_of_a_quarter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uncertainty_reply_of_a_quarter)
    b.assert_found(found, RULE, "fail", where="server.json", got="mean uncertainty 25", expected="at most 1")


def test_fail_uncertainty_check_off(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uncertainty_check_off)
    b.assert_found(found, RULE, "fail", where="ptd_logs.txt", got="no line that uncertainty checking", expected="one")


def test_fail_unknown_uncertainty(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.unknown_uncertainty)
    b.assert_found(found, RULE, "warn", where="ptd_logs.txt", got="3 times unknown", expected="known")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
