"""Packages of MLPerf Endpoints: layouts, known defects, and files that are not what they should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.formats.base import Entry
from harness.formats.load import read
from harness.scoring.score import score
from tests.fakes.endpoint_package import Package, rate

HISTOGRAM = {"buckets": [[1.0, 10.0], [10.0, 100.0]], "counts": [3, 1]}


def entry_of(package: Package, folder: Path) -> Entry:
    (entry,) = read(package.write(folder / "acme")).entries
    return entry


def codes(entry: Entry) -> list[str]:
    return [defect.code.value for defect in entry.defects]


def test_a_point_is_an_entry(tmp_path: Path) -> None:
    entry = entry_of(Package(), tmp_path)
    assert (entry.submitter, entry.system, entry.benchmark) == ("Acme", "box", "tiny-model")
    assert (entry.scenario, entry.division) == ("concurrency-64", "Standardized")
    (run,) = entry.runs
    assert run.work is not None
    assert (run.work.count, run.work.unit) == (2_000_000, "token")
    assert run.performance is not None
    assert run.performance.value == pytest.approx(rate(64))
    assert (run.window, run.traces, run.success) == (None, (), None)
    assert codes(entry) == []


def test_a_folder_of_the_client_is_an_entry(tmp_path: Path) -> None:
    (tmp_path / "run" / "performance").mkdir(parents=True)
    document = Package().summaries[64] | {"complete": False}
    del document["system_tps_per_kw"]
    (tmp_path / "run/performance/result_summary.json").write_text(json.dumps(document))
    (entry,) = read(tmp_path).entries
    assert (entry.format, entry.id, entry.round) == ("mlperf-endpoints", "run", "")
    assert entry.runs[0].success is False


def test_provisioned_and_measured_are_kept_apart(tmp_path: Path) -> None:
    result = score(entry_of(Package(), tmp_path))
    assert result.energy_per_unit.value is None
    assert result.provision is not None
    assert result.provision.per_token_j == pytest.approx(21_000 / rate(64))
    assert result.provision.utilisation is None


def test_an_import_keeps_the_figures(tmp_path: Path) -> None:
    entry = entry_of(Package(), tmp_path)
    api.import_tree(entry.directory, out=tmp_path / "own")
    (imported,) = read(tmp_path / "own").entries
    before, after = (item.runs[0].evidence.package for item in (entry, imported))
    assert before is not None
    assert after is not None
    assert after.figures == dict(before.figures)
    (report,) = api.audit(tmp_path / "own").entries
    assert {finding.status for finding in report.findings} == {"skip"}
    assert report.without_evidence, "an import holds none of the package's files"
    (original,) = api.audit(entry.directory).entries
    assert not original.without_evidence


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("no-wall-clock", {"test_started_at": 0}),
        ("windows-differ", {"legacy_loadgen_window_duration_ns": 2e11}),
        ("failures-as-completed", {"n_samples_failed": 1}),
        ("percentile-keys", {"ttft": {"percentiles": {"90": 1.0}}}),
        ("values-fewer", {"tpot": {"histogram": HISTOGRAM, "percentiles": {"90.0": 5e6}}}),
        ("figure-differs", {"ttft": {"total": 40, "avg": 11.0, "histogram": HISTOGRAM}}),
        ("figure-differs", {"ttft": {"median": 2.0, "percentiles": {"50.0": 3.0}}}),
        ("figure-differs", {"ttft": {"percentiles": {"50.0": 3.0, "90.0": 2.0}}}),
        ("figure-differs", {"ttft": {"max": 2.0, "percentiles": {"90.0": 3.0}}}),
        ("figure-differs", {"ttft": {"min": 1.0, "max": 100.0, "histogram": HISTOGRAM}}),
    ],
)
def test_known_defects_are_noted(code: str, change: dict[str, Any], tmp_path: Path) -> None:
    package = Package()
    package.summaries[64] |= change
    assert code in codes(entry_of(package, tmp_path))


def test_a_score_without_unit_is_read_as_a_fraction_and_said_to_be(tmp_path: Path) -> None:
    package = Package()
    package.accuracies[64]["accuracy_scores"][0]["score"] = 0.787
    entry = entry_of(package, tmp_path)
    (defect,) = entry.defects
    assert (defect.code.value, defect.got) == (
        "score-scale",
        "score 0.787 of questions: read as 78.70 %",
    )


def test_a_last_snapshot_must_agree_with_the_summary(tmp_path: Path) -> None:
    package = Package()
    folder = package.write(tmp_path / "acme")
    block = package.summaries[64]["tpot"]
    series = {"type": "series", "name": "tpot_ns", "count": 3, **block}
    counter = {"type": "counter", "name": "tracked_samples_issued", "value": 3000}
    path = folder / "final_snapshot.json"
    path.write_text(json.dumps({"metrics": [series, counter]}))
    assert codes(read(folder).entries[0]) == []
    path.write_text(json.dumps({"metrics": [series | {"total": 1}, counter | {"value": 2999}]}))
    assert codes(read(folder).entries[0]) == ["figure-differs", "figure-differs"]


def test_a_system_without_points_is_passed_over(tmp_path: Path) -> None:
    folder = Package().write(tmp_path / "acme").parent
    folder.rename(tmp_path / "elsewhere")
    tree = read(tmp_path / "acme" / "results", tmp_path / "elsewhere")
    assert ("box", "a provisioned power without a point") in tree.skipped


DAMAGES = {
    "emptied": b"",
    "half": b'{"n_samples_issued": 3000, "dura',
    "a list": b"[1, 2]",
    "numbers as text": b'{"duration_ns": "1", "n_samples_issued": {}}',
    "huge": b'{"duration_ns": 1e999, "node_sets": [{}, 3, []]}',
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(
    "name",
    [
        "result_summary.json",
        "point.yaml",
        "system_desc.json",
        "accuracy_results.json",
        "../../system_power.json",
    ],
)
def test_damaged_files_never_raise(name: str, damage: str, tmp_path: Path) -> None:
    folder = Package().write(tmp_path / "acme")
    (folder / name).write_bytes(DAMAGES[damage])
    tree = read(folder)
    assert not [reason for _, reason in tree.unreadable if "Please report" in reason]
    (report,) = api.audit(tree).entries
    assert not [finding for finding in report.findings if finding.status == "error"]
    assert report.verdict != "valid"
    api.score(tree, draws=10_000)
