"""The bundled submissions are those of the lab simulator, and intervals contain their truth."""

from __future__ import annotations

import json
from pathlib import Path

from lab_simulator.examples import write_examples

from harness import api
from harness.cli.demo import run_demo
from harness.signing.trust import read_trust
from harness.signing.verify import verify

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
