"""The bundled submissions are those of the lab simulator, and intervals contain their truth."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from lab_simulator.examples import write_examples

from benchmarks import dense_against_sparse
from harness import api
from harness.cli.demo import run_demo
from harness.core.schemas import check
from harness.experiments.analysis import energy_name
from harness.experiments.design import find_design
from harness.ranking.comparison import compare_at_equal_quality
from harness.signing.trust import read_trust
from harness.signing.verify import verify
from tests.tampers import native

BUNDLED = Path(__file__).resolve().parents[2] / "submissions"


def test_bundled_examples_are_what_the_simulator_writes(tmp_path: Path) -> None:
    write_examples(tmp_path)
    made = {
        path.relative_to(tmp_path): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    bundled = BUNDLED / "lab-2026"
    kept = {
        path.relative_to(BUNDLED): path.read_bytes()
        for path in bundled.rglob("*")
        if path.is_file()
    }
    assert made.keys() == kept.keys()
    assert [str(name) for name in made if made[name] != kept[name]] == []


def test_intervals_of_the_examples_hold_the_truth() -> None:
    truth = json.loads((BUNDLED / "lab-2026/truth.json").read_text())
    for result in api.score(BUNDLED / "lab-2026"):
        runs = [truth[f"{result.entry.id}/{run.run.id}"] for run in result.runs]
        mean = sum(run["energy_j"] for run in runs) / len(runs)
        assert result.energy.low is not None
        assert result.energy.high is not None
        rated = sum(run.estimated_j for run in result.runs) / len(
            runs
        )  # the simulator's switch is an estimate only
        if (
            result.entry.system != "elm-pod"
        ):  # copied one node's log: its measured energy is not the truth
            assert result.energy.low <= mean + rated <= result.energy.high, result.entry.id


def test_examples_say_that_they_are_simulated() -> None:
    assert all(entry.simulated for entry in api.read(BUNDLED / "lab-2026").entries)


def test_demo_writes_every_file_and_ranks(tmp_path: Path) -> None:
    text = "\n".join(run_demo(tmp_path))
    assert "questioned: largest-gap" in text
    assert "INVALID: duplicate-traces" in text
    assert "(2-3)   SimulatedAlder" in text
    assert "misses the true" not in text
    for name in (
        "result.json",
        "audit.json",
        "leaderboard.json",
        "leaderboard.md",
        "leaderboard.csv",
        "leaderboard.html",
    ):
        assert (tmp_path / name).stat().st_size > 0
    index = tmp_path / "board" / "index.html"
    assert text.endswith(f"open {index.as_uri()}")
    assert "alder-2" in index.read_text("utf-8")
    again = "\n".join(run_demo(tmp_path))
    assert again == text


def test_the_real_runs_are_signed_valid_and_labelled_modelled() -> None:
    submission = BUNDLED / "joulemark-2026" / "open" / "joulemark"
    verified = verify(submission, read_trust(BUNDLED / "trust.yaml"))
    assert verified.faults == []
    tree = api.read(BUNDLED / "joulemark-2026")
    report = api.audit(tree)
    assert [entry.verdict for entry in report.entries] == ["valid"] * len(tree.entries)
    assert not [
        finding
        for entry in report.entries
        for finding in entry.findings
        if finding.status in ("fail", "warn")
    ]
    assert {entry.benchmark: len(entry.runs) for entry in tree.entries} == {
        "digits-training": 5,
        "image-classification": 5,
    }
    for result in api.score(tree):
        assert result.measurement_class == "modelled"
        assert not result.entry.simulated


SPARSE = BUNDLED / "sparse-2026-second"
SIDES = {
    "sparse-2026": ["bytes-dense", "bytes-sparse"],
    "sparse-2026-second": ["bytes-dense", "bytes-routed", "bytes-sparse"],
}
"""Submissions of both registrations; of the first, routed experts missed the target."""


@pytest.mark.parametrize("name", SIDES)
def test_the_runs_of_one_target_are_signed_valid_and_ranked_as_modelled(name: str) -> None:
    (submission,) = (BUNDLED / name / "open").iterdir()
    assert verify(submission, read_trust(BUNDLED / "trust.yaml")).faults == []
    tree = api.read(BUNDLED / name)
    design = find_design("dense-against-sparse")
    assert {entry.benchmark: len(entry.runs) for entry in tree.entries} == dict.fromkeys(
        SIDES[name], len(design.seeds)
    )
    assert {entry.verdict for entry in api.audit(tree).entries} == {"valid"}
    tables = api.rank(tree)
    assert {table.measurement_class for table in tables} == {"modelled"}
    ranks = [table.rows[0].rank for table in tables]
    assert [(rank.low, rank.high) for rank in ranks if rank is not None] == [(1, 1)] * len(tables)
    for result in api.score(tree):
        assert result.quality is not None
        assert result.quality.value <= result.quality.target == design.document["quality"]["target"]


def test_ratio_in_the_readme_is_that_of_the_bundled_runs() -> None:
    by_benchmark = {result.entry.benchmark: result for result in api.score(SPARSE)}
    dense, sparse = by_benchmark["bytes-dense"], by_benchmark["bytes-sparse"]
    compared = compare_at_equal_quality(dense, sparse, one_meter=True)
    assert energy_name(dense.measurement_class) == "modelled energy"
    ratio = compared.ratio
    document = json.loads(dense_against_sparse.FIGURES.read_bytes())
    check("experiment", document)
    stated = next(item for item in document["ratios"] if item["against"] == "sparse")["energy"]
    assert stated["value"] == pytest.approx(ratio.value, rel=1e-3)
    for end in ("low", "high"):
        assert stated[end] == pytest.approx(getattr(ratio, end), rel=0.02), "noise of the draws"
    text = f"{stated['value']:.1f} times [{stated['low']:.1f}, {stated['high']:.1f}]"
    assert text in (BUNDLED.parent / "README.md").read_text("utf-8")


def test_tables_about_dense_and_sparse_are_those_of_the_experiment() -> None:
    page = dense_against_sparse.PAGE.read_text("utf-8")
    document = json.loads(dense_against_sparse.FIGURES.read_bytes())
    assert dense_against_sparse.filled(page, document) == page
    assert page.count("| dense ") > 1


def test_runs_that_missed_the_target_stay_visible_and_are_not_ranked() -> None:
    tree = api.read(BUNDLED / "sparse-2026-missed")
    (report,) = api.audit(tree).entries
    assert {item.rule for item in report.findings if item.status == "fail"} == {"result-valid"}
    assert [run.success for run in tree.entries[0].runs] == [True, False, False, False, False]


def test_a_run_of_four_trainings_has_the_time_and_the_energy_of_one() -> None:
    (sparse,) = [r for r in api.score(SPARSE) if r.entry.benchmark == "bytes-sparse"]
    seconds = [run.seconds for run in sparse.entry.runs]
    kept = sorted(seconds)[1:-1]  # the Olympic mean drops one at each end
    assert sparse.performance.value == pytest.approx(sum(kept) / len(kept) / 4 / 60)
    assert sparse.energy_per_unit.value == pytest.approx(sparse.energy.value / 4, rel=0.01)


@pytest.mark.parametrize("key", ["data_sha256", "held_out_sha256"])
def test_a_run_on_another_split_is_invalid(tmp_path: Path, key: str) -> None:
    """All hashes are restated, as a forger would; what the workload registers is not theirs."""
    folder = copy_of_sparse(tmp_path)
    native.log(folder / "run-1", key, value="0" * 64)
    native.restate(folder)
    (entry,) = api.audit(folder).entries
    assert entry.verdict == "invalid"
    (finding,) = [item for item in entry.findings if item.rule == "registered-data"]
    assert key in finding.got


def test_a_run_to_an_easier_target_is_invalid(tmp_path: Path) -> None:
    """Record and log agree on the easier target; the workload registers another."""
    folder = copy_of_sparse(tmp_path)
    native.log(folder / "run-1", "target_bits_per_byte", value=2.2)
    native.log(folder / "run-1", "bits_per_byte", value=2.19)
    native.document(folder / "run-1", lambda run: run["quality"].update(value=2.19, target=2.2))
    native.restate(folder)
    (entry,) = api.audit(folder).entries
    assert entry.verdict == "invalid"
    assert {item.rule for item in entry.findings if item.status == "fail"} == {"record-consistent"}


def copy_of_sparse(root: Path) -> Path:
    """The runs of the conditional memory, to tamper with."""
    (folder,) = SPARSE.glob("open/*/results/*/bytes-sparse/time-to-train")
    shutil.copytree(folder, root / "work")
    return root / "work"
