"""description-matches-log: the result logs name the system and benchmark of the package."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "description-matches-log"
SWITCH = TrainingForm(interconnect_power_w=500.0)


def state(folder: Path, key: str, value: object, runs: int = 2) -> None:
    for run in range(runs):
        b.edit_lines(
            folder / f"result_{run}.txt", lambda _, line: b.set_mllog(line, value=value), f'"{key}"'
        )


@pytest.mark.parametrize("platform", ["2xDGX", "16xH100", "DGX", "x", "", None, ["2x"], 3])
def test_pass_nodes_accelerators_or_neither(tmp_path: Path, platform: object) -> None:
    folder = b.submitted(tmp_path, SWITCH, nodes=2, runs=2)
    state(folder, "submission_platform", platform)
    b.assert_pass(b.report(folder), RULE)


def test_warn_half_the_nodes_described_and_logged(tmp_path: Path) -> None:
    folder = b.submitted(tmp_path, SWITCH, nodes=8, runs=2)
    b.describe(folder, number_of_nodes="4")
    for run in range(2):
        for number in range(4, 8):
            b.node(folder, run, number).unlink()
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="result_0.txt",
        got="'8xSIMULATED', in 2 of 2",
        expected="nodes 4 of",
    )
    b.assert_pass(found, "node-count")


@pytest.mark.parametrize(
    ("key", "value"), [("submission_benchmark", "ssd"), ("submission_division", "open")]
)
def test_warn_logs_of_another_benchmark_or_division(tmp_path: Path, key: str, value: str) -> None:
    folder = b.training(tmp_path, runs=2)
    state(folder, key, value, runs=1)
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="result_0.txt",
        got=f"{key} '{value}', in 1 of 2",
        expected="'",
    )
