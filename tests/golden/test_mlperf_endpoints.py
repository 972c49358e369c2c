"""MLPerf Endpoints: published figures to the last digit, and the fixtures of MLPerf's checker."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.formats.base import Entry
from harness.formats.load import read
from harness.formats.mlperf.endpoints.power import provisioned_power
from harness.formats.mlperf.endpoints.summary import BLOCKS, Summary, histogram_edges
from harness.scoring.result import Result
from tests.conftest import SHARED
from tests.golden.test_real_findings import rows

FIXTURES = "endpoints-submission-cli"
ROUND = "inference_results_v6.1"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Published results and fixtures, unpacked."""
    unpack = SHARED / "data" / "unpack"
    if not unpack.exists():
        pytest.skip(f"{unpack} is absent: the sample data lies beside the checkout only")
    folder = tmp_path_factory.mktemp("endpoints")
    name = "mlperf-endpoints"
    subprocess.run([str(unpack), str(folder), name], check=True, capture_output=True, timeout=60)
    return folder / name / "mlcommons"


@pytest.fixture(scope="module")
def published(tree: Path) -> dict[tuple[str, str], Entry]:
    """The six published results, by model and scenario."""
    entries = read(tree / ROUND).entries
    return {(entry.benchmark, entry.scenario): entry for entry in entries}


@pytest.fixture(scope="module")
def points(tree: Path) -> dict[str, Result]:
    """The points of the fixture, by the name of their folder."""
    return {r.entry.runs[0].id: r for r in api.score(tree / FIXTURES / "test_submissions/sub_a")}


def figures(entry: Entry) -> dict[str, float]:
    package = entry.runs[0].evidence.package
    assert package is not None
    return dict(package.figures)


def summary(entry: Entry) -> Summary:
    package = entry.runs[0].evidence.package
    assert package is not None
    assert package.summary is not None
    return package.summary


def test_six_results_are_published(published: dict[tuple[str, str], Entry]) -> None:
    models, scenarios = ("deepseek-r1", "qwen3-vl-235b-a22b"), ("Interactive", "Offline", "Server")
    assert set(published) == {(model, scenario) for model in models for scenario in scenarios}
    assert {entry.submitter for entry in published.values()} == {"NVIDIA"}
    assert {entry.division for entry in published.values()} == {"closed"}


def test_rates_equal_the_published_ones_to_the_last_digit(
    published: dict[tuple[str, str], Entry],
) -> None:
    for entry in published.values():
        document = summary(entry).document
        assert figures(entry)["tps"] == document["tps"], entry.id
        assert figures(entry)["qps"] == document["qps"], entry.id


def test_means_medians_and_histograms_are_recomputed_to_the_last_digit(
    published: dict[tuple[str, str], Entry],
) -> None:
    blocks = 0
    for entry in published.values():
        for name in BLOCKS:
            block = summary(entry).block(name)
            if not block.document:
                continue
            blocks += 1
            assert block.mean == block.value("avg"), (entry.id, name)
            assert block.percentiles[50.0] == block.value("median"), (entry.id, name)
            edges = [low for low, _ in block.edges] + [block.edges[-1][1]]
            assert edges == histogram_edges(block.value("min"), block.value("max"))
    assert blocks == 4 * 4 + 2 * 2


def test_worked_example_of_deepseek_interactive(published: dict[tuple[str, str], Entry]) -> None:
    entry = published["deepseek-r1", "Interactive"]
    assert summary(entry).output_tokens == 1_278_761_605
    assert figures(entry)["tps_drained"] == pytest.approx(615_391.2256, abs=5e-5)
    assert figures(entry)["tps_per_user"] == pytest.approx(84.3418163, abs=5e-8)
    assert figures(entry)["ttft_p90_ms"] == 345.419597
    assert figures(entry)["in_flight"] == pytest.approx(6336.099, abs=5e-4)


@pytest.mark.parametrize(
    ("model", "scenario", "percent"),
    [
        ("deepseek-r1", "Interactive", 5.72),
        ("deepseek-r1", "Server", 16.56),
        ("deepseek-r1", "Offline", 0.0),
        ("qwen3-vl-235b-a22b", "Interactive", 0.07),
        ("qwen3-vl-235b-a22b", "Server", 0.38),
        ("qwen3-vl-235b-a22b", "Offline", 0.0),
    ],
)
def test_share_of_the_time_that_the_published_window_leaves_out(
    published: dict[tuple[str, str], Entry], model: str, scenario: str, percent: float
) -> None:
    share = summary(published[model, scenario]).drain_share
    assert round(100 * share, 2) == percent


