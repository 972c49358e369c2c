"""ranging-matches-testing: the ranging run did the same work."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from harness.auditing.report import EntryReport
from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ranging-matches-testing"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_scale_testing_more(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.scale_testing_more)
    b.assert_found(found, RULE, "fail", where="run_1/spl.txt", got="-", expected="-5 to +5")


def test_fail_short_and_halved(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.short_and_halved)
    b.assert_found(found, RULE, "fail", where="run_1/spl.txt", got="-", expected="-5 to +5")


def test_warn_drop_before_v3_1(tmp_path: Path) -> None:
    """Its check compared durations only: mean powers came in May 2023."""

    def edit(folder: Path) -> None:
        t.of_round(folder, "3.0")
        t.scale_testing_more(folder)

    found = t.judged(tmp_path, edit)
    b.assert_found(found, RULE, "warn", where="run_1/spl.txt", got="-", expected="-5 to +5")


def test_warn_testing_run_that_draws_more(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.testing_run_that_draws_more)
    b.assert_found(found, RULE, "warn", where="run_1/spl.txt", got="+", expected="-5 to +5")


def test_warn_readings_of_the_ranging_run(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.readings_of_the_ranging_run)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/spl.txt",
        got="the course of the ranging run, times 0.98",
        expected="of its own",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def failed_in_ranging(count: int) -> t.Edit:
    """Readings above the automatic range, as a WT300 prints them; the others are those at rest."""

    def change(n: int, line: str) -> str:
        failed = "Watts,-1.000000,Volts,205.453333,Amps,-1.000000,PF,-1.000000,Mark"
        if 100 <= n < 100 + count:
            return re.sub("Watts,.*,Mark", failed, line)
        return t.coherent(0.6)(n, line)

    return lambda folder: t.rows(folder, change, "ranging")


def test_warn_most_readings_of_ranging_failed(tmp_path: Path) -> None:
    (hit,) = b.of(t.judged(tmp_path, failed_in_ranging(450)), RULE)
    assert (hit.status, hit.where) == ("warn", "performance/ranging/spl.txt")
    assert hit.got.startswith("450 of 60")


def test_warn_few_readings_of_ranging_failed_and_testing_draws_more(tmp_path: Path) -> None:
    (hit,) = b.of(t.judged(tmp_path, failed_in_ranging(30)), RULE)
    assert (hit.status, hit.where) == ("warn", "performance/run_1/spl.txt")
    assert hit.got.startswith("+6")


def test_fail_failed_readings_of_ranging_do_not_hide_a_drop(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        failed_in_ranging(450)(folder)
        t.rows(folder, t.coherent(0.5))

    found = t.judged(tmp_path, edit)
    b.assert_found(found, RULE, "fail", where="run_1/spl.txt", got="-1", expected="-5 to")


def test_pass_a_ranging_run_of_half_the_length(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        begin, end = t.window(folder, "ranging")
        for key, value in (("power_begin", begin), ("power_end", begin + (end - begin) / 2)):
            b.edit_lines(
                t.detail(folder, "ranging"),
                lambda _, line, v=value: b.set_mllog(line, value=t.stamp(v)),
                f'"{key}"',
            )

    b.assert_pass(t.judged(tmp_path, edit), RULE)


def failed_outside(seconds: float) -> t.Edit:
    """Failed readings before the window of the ranging run, up to `seconds` after its begin."""

    def edit(folder: Path) -> None:
        begin, _ = t.window(folder, "ranging")
        until = begin + timedelta(seconds=seconds)
        failed = "Watts,-1.000000,Volts,205.453333,Amps,-1.000000,PF,-1.000000,Mark"
        t.rows(
            folder,
            lambda _, line: (
                re.sub("Watts,.*,Mark", failed, line) if t.time_of(line) < until else line
            ),
            "ranging",
        )

    return edit


def failures(found: EntryReport) -> list[str]:
    return [finding.got for finding in b.of(found, RULE) if "failed" in finding.got]


def test_failed_readings_outside_the_window_do_not_count(tmp_path: Path) -> None:
    assert failures(t.judged(tmp_path, failed_outside(0))) == []


def test_warn_just_above_a_tenth_of_the_readings_of_ranging_failed(tmp_path: Path) -> None:
    """Of 600 readings 60 may fail; the first of 61 lies at the start of the window."""
    assert failures(t.judged(tmp_path / "few", failed_outside(55))) == []
    (got,) = failures(t.judged(tmp_path / "many", failed_outside(75)))
    count, _, of = got.partition(" of ")
    assert 74 <= int(count) <= 76
    assert 599 <= int(of.split()[0]) <= 602


def test_readings_of_one_stamp_are_no_failures(tmp_path: Path) -> None:
    """Every third reading is written twice: the second is left out, and has not failed."""
    found = t.judged(
        tmp_path,
        lambda folder: t.rows(
            folder, lambda n, line: line + line if n % 3 == 0 else line, "ranging"
        ),
    )
    assert failures(found) == []
