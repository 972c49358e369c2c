"""Plain CSV traces under a declared header: the way in for any meter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab_simulator import PERFECT, simulate_window, write_csv

from harness.core.errors import JoulemarkError, UnreadableError, UsageError
from harness.core.timestamps import to_iso
from harness.formats.csv_trace import FORMAT
from harness.formats.discovery import Found, find
from harness.scoring.score import score

HEADER: dict[str, Any] = {
    "schema_version": "1.0",
    "id": "total",
    "quantity": "power",
    "unit": "W",
    "kind": "mean",
    "boundary": "wall",
    "calibration_id": "meter-7",
    "accuracy": {"reading_limit_pct": 0.1, "source": "data sheet"},
    "clock_error_s": 0.0,
}


def play(path: Path, kind: str = "mean", seed: int = 1, **run: Any) -> Any:
    """A simulated session as declared CSV; its truth."""
    recording, truth = simulate_window(kind, seed=seed, error=PERFECT, resolution=0.01)
    energy = {"quantity": "energy", "unit": "J"} if kind == "counter" else {}
    said = {"window": {"start": to_iso(truth.t0_ns), "stop": to_iso(truth.t1_ns)}} | run
    write_csv(
        path,
        recording,
        HEADER | energy | {"kind": kind, "run": {k: v for k, v in said.items() if v != "absent"}},
    )
    return truth


@pytest.mark.parametrize("kind", ["mean", "instant", "counter", "estimate"])
def test_a_declared_session_of_each_kind(kind: str, tmp_path: Path) -> None:
    truth = play(
        tmp_path / "a.csv",
        kind,
        work={"count": 500, "unit": "query"},
        benchmark="mine",
        submitter="me",
    )
    (place,) = find(tmp_path)
    entry = place.read()
    result = score(entry, draws=10_000)
    assert (entry.format, entry.benchmark, entry.submitter, entry.defects) == (
        "csv",
        "mine",
        "me",
        (),
    )
    assert result.energy.value == pytest.approx(
        truth.energy_j, rel=5e-4 if kind in ("mean", "counter") else 2e-2
    )
    assert result.energy_per_unit.value == pytest.approx(result.energy.value / 500)
    assert result.energy_per_unit.unit == "J/query"
    assert result.measurement_class == ("modelled" if kind == "estimate" else "sensor")


def test_one_file_is_an_entry_too(tmp_path: Path) -> None:
    truth = play(tmp_path / "a.csv")
    (place,) = find(tmp_path / "a.csv")
    assert place.id == "a"
    assert score(place.read(), draws=10_000).energy.value == pytest.approx(truth.energy_j, rel=5e-4)


def test_each_file_is_one_run(tmp_path: Path) -> None:
    truths = [play(tmp_path / f"run-{seed}.csv", seed=seed) for seed in range(3)]
    result = score(FORMAT.read(tmp_path, "it"), draws=10_000)
    assert [run.energy_j for run in result.runs] == pytest.approx(
        [truth.energy_j for truth in truths], rel=5e-4
    )
    assert result.measurand == "long-run mean"


def test_without_a_window_the_whole_trace_is_taken_and_that_is_noted(tmp_path: Path) -> None:
    play(tmp_path / "a.csv", window="absent")
    entry = FORMAT.read(tmp_path, "it")
    assert [defect.code for defect in entry.defects] == ["window-assumed"]
    trace = entry.runs[0].traces[0]
    assert (entry.runs[0].window.start_ns, entry.runs[0].window.stop_ns) == (
        trace.t_ns[0],
        trace.t_ns[-1],
    )


def test_fields_of_a_later_release_are_no_fault(tmp_path: Path) -> None:
    play(
        tmp_path / "a.csv",
        work={"count": 5, "unit": "query", "later": 1},
        later={"x": 1},
        performance={"value": 3.0, "unit": "Queries/s", "later": 2},
        quality={"metric": "f1", "value": 0.9, "later": 3},
    )
    run = FORMAT.read(tmp_path, "it").runs[0]
    assert (run.work.count, run.performance.value, run.quality.value) == (5, 3.0, 0.9)


@pytest.mark.parametrize(
    "run",
    [
        {"window": {"start": "yesterday"}},
        {"window": 5},
        {"window": "start"},
        {"task": "cooking"},
        {"work": {"count": "many", "unit": "query"}},
        {"work": [1, 2]},
        {"work": {"count": -1, "unit": "query"}},
        {"performance": 5},
        {"quality": {}},
        {"window": {"start": "2026-13-45T00:00:00Z", "stop": "2026-01-01T00:00:00Z"}},
    ],
    ids=str,
)
def test_a_run_that_is_declared_wrongly_is_refused(run: dict, tmp_path: Path) -> None:
    play(tmp_path / "a.csv", **run)
    (place,) = find(tmp_path)
    with pytest.raises(JoulemarkError) as caught:
        place.read()
    assert "Please report" not in str(caught.value)
    assert "a.csv" in str(caught.value)


def test_a_trace_without_readings_is_refused(tmp_path: Path) -> None:
    play(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join(lines[:2]) + "\n")
    with pytest.raises(UnreadableError, match="has no reading"):
        FORMAT.read(tmp_path, "it")


def test_other_csv_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    assert list(find(tmp_path)) == []
    play(tmp_path / "a.csv")
    (place,) = find(tmp_path)
    assert [run.id for run in place.read().runs] == ["a"]
    with pytest.raises(UnreadableError, match="is not a power trace"):
        list(find(tmp_path / "table.csv"))


def test_format_can_be_demanded(tmp_path: Path) -> None:
    play(tmp_path / "a.csv")
    assert [type(place) for place in find(tmp_path, format_name="csv")] == [Found]
    assert list(find(tmp_path, format_name="joulemark")) == []
    with pytest.raises(UsageError, match="no such format"):
        list(find(tmp_path, format_name="morse"))
