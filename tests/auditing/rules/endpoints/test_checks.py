"""Each check of MLPerf's checker: a sound submission passes all, and a damage breaks its check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness import api
from harness.auditing.report import EntryReport
from harness.auditing.rules import RULES
from harness.auditing.rules.base import ENDPOINT_PACKAGES
from tests.fakes.endpoint_package import Package, sourced

Damage = Callable[[Package], None]
DAMAGES: dict[str, tuple[str, Damage]] = {}
"""By rule: the status that it must have, and the damage that breaks it at the point r64."""


def breaks(rule: str, status: str = "fail") -> Callable[[Damage], Damage]:
    """Register a damage."""

    def register(damage: Damage) -> Damage:
        DAMAGES[rule] = (status, damage)
        return damage

    return register


def report_of(package: Package, folder: Path) -> EntryReport:
    (entry,) = api.audit(package.write(folder / "acme")).entries
    return entry


def statuses(report: EntryReport) -> dict[str, str]:
    return {finding.rule: finding.severity or finding.status for finding in report.findings}


# --- Folders


@breaks("required-dir")
def _(package: Package) -> None:
    package.folders.remove("docs")


@breaks("src-dir")
def _(package: Package) -> None:
    package.folders.remove("src")


@breaks("src-readme")
def _(package: Package) -> None:
    package.readme = False


@breaks("shared-path-resolution")
def _(package: Package) -> None:
    package.points[64]["shared_src"] = "../elsewhere"


@breaks("result-summary-present")
def _(package: Package) -> None:
    del package.summaries[64]


@breaks("point-dirname-concurrency", "warn")
def _(package: Package) -> None:
    package.points[64]["concurrency"] = 65


# --- System and power


@breaks("system-description-present")
def _(package: Package) -> None:
    del package.systems[64]


@breaks("system-description-valid")
def _(package: Package) -> None:
    package.systems[64]["node_types"] = []


@breaks("max-concurrency-declared")
def _(package: Package) -> None:
    package.systems[64]["max_supported_concurrency"] = 0


@breaks("system-description-consistency", "question")
def _(package: Package) -> None:
    package.systems[64]["max_supported_concurrency"] = 511


@breaks("model-name-consistency", "question")
def _(package: Package) -> None:
    package.systems[64]["model_id"] = "other-model"


@breaks("tps-utilization", "question")
def _(package: Package) -> None:
    package.systems[64]["tps_utilization"] *= 1.02


@breaks("power-descriptor")
def _(package: Package) -> None:
    package.power = {}
    del package.summaries[64]["system_tps_per_kw"]


@breaks("power-estimated", "warn")
def _(package: Package) -> None:
    parts = package.power["node_sets"][0]["components"]
    parts["cpu"]["tdp_per_unit"]["source_type"] = "mlc_default"


@breaks("nodes-used", "question")
def _(package: Package) -> None:
    package.points[64]["nodes_used"] = 2


@breaks("maximal-engagement", "question")
def _(package: Package) -> None:
    package.systems[64]["config_summary"]["tensor_parallel"] = 4


# --- Curve


@breaks("region-computation")
def _(package: Package) -> None:
    for document in (*package.points.values(), *package.systems.values()):
        document["max_supported_concurrency"] = 4


@breaks("ultra-low-concurrency-coverage")
def _(package: Package) -> None:
    for concurrency in (4, 8, 24):
        package.points[concurrency]["concurrency"] = 33


@breaks("low-concurrency-coverage")
def _(package: Package) -> None:
    package.points[8]["concurrency"] = 4


@breaks("med-concurrency-coverage")
def _(package: Package) -> None:
    for concurrency in (24, 64):
        package.points[concurrency]["concurrency"] = 8


@breaks("high-concurrency-coverage")
def _(package: Package) -> None:
    for concurrency in (128, 256, 512):
        package.points[concurrency]["concurrency"] = 60


@breaks("point-count")
def _(package: Package) -> None:
    del package.points[256]


@breaks("point-cap")
def _(package: Package) -> None:
    for concurrency in range(300, 326):
        package.points[concurrency] = package.points[256] | {"concurrency": concurrency}


@breaks("offline-point-present")
def _(package: Package) -> None:
    package.points[512]["offline"] = "none"


@breaks("offline-declared")
def _(package: Package) -> None:
    package.points[64]["offline"] = "yes"


@breaks("offline-ordering", "question")
def _(package: Package) -> None:
    package.points[256]["offline"] = "dedicated"


@breaks("concurrency-in-range", "question")
def _(package: Package) -> None:
    package.points[64]["concurrency"] = 565


@breaks("benchmark-type-consistency", "question")
def _(package: Package) -> None:
    package.points[8]["dataset_type"] = "Accuracy"


@breaks("region-placement", "warn")
def _(package: Package) -> None:
    package.points[64]["region"] = "high"


# --- Points


@breaks("point-config-valid")
def _(package: Package) -> None:
    del package.points[64]["dataset_link"]


@breaks("point-disclosure-complete")
def _(package: Package) -> None:
    package.points[64]["link_to_model"] = ""


@breaks("load-pattern")
def _(package: Package) -> None:
    package.points[64]["runtime_settings"]["load_pattern"] = "poisson"


@breaks("streaming-config", "question")
def _(package: Package) -> None:
    package.summaries[64]["ttft"] = {}


@breaks("point-duration", "question")
def _(package: Package) -> None:
    package.points[64]["steady_state"]["window"]["duration_s"] = 1199.0


@breaks("min-query-count", "question")
def _(package: Package) -> None:
    package.summaries[64] |= {"n_samples_issued": 3001, "n_samples_completed": 3001}


@breaks("warmup-present", "question")
def _(package: Package) -> None:
    package.points[64]["warmup"] = {}


@breaks("warmup-logs-retained", "warn")
def _(package: Package) -> None:
    package.points[64]["warmup"]["logs_retained"] = False


@breaks("config-consistency-dataset", "question")
def _(package: Package) -> None:
    package.points[8]["dataset_name"] = "other questions"


@breaks("config-consistency-model", "question")
def _(package: Package) -> None:
    package.points[8]["model_name"] = "other-model"


@breaks("steady-state-valid", "question")
def _(package: Package) -> None:
    package.points[64]["steady_state"]["status"] = "steady"


@breaks("steady-state-consistency", "question")
def _(package: Package) -> None:
    package.points[64]["steady_state"]["window"]["super_pass_end"] = 3


@breaks("seed-set-consistency")
def _(package: Package) -> None:
    package.points[8]["runtime_settings"]["runtime"]["model_seed"] = 14


@breaks("target-cohort")
def _(package: Package) -> None:
    package.points[64]["target_cohort"] = "autumn"


@breaks("seed-config-legacy", "warn")
def _(package: Package) -> None:
    package.points[64]["dataloader_random_seed"] = 3


# --- Figures


@breaks("result-file-valid")
def _(package: Package) -> None:
    del package.summaries[64]["n_samples_completed"]


@breaks("metric-consistency-duration", "question")
def _(package: Package) -> None:
    package.summaries[64]["duration_ns"] = 0


@breaks("metric-consistency-accounting", "question")
def _(package: Package) -> None:
    package.summaries[64]["n_samples_failed"] = 5


@breaks("metric-consistency-output-tokens", "question")
def _(package: Package) -> None:
    package.summaries[64]["output_sequence_lengths"]["total"] = -1


@breaks("metric-consistency-system-tps", "question")
def _(package: Package) -> None:
    package.summaries[64]["system_tps"] *= 1.011


@breaks("metric-consistency-tpot-p90", "question")
def _(package: Package) -> None:
    del package.summaries[64]["tpot"]["percentiles"]["90.0"]


@breaks("metric-consistency-tps-per-user", "question")
def _(package: Package) -> None:
    package.summaries[64]["tps_per_user"] = 202.1


@breaks("metric-consistency-tps-per-kw", "question")
def _(package: Package) -> None:
    package.summaries[64]["system_tps_per_kw"] *= 0.98


# --- Accuracy


@breaks("accuracy-present")
def _(package: Package) -> None:
    package.accuracies.clear()


@breaks("accuracy-coverage")
def _(package: Package) -> None:
    for concurrency in (128, 256, 512):
        del package.accuracies[concurrency]


@breaks("accuracy-valid")
def _(package: Package) -> None:
    package.accuracies[64]["accuracy_scores"][0]["complete"] = False


@breaks("accuracy-sample-count")
def _(package: Package) -> None:
    for point in package.points.values():
        point["model_name"] = "gpt-oss-120b"
    for system in package.systems.values():
        system["model_id"] = "gpt-oss-120b"
    package.accuracies[64]["accuracy_scores"][0] |= {"score": 82.2988, "total_samples": 4394}


@breaks("accuracy-gate")
def _(package: Package) -> None:
    for point in package.points.values():
        point["model_name"] = "deepseek-r1"
    for system in package.systems.values():
        system["model_id"] = "deepseek-r1"
    package.accuracies[64]["accuracy_scores"][0] |= {"score": 0.80544, "total_samples": 4388}


def test_pass_a_sound_submission(tmp_path: Path) -> None:
    report = report_of(Package(), tmp_path)
    assert statuses(report) == {}
    assert report.verdict == "valid"


@pytest.mark.parametrize("rule", DAMAGES)
def test_each_damage_breaks_its_check(rule: str, tmp_path: Path) -> None:
    status, damage = DAMAGES[rule]
    package = Package()
    damage(package)
    assert statuses(report_of(package, tmp_path))[rule] == status


def test_one_point_is_counted_in_the_singular(tmp_path: Path) -> None:
    package = Package()
    package.points = {64: package.points[64]}
    (count,) = [f for f in report_of(package, tmp_path).findings if f.rule == "point-count"]
    assert count.got == "1 point"


def test_every_check_has_a_damage() -> None:
    checks = {rule.id for rule in RULES if rule.applies_to == ENDPOINT_PACKAGES}
    assert set(DAMAGES) == checks - {"point-rules-skipped"}


def test_a_declared_shortfall_only_warns(tmp_path: Path) -> None:
    package = Package()
    package.systems[64]["config_summary"]["tensor_parallel"] = 4
    package.points[64]["dp_shortfall"] = "one replica has no memory left"
    assert statuses(report_of(package, tmp_path)) == {"maximal-engagement": "warn"}


def test_of_v0_7_the_rate_per_user_is_that_of_the_concurrency(tmp_path: Path) -> None:
    package = Package()
    package.summaries[64]["tps_per_user"] = 125.0  # 8000 tokens/s over 64
    folder = package.write(tmp_path / "acme")
    for name, expected in (("mlperf-endpoints-v0.7", {}), ("mlperf-endpoints-v1.1", 1)):
        (report,) = api.audit(folder, round_name=name).entries
        assert len(statuses(report)) == (expected or 0), name


def test_a_declared_total_replaces_the_sum(tmp_path: Path) -> None:
    package = Package()
    package.power["declared_provisioned_power"] = sourced(10_500.0)
    package.summaries[64]["system_tps_per_kw"] *= 2
    assert statuses(report_of(package, tmp_path)) == {}