def test_nothing_in_the_published_files_contradicts_itself(
    published: dict[tuple[str, str], Entry],
) -> None:
    codes = {defect.code.value for entry in published.values() for defect in entry.defects}
    assert codes == {"no-wall-clock", "windows-differ", "values-fewer", "score-scale"}


def test_stated_figures_of_the_fixture_follow_to_their_last_digit(
    points: dict[str, Result],
) -> None:
    for name, result in points.items():
        document = summary(result.entry).document
        ours = result.compat
        if "system_tps" in document:
            assert round(ours["mlperf_endpoints_tps"]["value"], 4) == document["system_tps"], name
            per_user = ours["mlperf_endpoints_tps_per_user"]["value"]
            assert round(per_user, 4) == document["tps_per_user"], name
    assert len(points) == 7


def test_provisioned_figures_of_the_fixture(points: dict[str, Result]) -> None:
    result = points["r2048"]
    assert result.provision is not None
    assert result.provision.power_kw == 14.7
    assert result.provision.utilisation is None
    per_kw = result.compat["mlperf_endpoints_system_tps_per_kw"]
    assert round(per_kw["value"], 3) == 663.809
    assert result.provision.per_token_j == pytest.approx(1000 / per_kw["value"], rel=1e-12)
    assert result.energy.value is None, "nothing was measured"
    assert result.measurement_class == "declared"


def test_stated_utilisation_of_the_curve_follows(points: dict[str, Result]) -> None:
    stated = points["r16"].entry.system_description
    assert stated is not None
    ratio = [points[name].compat["mlperf_endpoints_tps"]["value"] for name in ("r16", "r2048")]
    assert round(ratio[0] / ratio[1], 6) == stated["tps_utilization"]


@pytest.mark.parametrize(
    ("path", "cooling", "generation", "power_w"),
    [
        (f"{FIXTURES}@b03ee49c/test_submissions/sub_c/results/sys_tpu_4chip", "", 1, 9975.0),
        (
            f"{FIXTURES}@f9ea82d8/test_submissions/sub_b/results/sys_mi355x_16gpu",
            "air",
            2,
            23_100.0,
        ),
        (f"{FIXTURES}@f9ea82d8/test_submissions/sub_b/results/sys_mi355x_16gpu", "", 2, None),
        (f"{FIXTURES}/test_submissions/sub_a/results/sys_mi355x_8gpu", "", 3, 14_700.0),
        (f"{FIXTURES}/test_submissions/sub_b/results/sys_mi355x_16gpu", "", 3, 23_100.0),
        (f"{FIXTURES}/test_submissions/sub_c/results/sys_tpu_4chip", "", 3, 9975.0),
        (f"{FIXTURES}/test_submissions/invalid_submission/results/bad_system", "", 3, 6825.0),
    ],
)
def test_provisioned_power_of_each_generation(
    tree: Path, path: str, cooling: str, generation: int, power_w: float | None
) -> None:
    document: dict[str, Any] = json.loads((tree / path / "system_power.json").read_bytes())
    power = provisioned_power(document, cooling)
    assert (power.generation, power.total_w) == (generation, power_w)


def test_the_page_of_real_findings_names_every_finding(tree: Path) -> None:
    reported: Counter[tuple[str, str, str]] = Counter()
    for entry in api.audit(tree).entries:
        *_, model, point = entry.id.split("/")
        name = {"Llama-3_1-8B-Instruct": "bad", "gpt-oss-120b": point}.get(model)
        for finding in entry.findings:
            is_defect = finding.rule == "evidence-readable"
            rule = finding.got.partition(":")[0] if is_defect else finding.rule
            status = finding.severity or finding.status
            reported[name or f"vr/{model}/{point}", rule, status] += 1
    listed: Counter[tuple[str, str, str]] = Counter()
    for rule, status, entries, why in rows("MLPerf Endpoints"):
        assert why
        for item in entries.split(", "):
            name, _, count = item.partition(" ")
            listed[name, rule.strip("`"), status] += int(count or 1)
    assert listed == reported
