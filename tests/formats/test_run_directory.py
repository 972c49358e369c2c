"""Run directories: what is written is read back unchanged, and scores the same to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from lab_simulator import (
    PERFECT,
    Faults,
    TrainingForm,
    simulate_window,
    write_csv,
    write_inference,
    write_training,
)

from harness.core.errors import JoulemarkError, UnreadableError
from harness.core.timestamps import to_iso
from harness.formats.base import Defect, Entry, Run
from harness.formats.discovery import Found, find
from harness.formats.evidence_facts import facts_of
from harness.formats.run_directory import FORMAT
from harness.formats.run_directory_writer import write_entry
from harness.scoring.score import score

STORES = [False, True]


@pytest.fixture(params=["inference", "multichannel", "training", "oddities", "csv"])
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Entry:
    """An entry of each foreign format."""
    out = tmp_path / "foreign"
    if request.param == "inference":
        faults = Faults(fail={20: "-1"}, repeat=(25,), reverse=(35,))
        write_inference(
            out,
            submitter="s",
            system="m",
            benchmark="resnet50",
            scenario="Server",
            seed=1,
            faults=faults,
        )
    elif request.param == "multichannel":
        write_inference(
            out,
            submitter="s",
            system="m",
            benchmark="bert-99",
            scenario="SingleStream",
            seed=2,
            analyzers="WT333E",
        )
    elif request.param == "training":
        form = TrainingForm(scaling_factor=1.1, interconnect_power_w=700.0)
        write_training(
            out, submitter="s", system="m", benchmark="bert", seed=3, runs=4, nodes=2, form=form
        )
    elif request.param == "oddities":
        form = TrainingForm(
            switch_power_w=600.0,
            stop="start",
            string_values=True,
            equal_stamps=9,
            backward_stamps=4,
            png_files=True,
            conversion_eff=0.94,
        )
        write_training(
            out, submitter="s", system="m", benchmark="bert", seed=4, runs=3, nodes=2, form=form
        )
    else:
        recording, truth = simulate_window("counter", seed=5, error=PERFECT)
        header = {
            "schema_version": "1.0",
            "id": "total",
            "quantity": "energy",
            "unit": "J",
            "kind": "counter",
            "boundary": "board",
            "calibration_id": "m",
            "accuracy": {"reading_limit_pct": 5.0, "source": "x"},
            "vendor_field": {"a": [1, None]},
            "run": {
                "window": {"start": to_iso(truth.t0_ns), "stop": to_iso(truth.t1_ns)},
                "work": {"count": 3, "unit": "query"},
                "declared_energy_j": 5.0,
            },
        }
        write_csv(out / "e" / "a.csv", recording, header)
    (place,) = find(out)
    return place.read()


def same_run(one: Run, other: Run) -> None:
    for item in fields(Run):
        a, b = getattr(one, item.name), getattr(other, item.name)
        if item.name == "traces":
            assert [t.channel for t in b] == [t.channel for t in a]
            assert [t.dropped for t in b] == [t.dropped for t in a]
            assert [t.content_sha256 for t in b] == [t.content_sha256 for t in a]
            assert [[c.tolist() for c in t.source_order()] for t in b] == [
                [c.tolist() for c in t.source_order()] for t in a
            ]
        elif item.name == "evidence":
            assert facts_of(b) == facts_of(a)
        else:
            assert b == a, item.name


@pytest.mark.parametrize("parquet", STORES, ids=["csv", "parquet"])
def test_write_then_read_gives_the_same_entry(
    foreign: Entry, parquet: bool, tmp_path: Path
) -> None:
    if parquet:
        pytest.importorskip("pyarrow", reason="pyarrow is absent: install joulemark[parquet]")
    out = tmp_path / "own" / "entry"
    write_entry(foreign, out, parquet=parquet)
    (place,) = find(tmp_path / "own")
    assert place.format.name == "joulemark"
    entry = place.read()
    assert len(entry.runs) == len(foreign.runs)
    for one, other in zip(foreign.runs, entry.runs, strict=True):
        same_run(one, other)
    assert (entry.ranging is None) == (foreign.ranging is None)
    if foreign.ranging is not None:
        same_run(foreign.ranging, entry.ranging)
    for name in (
        "round",
        "task",
        "submitter",
        "system",
        "benchmark",
        "scenario",
        "division",
        "scaling_factor",
        "simulated",
    ):
        assert getattr(entry, name) == getattr(foreign, name), name
    assert [(d.code, d.got, d.count) for d in entry.defects] == [
        (d.code, d.got, d.count) for d in foreign.defects
    ]
    described = dict(entry.system_description or {})
    described.pop("schema_version", None)
    assert described == dict(foreign.system_description or {})


def test_scores_are_equal_to_the_bit(foreign: Entry, tmp_path: Path) -> None:
    write_entry(foreign, tmp_path / "own")
    again = FORMAT.read(tmp_path / "own", foreign.id)
    before, after = score(foreign, draws=10_000), score(again, draws=10_000)
    for name in (
        "energy",
        "mean_power",
        "energy_per_unit",
        "performance",
        "quality",
        "coverage",
        "notes",
        "rows",
    ):
        assert getattr(after, name) == getattr(before, name), name
    assert after.compat == before.compat
    assert before.energy.value is not None


def test_an_entry_is_written_again_from_what_was_read(foreign: Entry, tmp_path: Path) -> None:
    write_entry(foreign, tmp_path / "one")
    write_entry(FORMAT.read(tmp_path / "one", "x"), tmp_path / "two")
    for path in sorted((tmp_path / "one").rglob("*.csv")):
        assert (
            tmp_path / "two" / path.relative_to(tmp_path / "one")
        ).read_bytes() == path.read_bytes()


def test_more_than_nine_runs_keep_their_order(tmp_path: Path) -> None:
    write_training(
        tmp_path / "f",
        submitter="s",
        system="m",
        benchmark="bert",
        seed=3,
        runs=12,
        duration_s=10.0,
    )
    (place,) = find(tmp_path / "f")
    foreign = place.read()
    write_entry(foreign, tmp_path / "own")
    again = FORMAT.read(tmp_path / "own", foreign.id)
    assert [run.id for run in again.runs] == [run.id for run in foreign.runs]
    assert score(again, draws=10_000).energy == score(foreign, draws=10_000).energy


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A run directory."""
    write_training(
        tmp_path / "f", submitter="s", system="m", benchmark="bert", seed=3, runs=2, duration_s=20.0
    )
    (place,) = find(tmp_path / "f")
    write_entry(place.read(), tmp_path / "own")
    return tmp_path / "own"


