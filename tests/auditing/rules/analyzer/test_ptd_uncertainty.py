"""ptd-uncertainty: the analyzer's uncertainty stays within the limit while it counts."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-uncertainty"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


ABOVE = "WARNING: Uncertainty {}%, which is above 1.00% limit for the last sample!"
ABOVE_1_9 = "WARNING: Uncertainty {}% above 1.00% limit for the last measurement sample!"


def say(folder: Path, after_begin_s: float, text: str, times: int = 1) -> None:
    """A line of the PTDaemon, so long after the begin of the window."""
    start = t.window(folder)[0] + timedelta(seconds=after_begin_s)
    t.log(folder, text, after="_testing'\n", times=times, start=start)


def test_pass_reading_that_is_the_mean_of_the_time_before_the_window(tmp_path: Path) -> None:
    """Stamped 51 ms after the begin, it averages 949 ms that do not count."""
    b.assert_pass(t.judged(tmp_path, lambda folder: say(folder, 0.051, ABOVE.format("1.24"))), RULE)


@pytest.mark.parametrize("text", [ABOVE, ABOVE_1_9])
def test_pass_step_of_the_load_is_a_warning(text: str, tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        say(folder, 0.051, text.format("1.24"))
        say(folder, 1.051, text.format("1.10"))

    found = t.judged(tmp_path, change)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got="1 readings of the window above the limit, the worst 1.10",
        expected="0.01 of its",
    )
    assert found.verdict == "valid"
    b.assert_pass(found, "ptd-errors")


def test_warn_a_line_for_each_channel_is_one_reading(tmp_path: Path) -> None:
    def change(folder: Path) -> None:
        """As of 04:13:17.655 and 04:13:17.656, in the order of their stamps."""
        for second in range(5, 0, -1):
            for n, share in enumerate(("1.12", "1.31", "1.05")):
                say(folder, 20 + second - n / 1000, ABOVE_1_9.format(share))

    found = t.judged(tmp_path, change)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got="5 readings of the window",
        expected="at most 1",
    )


@pytest.mark.parametrize("text", [ABOVE, ABOVE_1_9])
def test_fail_more_than_one_in_a_hundred_readings(text: str, tmp_path: Path) -> None:
    found = t.judged(tmp_path, lambda folder: say(folder, 20, text.format("1.12"), times=7))
    b.assert_found(
        found,
        RULE,
        "fail",
        where="ptd_logs.txt",
        got="7 readings of the window above the limit, the worst 1.12",
        expected="at most 1",
    )


def test_warn_lines_in_local_time_are_of_the_window(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    say(folder, 20, ABOVE_1_9.format("1.12"), times=7)
    found = b.judge(replace(t.local_time(folder, -7), round="mlperf-inference-v1.0"))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got="7 readings of the window",
        expected="at most 1",
    )


@pytest.mark.parametrize(
    ("number", "version"), [("1.1", "1.9.2"), ("2.1", "1.9.2"), ("3.0", "1.10.0")]
)
def test_warn_uncertain_readings_before_v3_1(number: str, version: str, tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        t.of_round(folder, number, version)
        t.uncertain_readings(folder)

    found = t.judged(tmp_path, edit)
    assert found.verdict == "valid"
    b.assert_found(
        found, RULE, "warn", where="ptd_logs.txt", got="500 readings", expected="at most 1"
    )


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
    b.assert_found(
        found, RULE, "fail", where="server.json", got="mean uncertainty 25", expected="at most 1"
    )


def test_warn_unknown_uncertainty(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.unknown_uncertainty)
    b.assert_found(
        found, RULE, "warn", where="ptd_logs.txt", got="3 times unknown", expected="known"
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def test_fail_the_last_reply_counts_and_must_have_seven_numbers(tmp_path: Path) -> None:
    """Uncertainty is asked for more than once; the reply after the run is the last one."""
    cut = t.judged(
        tmp_path / "last", lambda folder: t.say(folder, "Uncertainty", lambda _: "Uncertainty,0.1")
    )
    b.assert_found(
        cut,
        RULE,
        "fail",
        where="server.json",
        got="Uncertainty after testing: Uncertainty,0.1",
        expected="seven numbers",
    )


@pytest.mark.parametrize(("mean", "fails"), [("0.0100", False), ("0.0101", True), ("0.0", True)])
def test_the_mean_uncertainty_is_above_nothing_and_at_most_the_limit(
    mean: str, fails: bool, tmp_path: Path
) -> None:
    found = t.judged(
        tmp_path,
        lambda folder: t.say(
            folder,
            "Uncertainty",
            lambda reply: ",".join(["Uncertainty", mean, *reply.split(",")[2:]]),
        ),
    )
    means = [item for item in b.of(found, RULE) if item.got.startswith("mean uncertainty")]
    assert bool(means) is fails
