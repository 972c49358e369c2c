"""phases-and-clocks: both runs lie in their phases, on clocks that agree."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "phases-and-clocks"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


V10 = "mlperf-inference-v1.0"


@pytest.mark.parametrize("hours", [-7, 8])
def test_pass_local_stamps_of_v1_0_that_are_read_as_such(hours: int, tmp_path: Path) -> None:
    """timezone 28800, phase at 1616065285.478, power_begin "03-18-2021 04:02:38.560": seven
    hours, by summer time."""
    b.assert_pass(b.judge(replace(t.local_time(b.inference(tmp_path), hours), round=V10)), RULE)


def test_fail_local_stamps_that_are_read_as_utc(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    t.local_time(folder, -7)
    found = b.report(folder, V10)
    assert len([f for f in b.of(found, RULE) if "before the" in f.got]) == 4
    b.assert_found(
        found, RULE, "fail", where="run_1", got="before the testing phase", expected="inside"
    )


def test_fail_local_stamps_in_a_round_that_stamps_in_utc(tmp_path: Path) -> None:
    found = b.judge(t.local_time(b.inference(tmp_path), -7))
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_detail.txt",
        got="stamp +25200 from UTC",
        expected="at most 0",
    )


def test_fail_hour_later(tmp_path: Path) -> None:
    """The check accepts a window one hour off, but the readings do not lie in their phase."""
    found = t.judged(tmp_path, t.hour_later)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="spl.txt",
        got="after the testing phase",
        expected="readings of it",
    )
    b.assert_found(
        found,
        RULE,
        "warn",
        where="mlperf_log_detail.txt",
        got="a window one hour after the testing phase",
        expected="a window inside it",
    )


def test_fail_readings_an_hour_later(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.readings_an_hour_later)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="after the testing phase",
        expected="readings of it",
    )


def test_question_ntp_offset_of_nine_seconds(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.ntp_offset_of_nine_seconds)
    b.assert_found(
        found, RULE, "question", where="client.log", got="NTP offset 9.000", expected="at most 0.4"
    )


def test_question_skew_of_nine_tenths(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.skew_of_nine_tenths)
    b.assert_found(
        found,
        RULE,
        "question",
        where="client.log",
        got="difference of the hosts 0.900",
        expected="at most 0.4",
    )


def test_fail_clock_two_seconds_off(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.clock_two_seconds_off)
    b.assert_found(
        found, RULE, "fail", where="client.json", got="stamp 1 of testing", expected="at most 0.8"
    )


def test_warn_clock_moved_in_the_run(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.clock_moved_in_the_run)
    b.assert_found(
        found, RULE, "warn", where="client.json", got="moved by 30", expected="at most 0.4"
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )
