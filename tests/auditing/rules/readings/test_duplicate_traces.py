"""duplicate-traces: no trace is a copy of another."""

import json
import shutil
from pathlib import Path

from lab_simulator import TrainingForm

from harness import api
from harness.auditing.report import EntryReport
from tests.auditing.rules import builders as b

RULE = "duplicate-traces"


def test_pass_nodes_that_were_measured(tmp_path: Path) -> None:
    b.assert_pass(
        b.report(b.training(tmp_path, TrainingForm(interconnect_power_w=50.0), nodes=4)), RULE
    )


def test_pass_two_readings_prove_nothing() -> None:
    b.assert_pass(
        b.judge(b.entry(b.run(b.trace([0, 600])), b.run(b.trace([0, 600]), id="run_2"))), RULE
    )


def test_pass_channels_of_one_meter_may_be_equal() -> None:
    total, part = b.trace(range(601)), b.trace(range(601), id="ch1", part_of="total")
    b.assert_pass(b.judge(b.entry(b.run(total, part))), RULE)


def test_fail_node_logs_copied_within_a_run(tmp_path: Path) -> None:
    form = TrainingForm(copied_nodes=True, interconnect_power_w=50.0)
    found = b.report(b.training(tmp_path, form, nodes=4))
    hit = b.assert_found(
        found,
        RULE,
        "fail",
        where="power/result_0/node_0.txt",
        got="power/result_0/node_1.txt",
        expected="each node",
    )
    assert "4 channels of this run" in hit.got
    assert len(b.of(found, RULE)) == 3, "one finding for each run"


def test_fail_log_of_one_run_copied_to_all(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    for run in (1, 2):
        shutil.copy(b.node(folder, 0), b.node(folder, run))
    found = b.report(folder)
    b.assert_found(
        found, RULE, "fail", where="result_0/node_0.txt", got="of run result_1", expected="each run"
    )
    b.assert_found(
        found, "coverage", "fail", where="result_2/node_0.txt", got="0.00 %", expected="95"
    )


def test_fail_run_entered_twice(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    shutil.copy(folder / "result_0.txt", folder / "result_raw_0.txt")
    shutil.copytree(folder / "power" / "result_0", folder / "power" / "result_raw_0")
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="result_0/",
        got="run result_raw_0",
        expected="each run",
    )


def test_note_one_measurement_of_a_system_in_two_results(tmp_path: Path) -> None:
    folder = b.inference(tmp_path, benchmark="gptj-99")
    shutil.copytree(folder, folder.parents[1] / "gptj-99.9" / "Offline")
    reports = api.audit(tmp_path).entries
    assert [report.verdict for report in reports] == ["valid", "valid"]
    assert reports[0].session == reports[1].session
    for report, copy in zip(reports, reversed(reports), strict=True):
        b.assert_pass(report, RULE)
        assert report.notes == (f"shares its measurement with {copy.id}",)


def entered_twice(root: Path, **changed: object) -> list[EntryReport]:
    """The audit of one session under two systems, whose descriptions differ in some fields."""
    folder = b.inference(root)
    shutil.copytree(folder.parents[1], folder.parents[2] / "sim-2")
    systems = root / "closed/Lab/systems"
    description = json.loads((systems / "sim-1.json").read_text("utf-8"))
    (systems / "sim-2.json").write_text(json.dumps(description | changed), "utf-8")
    return list(api.audit(root).entries)


def test_note_one_machine_in_two_suites(tmp_path: Path) -> None:
    settings = "closed/Lab/measurements/sim-2/power_settings.adoc"
    reports = entered_twice(tmp_path, system_type="edge", power_settings=settings)
    for report, system in zip(reports, ("sim-2", "sim-1"), strict=True):
        b.assert_pass(report, RULE)
        (note,) = report.notes
        assert note.endswith(f"; the machine is also entered as {system}")


def test_fail_session_of_another_machine(tmp_path: Path) -> None:
    for report in entered_twice(tmp_path, system_name="another box"):
        hit = b.assert_found(
            report, RULE, "fail", where="spl.txt", got="of another system", expected="each system"
        )
        assert ("sim-2" if "sim-1" in report.id else "sim-1") in hit.got


def test_note_same_id_in_two_trees_is_seen_as_a_copy() -> None:
    entries = [b.entry(b.run(b.trace(range(-2, 603)))) for _ in range(2)]
    report = b.judge(*entries)
    b.assert_pass(report, RULE)
    assert report.notes == ("shares its measurement with e",)
