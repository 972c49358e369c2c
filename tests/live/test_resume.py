"""Resuming adds the missing runs of a plan, and deletes nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.meters.base import Unavailable


def runs(out: Path, repeat: int, resume: bool = False, name: str = "w") -> list[str]:
    settings = Settings(out=out, meters=("estimator",), idle_s=(0, 0), repeat=repeat, resume=resume)
    plan = plan_command((sys.executable, "-c", "pass"), settings, name=name)
    return [recorded.folder.name for recorded in measure(plan)]


def test_only_missing_runs_are_made(tmp_path: Path) -> None:
    assert runs(tmp_path, 3) == ["run-1", "run-2", "run-3"]
    second = tmp_path / "w" / "run-2"
    (second / "run.json").rename(second / "incomplete.json")
    before = (tmp_path / "w" / "run-1" / "run.json").read_bytes()
    assert runs(tmp_path, 3, resume=True) == ["run-2"]
    assert (tmp_path / "w" / "run-1" / "run.json").read_bytes() == before
    assert (tmp_path / "w" / ".incomplete" / "run-2-1" / "incomplete.json").is_file()


def test_another_plan_is_refused_once_there_are_runs(tmp_path: Path) -> None:
    runs(tmp_path, 2)
    with pytest.raises(UsageError, match="another plan was committed"):
        runs(tmp_path, 3, resume=True)


def test_a_plan_of_a_start_that_failed_is_no_lock(tmp_path: Path) -> None:
    runs(tmp_path, 2)
    for number in (1, 2):
        (tmp_path / "w" / f"run-{number}").rename(tmp_path / f"elsewhere-{number}")
    assert runs(tmp_path, 1) == ["run-1"]


@pytest.mark.parametrize("name", ["../../x", "a/b", "..", ".hidden", "x" * 101, "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a name for a benchmark"):
        runs(tmp_path / "out", 1, name=name)
    assert list(tmp_path.iterdir()) == []


def test_a_start_without_its_meter_is_no_lock(tmp_path: Path) -> None:
    settings = Settings(out=tmp_path, meters=("estimator", "rapl:root=/no/such"), idle_s=(0, 0))
    plan = plan_command((sys.executable, "-c", "pass"), settings, name="w")
    with pytest.raises(Unavailable, match="no RAPL zone"):
        list(measure(plan))
    assert not (tmp_path / "w" / "run-1").exists()
    assert runs(tmp_path, 1) == ["run-1"]
