"""Disclosures say how each figure is known, and name the files behind it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness import api
from harness.cli import cli
from harness.core.errors import UsageError
from harness.core.schemas import check

SUBMISSIONS = Path(__file__).resolve().parents[3] / "submissions"
MODELLED = next((SUBMISSIONS / "joulemark-2026").rglob("image-classification/Offline"))
SIMULATED = SUBMISSIONS / "lab-2026" / "inference"
FACTS = {
    "schema_version": "1.0",
    "model": {"training_flop": 3e15},
    "embodied": {"g_co2e": 12.5, "source": "maker's data sheet"},
    "task": {
        "family": "image classification",
        "algorithms": [{"algorithmName": "perceptron"}],
        "dataset": [{"dataUsage": "input", "dataType": "image"}],
    },
    "infrastructure": {
        "infraType": "onPremise",
        "components": [{"componentType": "cpu", "nbComponent": 1}],
    },
}


def run(*arguments: object) -> str:
    done = CliRunner().invoke(cli, ["report", *map(str, arguments), "--quiet"])
    if done.exception is not None:
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(FACTS))
    return path


def disclosed(*arguments: object) -> list[dict[str, Any]]:
    document = json.loads(run(*arguments, "--json"))
    check("disclosure", document)
    return document["entries"]  # type: ignore[no-any-return]


def statement(entry: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [item for item in entry["statements"] if item["name"] == name]
    return found  # type: ignore[no-any-return]


def test_modelled_energy_is_estimated_and_has_the_interval_of_the_score() -> None:
    (entry,) = disclosed(MODELLED, "--standard", "annex-xi")
    energy = statement(entry, "Energy of one inference run")
    (result,) = api.score(MODELLED)
    assert energy["status"] == "estimated"
    assert [energy[end] * 3.6e6 for end in ("low", "value", "high")] == pytest.approx(
        [result.energy.low, result.energy.value, result.energy.high]
    )
    assert entry["verdict"] == "valid"
    total = statement(entry, "Energy of all recorded runs")
    assert total["value"] * 3.6e6 == pytest.approx(sum(item.energy_j for item in result.runs))
    assert statement(entry, "Floating-point operations of the training")["status"] == "unknown"


def test_simulated_energy_is_never_measured() -> None:
    for entry in disclosed(SIMULATED, "--standard", "annex-xi"):
        assert "measured" not in {item["status"] for item in entry["statements"]}


def test_measured_energy_of_a_real_result_is_measured_and_rests_on_its_files(
    real_data: Path,
) -> None:
    entries = disclosed(real_data / "mlperf-inference-v4.1", "--standard", "annex-xi")
    for entry in entries:
        assert statement(entry, "Energy of one inference run")["status"] == "measured"
        (run_,) = entry["evidence"]
        spl = next(file for file in run_["files"] if file["path"].endswith("spl.txt"))
        (path,) = (real_data / "mlperf-inference-v4.1").rglob(f"{entry['id']}/{spl['path']}")
        assert spl["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_rated_switches_of_a_real_training_are_a_part_that_was_estimated(real_data: Path) -> None:
    entries = disclosed(real_data / "mlperf-training-v4.0", "--standard", "annex-xi")
    parts = {
        entry["id"]: [item for item in entry["statements"] if item["name"].startswith("of which")]
        for entry in entries
    }
    assert any(parts.values())
    for entry in entries:
        energy = statement(entry, "Energy of one training run")
        assert energy["status"] == ("estimated" if parts[entry["id"]] else "measured")


def test_the_carbon_intensity_of_software_is_its_formula(facts: Path) -> None:
    (entry,) = disclosed(MODELLED, "--standard", "sci-ai", "--zone", "FR", "--facts", facts)
    names = {item["name"].partition(":")[0]: item for item in entry["statements"]}
    by_hand = (names["E"]["value"] * names["I"]["value"] + 12.5) / names["R"]["value"]
    assert names["SCI"]["value"] == pytest.approx(by_hand, rel=0.02)  # the mean of a wide E
    assert names["SCI"]["unit"] == "g CO2e/sample"
    assert names["SCI"]["low"] is None
    assert names["M"]["status"] == "declared"


@pytest.mark.parametrize("missing", ["grid", "embodied"])
def test_without_one_of_its_parts_there_is_no_carbon_intensity(missing: str, facts: Path) -> None:
    options = ["--facts", facts] if missing == "grid" else ["--zone", "FR"]
    (entry,) = disclosed(MODELLED, "--standard", "sci-ai", *options)
    sci = statement(entry, "SCI: (E x I + M) per R")
    assert (sci["status"], sci["value"]) == ("unknown", None)


def test_the_sheet_keeps_hostile_text_in_its_cell(facts: Path) -> None:
    document = FACTS | {"embodied": {"g_co2e": 1, "source": "a | b <script>`x`\n# title"}}
    facts.write_text(json.dumps(document))
    text = run(MODELLED, "--standard", "sci-ai", "--facts", facts)
    (row,) = [line for line in text.splitlines() if line.startswith("| M:")]
    assert row.replace("\\|", "").count("|") == 6
    assert "<script>" not in text
    assert "\n# title" not in text


def test_a_report_of_boamps_states_each_run(facts: Path) -> None:
    document = json.loads(run(MODELLED, "--standard", "boamps", "--facts", facts))
    for field in ("taskStage", "taskFamily", "algorithms", "dataset"):  # as its schema requires
        assert document["task"][field]
    for field in ("infraType", "components"):
        assert document["infrastructure"][field]
    assert document["header"]["reportDatetime"]
    assert document["header"]["publisher"]["confidentialityLevel"] == "public"
    (result,) = api.score(MODELLED)
    energies = [measure["powerConsumption"] * 3.6e6 for measure in document["measures"]]
    assert energies == pytest.approx([item.energy_j for item in result.runs])
    assert all(
        measure["measurementMethod"].startswith("joulemark: estimated")
        for measure in document["measures"]
    )
    assert document["task"]["nbRequest"] == sum(item.run.work.count for item in result.runs)


def test_facts_that_boamps_needs_are_named() -> None:
    with pytest.raises(UsageError, match=r"task\.family.*--facts"):
        run(MODELLED, "--standard", "boamps")


def test_boamps_takes_one_result(facts: Path) -> None:
    with pytest.raises(UsageError, match="got 2 results"):
        run(SUBMISSIONS / "joulemark-2026", "--standard", "boamps", "--facts", facts)
