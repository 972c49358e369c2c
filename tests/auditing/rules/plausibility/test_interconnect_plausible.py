"""interconnect-plausible: the declared power is one that switches have, and is of this run."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "interconnect-plausible"


def declared(root: Path, power_w: float, stamp_ms: object = None) -> Path:
    folder = b.training(root, TrainingForm(interconnect_power_w=power_w), nodes=4, runs=2)
    for run in range(2):
        path = folder / f"power/result_{run}/sw_0.txt"
        stamp = b.first_ms(b.node(folder, run)) if stamp_ms is None else stamp_ms
        b.edit_lines(
            path, lambda _, line, stamp=stamp: b.set_mllog(line, time_ms=stamp), "interconnect"
        )
    return folder


def test_pass_a_switch_of_this_run(tmp_path: Path) -> None:
    b.assert_pass(b.report(declared(tmp_path, 4000.0)), RULE)


@pytest.mark.parametrize("stamp", ["then", -5, 1e300, True])
def test_pass_no_stamp_to_judge(tmp_path: Path, stamp: object) -> None:
    b.assert_pass(b.report(declared(tmp_path, 4000.0, stamp)), RULE)


def test_pass_a_measured_switch(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path, TrainingForm(switch_power_w=691.0), nodes=2)), RULE)


def test_pass_a_training_run_without_logs_of_training() -> None:
    """A run of one's own format has no stamps of estimates to judge."""
    nodes = [b.trace(range(-5, 606), id=f"n{i}", boundary="node", node=f"n{i}") for i in (0, 1)]
    switch = b.trace(range(-5, 606), id="switch", boundary="interconnect")
    run = b.run(*nodes, switch)
    b.assert_pass(b.judge(b.entry(run, task="training", round="mlperf-training-v5.0")), RULE)


def test_warn_a_few_watts_for_many_nodes(tmp_path: Path) -> None:
    found = b.report(declared(tmp_path, 3.0))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="result_0.txt",
        got="0.75 W for each node, in 2 of 2",
        expected="10",
    )
    assert found.verdict == "valid"


def test_warn_a_line_copied_from_an_example(tmp_path: Path) -> None:
    found = b.report(declared(tmp_path, 4000.0, 1_652_749_794_206))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="result_0/sw_0",
        got="stamped 2022-05-17, 3.6 years",
        expected="at most 1",
    )