def change(folder: Path, edit: Callable[[dict], Any]) -> None:
    path = folder / "result_0" / "run.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def refused(folder: Path) -> str:
    (place,) = find(folder)
    with pytest.raises(JoulemarkError) as caught:
        place.read()
    return str(caught.value)


def test_an_existing_run_is_not_overwritten(written: Path) -> None:
    entry = FORMAT.read(written, "x")
    with pytest.raises(UnreadableError, match="is there already"):
        write_entry(entry, written)


def test_unknown_fields_of_a_run_are_no_fault(written: Path) -> None:
    change(
        written,
        lambda d: d.update(later=1) or d["entry"].update(later=2) or d["work"].update(later=3),
    )
    assert len(FORMAT.read(written, "x").runs) == 2


def altered(folder: Path) -> Defect:
    """What is said of a trace that is not what the record lists; its run then has none, and the
    others stay."""
    first, second = FORMAT.read(folder, "x").runs
    assert not first.traces
    assert second.traces
    (found,) = (d for d in FORMAT.read(folder, "x").defects if d.code == "trace-unreadable")
    return found


def test_a_changed_trace_is_a_defect_and_its_run_has_no_energy(written: Path) -> None:
    path = written / "result_0" / "traces" / "node_0.csv"
    path.write_bytes(path.read_bytes().replace(b"6", b"7", 1))
    found = altered(written)
    assert (found.where, found.got) == (str(path), "another SHA-256 than the run record lists")
    assert score(FORMAT.read(written, "x"), draws=10_000).runs[0].energy_j is None


def test_a_trace_that_is_not_there_is_a_defect(written: Path) -> None:
    change(written, lambda d: d.update(traces=[{"path": "traces/none.csv", "sha256": "0" * 64}]))
    assert "cannot be opened" in altered(written).got


@pytest.mark.parametrize(
    "path", ["../result_1/traces/node_0.csv", "/etc/passwd", "traces/../../x", "traces\\x", "", "."]
)
def test_a_trace_outside_the_run_is_refused(path: str, written: Path) -> None:
    change(written, lambda d: d["traces"][0].update(path=path))
    assert "run.json" in refused(written)


@pytest.mark.parametrize(
    "path", ["result_0/traces/node_0.csv", "result_0/traces", "result_0/run.json"]
)
def test_links_are_not_followed(path: str, written: Path, tmp_path: Path) -> None:
    (written / path).rename(tmp_path / "away")
    (written / path).symlink_to(tmp_path / "away")
    if path.endswith("run.json"):
        refused(written)
    else:
        altered(written)


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.pop("traces"),
        lambda d: d["entry"].pop("task"),
        lambda d: d.update(schema_version="7"),
        lambda d: d.update(window={"start": "x", "stop": "y"}),
        lambda d: d.update(work={"count": "x", "unit": "query"}),
        lambda d: d.update(rated=[{}]),
        lambda d: d.update(seconds="1"),
    ],
)
def test_a_broken_record_is_refused_and_not_reported_as_our_fault(
    edit: Callable, written: Path
) -> None:
    change(written, edit)
    assert "Please report" not in refused(written)


def test_an_entry_without_power_goes_through(tmp_path: Path, entry_of: Callable) -> None:
    bare = entry_of(Run(id="run", window=None), directory=tmp_path)
    write_entry(bare, tmp_path / "own")
    again = FORMAT.read(tmp_path / "own", "entry")
    assert again.runs == bare.runs
    assert score(again, draws=10_000).energy.value is None


def test_a_run_directory_alone_is_an_entry(written: Path) -> None:
    (place,) = find(written / "result_1")
    assert isinstance(place, Found)
    assert [run.id for run in place.read().runs] == ["result_1"]


def test_defects_keep_their_place_relative_to_the_entry(tmp_path: Path) -> None:
    write_training(
        tmp_path / "f",
        submitter="s",
        system="m",
        benchmark="bert",
        seed=3,
        runs=1,
        duration_s=10.0,
        form=TrainingForm(png_files=True),
    )
    (place,) = find(tmp_path / "f")
    write_entry(replace(place.read()), tmp_path / "own")
    assert [d.where for d in FORMAT.read(tmp_path / "own", "x").defects] == ["power/result_0"]
