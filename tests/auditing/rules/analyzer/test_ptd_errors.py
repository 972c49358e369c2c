"""ptd-errors: the PTDaemon reported no error."""

import re
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-errors"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_usb_error_before_others(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.usb_error_before_others)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="ptd_logs.txt",
        got="Bad watts reading nan from WT210 (5 times",
        expected="no error",
    )


def test_warn_usb_error_before_others(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.usb_error_before_others)
    b.assert_found(
        found, RULE, "warn", where="ptd_logs.txt", got="ERROR: USB. (1 times", expected="no error"
    )


def test_fail_error_after_testing(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.error_after_testing)
    b.assert_found(
        found, RULE, "fail", where="ptd_logs.txt", got="Lost connection", expected="no error"
    )


def test_warn_strange_error_in_ranging(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.strange_error_in_ranging)
    b.assert_found(found, RULE, "warn", where="ptd_logs.txt", got="in ranging", expected="no error")


def test_warn_missed_samples_in_the_window(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.missed_samples_in_the_window)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got="Missed 1 samples (2 times",
        expected="no warning",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def test_warn_uncertainty_that_no_other_rule_looks_at(tmp_path: Path) -> None:
    text = "WARNING: Uncertainty table of the meter is out of date"
    found = t.judged(tmp_path, lambda folder: t.log(folder, text, after="_testing'\n", times=2))
    b.assert_found(
        found, RULE, "warn", where="ptd_logs.txt", got=f"{text} (2 times", expected="no warning"
    )
    b.assert_pass(found, "ptd-uncertainty")


def test_an_error_is_placed_by_its_time_to_the_millisecond(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.error_after_testing)
    places = [item.where for item in b.of(found, RULE) if "Lost connection" in item.got]
    assert len(places) == 1
    assert re.fullmatch(
        r"performance/power/ptd_logs\.txt, \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", places[0]
    )
