"""Slurm's own count of the step is kept as context, and a query that fails is no fault."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import api
from harness.formats.base import Entry
from harness.formats.run_directory import FORMAT
from harness.live.distributed import slurm_energy
from harness.live.distributed.slurm_energy import StepEnergy
from harness.live.merge_ranks import merge
from tests.live.distributed.true_energy import Machine, write_ranks


@pytest.fixture
def sstat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a stand-in for sstat on the path, and this process into step 3 of job 7."""

    def install(script: str) -> Path:
        program = tmp_path / "bin" / "sstat"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_STEP_ID", "3")
    return install


def test_the_energy_between_both_queries_is_kept(
    sstat: Callable[[str], Path], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    sstat(f"printf '%s ' \"$@\" >> {asked}; echo 1000")
    step = StepEnergy(is_used=True)
    sstat("echo 1850")
    step.read_after()
    facts = step.facts()["slurm_step_energy"]
    assert (facts["energy_j"], facts["step"]) == (850, "7.3")
    assert facts["start_ns"] < facts["stop_ns"]
    assert asked.read_text().split() == ["-n", "-P", "-a", "-j", "7.3", "-o", "ConsumedEnergyRaw"]


@pytest.mark.parametrize(
    "script",
    ["echo 0", "echo 18446744073709551614", "echo", "echo unknown", "exit 1", "sleep 9", "echo -5"],
)
def test_where_nothing_counts_there_is_nothing_to_tell(
    script: str, sstat: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_energy, "TIME_LIMIT_S", 0.3)
    sstat(script)
    step = StepEnergy(is_used=True)
    step.read_after()
    assert step.facts() == {}


def test_other_ranks_and_machines_without_slurm_do_not_ask(
    sstat: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sstat("echo 1000")
    assert StepEnergy(is_used=False).facts() == {}
    monkeypatch.delenv("SLURM_STEP_ID")
    step = StepEnergy(is_used=True)
    step.read_after()
    assert step.facts() == {}


def test_a_result_names_the_count_of_slurm_beside_its_own(
    tmp_path: Path, entry_of: Callable[..., Entry]
) -> None:
    witness = {"energy_j": 8000, "start_ns": 10**18, "stop_ns": 10**18 + 20 * 10**9}
    machines = [Machine(50, 300, (0, 14)), Machine(60, 310, (0, 14))]
    folder = tmp_path / "work" / "run-1"
    merge(write_ranks(folder, entry_of(), machines, facts={"slurm_step_energy": witness}))
    (result,) = api.score(api.read(folder))
    (note,) = [note for note in result.notes if "Slurm" in note]
    assert note.startswith("Slurm counts 8000 J for the job step in the 20.0 s")
    assert result.energy.value == pytest.approx(14 * 610, rel=0.003)
    assert FORMAT.read(folder, "e").runs[0].evidence.extra["slurm_step_energy"] == witness
