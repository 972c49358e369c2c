"""Totals of CodeCarbon: modelled, and complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.scoring.score import score
from tests.formats.loggers.logs import (
    channels,
    energy_j,
    read,
    write,
)

CARBON_HEADER = (
    "timestamp,project_name,run_id,duration,emissions,energy_consumed,cpu_energy,gpu_energy\n"
)


def test_codecarbon_is_modelled_and_its_total_is_kept(tmp_path: Path) -> None:
    text = CARBON_HEADER + "2026-01-05T10:00:00,mine,abc,100.0,0.0012,0.0042,0.001,0.0031\n"
    entry, run = read(write(tmp_path, "emissions.csv", text), "codecarbon")
    assert energy_j(entry) == pytest.approx(0.0042 * 3.6e6)
    assert set(channels(run)) == {"cpu", "gpu", "rest"}
    assert {kind for kind, _, _ in channels(run).values()} == {"estimate"}
    result = score(entry, draws=1000)
    assert (result.measurement_class, entry.benchmark) == ("modelled", "mine")


def test_codecarbon_rows_of_one_run_are_running_totals(tmp_path: Path) -> None:
    rows = [
        "2026-01-05T10:00:00,mine,abc,50.0,0.0006,0.002,0.001,0.001",
        "2026-01-05T10:00:50,mine,abc,100.0,0.0012,0.004,0.002,0.002",
    ]
    entry, _ = read(write(tmp_path, "emissions.csv", CARBON_HEADER + "\n".join(rows)), "codecarbon")
    assert energy_j(entry) == pytest.approx(0.004 * 3.6e6)


def test_codecarbon_of_several_runs_is_refused(tmp_path: Path) -> None:
    row = "2026-01-05T10:00:00,mine,{},50.0,0.0006,0.002,0.001,0.001\n"
    text = CARBON_HEADER + row.format("a") + row.format("b")
    with pytest.raises(UnreadableError, match="several runs"):
        read(write(tmp_path, "emissions.csv", text), "codecarbon")
