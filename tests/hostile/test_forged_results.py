"""Forged results that once were valid, and variants of each: dead meters, decoys, fabrications.

The three originals lie in ../shared/cases/security; each variant is made here.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.auditing.report import EntryReport
from harness.scoring.result import Result
from harness.traces.csv_store import read_csv, write_csv
from tests.auditing.rules import builders as b
from tests.signing import live
from tests.signing.live import state_hashes

CASES = Path(__file__).parents[3] / "shared" / "cases" / "security"
shared = pytest.mark.skipif(not CASES.is_dir(), reason="../shared is not here")


def judged(tree: Path) -> dict[str, tuple[EntryReport, Result]]:
    """Return report and result of each entry of a tree, by its id."""
    read = api.read(tree)
    reports = api.audit(read).entries
    results = api.score(read, draws=10_000)
    return {report.id: (report, result) for report, result in zip(reports, results, strict=True)}


def reasons(tree: Path) -> set[str]:
    ((report, _),) = judged(tree).values()
    assert report.verdict == "invalid"
    return {finding.rule for finding in report.findings if finding.status == "fail"}


@shared
def test_shared_counter_that_never_moves_yields_no_energy_and_the_honest_entry_does() -> None:
    entries = judged(CASES / "zero-energy")
    report, result = entries["zero"]
    assert report.verdict == "invalid"
    assert result.energy.value is None
    report, result = entries["honest"]
    assert report.verdict == "valid"
    assert result.energy.value
    rows = [row for table in api.rank(CASES / "zero-energy") for row in table.rows]
    assert {row.result.entry.id: row.rank is None for row in rows} == {
        "zero": True,
        "honest": False,
    }


@shared
def test_shared_fabrication_is_invalid_for_want_of_its_session() -> None:
    assert "required-evidence" in reasons(CASES / "fabricated-c33")


@shared
def test_shared_decoy_is_invalid_and_yields_no_energy() -> None:
    assert "part-within-whole" in reasons(CASES / "decoy-c60")
    ((_, result),) = judged(CASES / "decoy-c60").values()
    assert result.energy.value is None


# A meter that shows nothing, in a plain CSV trace

SECONDS = 60


def dead_meter(tmp_path: Path, kind: str, value: Callable[[int], float]) -> Path:
    """Write a CSV trace of a package: a counter [J] or a power [W]."""
    quantity, unit, column = {
        "counter": ("energy", "J", "energy_j"),
        "mean": ("power", "W", "power_w"),
    }[kind]
    start_ns = 1_767_608_640_000_000_000
    header = {
        "schema_version": "1.0",
        "id": "pkg",
        "quantity": quantity,
        "unit": unit,
        "kind": kind,
        "boundary": "package",
        "calibration_id": "x",
        "accuracy": {"reading_limit_pct": 5, "source": "x"},
        "nominal_interval_s": 1,
        "run": {
            "benchmark": "resize",
            "task": "inference",
            "scenario": "Offline",
            "window": {"start": "2026-01-05T10:24:02Z", "stop": "2026-01-05T10:24:58Z"},
            "work": {"count": 5000, "unit": "sample"},
            "success": True,
        },
    }
    rows = [f"{start_ns + second * 10**9},{value(second)!r}" for second in range(SECONDS)]
    text = "\n".join([f"# joulemark-trace: {json.dumps(header)}", f"t_ns,{column}", *rows, ""])
    (tmp_path / "entry").mkdir()
    (tmp_path / "entry" / "run-1.csv").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("counter", lambda second: 123.0 + 1e-6 * second),
        ("counter", lambda second: 123.0 + 5.0 * min(second, 2)),
        ("counter", lambda second: 123.0 + second % 2),
        ("mean", lambda _: 0.0),
        ("mean", lambda _: 1e-9),
    ],
    ids=["crawls", "moves before the window", "goes to and fro", "zero", "next to nothing"],
)
def test_fail_dead_meter(tmp_path: Path, kind: str, value: Callable[[int], float]) -> None:
    tree = dead_meter(tmp_path, kind, value)
    assert "readings-are-measurements" in reasons(tree)
    ((_, result),) = judged(tree).values()
    assert result.energy.value is None


# A real channel that is hidden behind another


def edit_record(run: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    record = json.loads((run / "run.json").read_bytes())
    edit(record)
    (run / "run.json").write_text(json.dumps(record))


def edit_traces(run: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edit the header of each trace of a run, in the file and in the record."""
    for path in sorted((run / "traces").glob("*.csv")):
        first, rest = path.read_text().split("\n", 1)
        prefix, _, header = first.partition(": ")
        document = json.loads(header)
        edit(document)
        path.write_text(f"{prefix}: {json.dumps(document)}\n{rest}")
    state_hashes(run)


