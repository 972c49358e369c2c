"""window-inside-trace: the readings begin before the window and end after it."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "window-inside-trace"


def test_pass_readings_before_and_after(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


@pytest.mark.parametrize("round_name", [b.OWN, b.INFERENCE, b.TRAINING])
def test_pass_first_reading_exactly_at_the_start(round_name: str) -> None:
    run = b.run(b.trace(range(601)))
    b.assert_pass(b.judge(b.entry(run), round_name=round_name), RULE)


def test_pass_first_reading_one_interval_after_the_start(tmp_path: Path) -> None:
    """A cell that crosses the edge speaks of both sides; a log cut at the run's ends is short by
    at most that."""
    b.assert_pass(b.report(b.training(tmp_path, TrainingForm(padding_s=0.0))), RULE)


def test_question_log_cut_inside_the_window(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    count = b.spl(folder).read_text("utf-8").count("Time,")
    b.edit_lines(b.spl(folder), lambda n, line: line if n < count - 15 else None, "Time,")
    found = b.report(folder)
    hit = b.assert_found(
        found, RULE, "question", where="run_1/spl.txt", got="before the end", expected="at most 1.1"
    )
    assert hit.unit == "s"
    assert "after the start" not in hit.got


def test_question_one_sample_left(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.spl(folder), lambda n, line: line if n == 300 else None, "Time,")
    b.assert_found(
        b.report(folder),
        RULE,
        "question",
        where="spl.txt",
        got="after the start, last",
        expected="at most",
    )


def test_fail_no_usable_reading_is_infinitely_late() -> None:
    run = b.run(b.trace(range(601), -1.0))
    b.assert_found(
        b.judge(b.entry(run)),
        RULE,
        "fail",
        where="total.csv",
        got="no usable reading",
        expected="whole",
    )


def test_warn_training_starts_late_and_channels_are_counted(tmp_path: Path) -> None:
    folder = b.training(tmp_path, TrainingForm(interconnect_power_w=100.0), nodes=4)
    for number in (1, 2):
        b.edit_lines(
            b.node(folder, 0, number),
            lambda n, line, number=number: line if n > 7 + number else None,
            "power_reading",
        )
    found = b.report(folder)
    hit = b.assert_found(
        found,
        RULE,
        "warn",
        where="result_0/node_2.txt",
        got="after the start",
        expected="at most 1",
    )
    assert hit.got.endswith("2 of 4 channels at fault")
    assert found.verdict == "questioned"
