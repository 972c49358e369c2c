"""Each run is integrated once, however many callers need its energy."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import api
from harness.energy import evaluation
from harness.energy.evaluation import evaluate
from harness.energy.run import run_energy
from tests.auditing.rules import builders as b


@pytest.fixture
def integrated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the runs that were integrated, in order."""
    calls: list[str] = []

    def counting(entry, run):
        calls.append(f"{entry.id}/{run.id}")
        return run_energy(entry, run)

    monkeypatch.setattr(evaluation, "run_energy", counting)
    return calls


def test_a_leaderboard_integrates_each_run_once(tmp_path: Path, integrated: list[str]) -> None:
    for number, runs in enumerate((3, 1)):
        b.training(tmp_path / str(number), seed=number, runs=runs)
    tree = api.read(tmp_path)
    (table,) = api.rank(tree)
    assert len(table.rows) == 2
    expected = [f"{entry.id}/{run.id}" for entry in tree.entries for run in entry.runs]
    assert sorted(integrated) == sorted(expected)
    assert len(expected) == 4


def test_a_score_alone_integrates_each_run_once(tmp_path: Path, integrated: list[str]) -> None:
    b.training(tmp_path, runs=2)
    api.score(tmp_path)
    assert len(integrated) == 2


def test_a_run_that_breaks_stops_no_other_and_is_raised_on_demand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaking(entry, run):
        if run.id == "bad":
            raise ZeroDivisionError(run.id)
        return run_energy(entry, run)

    monkeypatch.setattr(evaluation, "run_energy", breaking)
    bad, good = (b.run(b.trace(range(-5, 606)), id=name) for name in ("bad", "good"))
    evaluated = evaluate(b.entry(bad, good))
    assert [run.run.id for run in evaluated.runs] == ["good"]
    assert [run.id for run, _ in evaluated.failures] == ["bad"]
    with pytest.raises(ZeroDivisionError, match="bad"):
        evaluated.all_runs()