def add_trace(run: Path, name: str, factor: float, **header: Any) -> None:
    """Add a copy of the trace of a run, times a factor, under another name."""
    stored = read_csv(run / "traces" / "total.csv")
    path = run / "traces" / f"{name}.csv"
    changed = {"id": name, "calibration_id": name, **header}
    channel = type(stored.channel).from_header(stored.channel.header() | changed)
    write_csv(type(stored)(channel, stored.t_ns, stored.value * factor), path)
    item = {
        "path": f"traces/{name}.csv",
        "sha256": "",
        "content_sha256": read_csv(path).content_sha256,
    }
    edit_record(run, lambda record: record["traces"].append(item))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run without journals: traces alone speak, as in an import."""
    folder = live.record(tmp_path / "live")
    shutil.rmtree(folder / "samples")
    edit_record(folder, lambda record: record.update(files=[]))
    return folder


def test_fail_part_of_a_channel_that_is_not_there(run: Path) -> None:
    add_trace(run, "fan", 0.01)
    edit_traces(run, lambda h: h.update(part_of="ghost") if h["id"] == "total" else None)
    assert "part-within-whole" in reasons(run.parent)


def test_fail_decoy_two_levels_above(run: Path) -> None:
    add_trace(run, "wall", 0.01, boundary="wall")
    add_trace(run, "middle", 0.01, part_of="wall")
    edit_traces(run, lambda h: h.update(part_of="middle") if h["id"] == "total" else None)
    assert "part-within-whole" in reasons(run.parent)
    ((_, result),) = judged(run.parent).values()
    assert result.energy.value is None


def test_pass_part_within_the_limits_of_both_meters(run: Path) -> None:
    add_trace(run, "wall", 0.97, boundary="wall")
    edit_traces(run, lambda h: h.update(part_of="wall") if h["id"] == "total" else None)
    assert "part-within-whole" not in reasons(run.parent)
    ((_, result),) = judged(run.parent).values()
    assert result.energy.value is not None


@pytest.mark.parametrize(
    "header",
    [
        {"boundary": "package", "conversion_efficiency": 0.9},
        {"boundary": "wall", "conversion_efficiency": 0.9},
        {"boundary": "node", "current": "dc", "conversion_efficiency": 0.9},
    ],
)
def test_fail_efficiency_of_a_channel_without_a_supply(run: Path, header: dict[str, Any]) -> None:
    edit_traces(run, lambda h: h.update(header))
    report = b.report(run.parent)
    b.assert_found(
        report,
        "conversion-efficiency",
        "fail",
        where="total",
        got="conversion efficiency 0.9",
        expected="alternating current",
    )


# A result of a round whose logs do not exist


@pytest.mark.parametrize("round_name", ["mlperf-inference-v4.1", "mlperf-inference-v5.1"])
def test_fail_fabrication_without_logs(run: Path, round_name: str) -> None:
    def claim(record: dict[str, Any]) -> None:
        record["entry"] |= {"round": round_name, "task": "inference", "division": "closed"}
        record["facts"] = {}

    edit_record(run, claim)
    assert "required-evidence" in reasons(run.parent)


def test_fabrication_that_claims_to_be_an_import_is_not_valid(run: Path) -> None:
    def claim(record: dict[str, Any]) -> None:
        record["entry"] |= {
            "round": "mlperf-inference-v4.1",
            "task": "inference",
            "division": "closed",
            "origin": {"id": "x", "format": "mlperf-inference-power", "family": "mlperf-inference"},
        }
        record["facts"], record["files"] = {}, []
        record["sources"] = [{"path": "run_1/spl.txt", "sha256": None}]

    shutil.rmtree(run / "log", ignore_errors=True)
    edit_record(run, claim)
    report = b.report(run.parent)
    assert report.verdict in ("questioned", "invalid")
    assert report.without_evidence
