"""estimates-declared: estimated parts are declared, and measured parts count."""

from pathlib import Path

from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "estimates-declared"


def test_pass_one_node_needs_no_switch(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_pass_estimated_switch(tmp_path: Path) -> None:
    b.assert_pass(
        b.report(b.training(tmp_path, TrainingForm(interconnect_power_w=16_100.0), nodes=2)), RULE
    )


def test_warn_measured_switch(tmp_path: Path) -> None:
    found = b.report(
        b.training(tmp_path, TrainingForm(switch_power_w=691.0, switch_clock_s=0.0), nodes=2)
    )
    b.assert_found(
        found,
        RULE,
        "warn",
        where="power/result_0/sw_0.txt",
        got="power_reading, in 1 logs",
        expected="only key",
    )
    assert found.verdict == "valid"


def test_question_switch_logs_removed(tmp_path: Path) -> None:
    folder = b.training(tmp_path, TrainingForm(interconnect_power_w=16_100.0), nodes=2)
    (folder / "power" / "result_2" / "sw_0.txt").unlink()
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "question",
        where="result_2.txt",
        got="2 nodes and no interconnect",
        expected="switch",
    )
    assert len(b.of(found, RULE)) == 1


def test_question_estimate_of_zero(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(interconnect_power_w=0.0), nodes=2))
    hit = b.assert_found(
        found, RULE, "question", where="result_0/sw_0", got="0", expected="above 0"
    )
    assert hit.unit == "W"


def test_question_estimate_that_is_no_number(tmp_path: Path) -> None:
    folder = b.training(tmp_path, TrainingForm(interconnect_power_w=100.0), nodes=2)
    b.edit_lines(
        folder / "power/result_0/sw_0.txt",
        lambda _, line: b.set_mllog(line, value="much"),
        "interconnect_power_est",
    )
    b.assert_found(
        b.report(folder),
        RULE,
        "question",
        where="result_0.txt",
        got="no interconnect",
        expected="switch",
    )
