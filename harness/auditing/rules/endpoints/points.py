"""Checks of MLPerf's checker on the settings of a point: load, duration, warm-up, seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, submission_rule
from harness.formats.evidence import PackageEvidence
from harness.formats.mlperf.endpoints.curve import ULTRA_LOW_MAX
from harness.formats.mlperf.endpoints.fields import (
    count_in,
    mapping_in,
    number_in,
    text_in,
    value_in,
)

FILE = "point.yaml"
REQUIRED = (
    "concurrency",
    "runtime_settings",
    "division",
    "max_supported_concurrency",
    "model_name",
    "model_precision",
    "link_to_model",
    "dataset_name",
    "dataset_type",
    "dataset_link",
    "shared_src",
    "shared_docs",
    "seed_set",
    "target_cohort",
    "warmup",
)
"""Fields of a point (rules, section 8.3)."""
WARM_UP = ("duration_s", "requests_issued", "requests_completed", "data_source", "concurrency")
SEEDS = ("scheduler_rng_seed", "sample_index_rng_seed", "model_seed")
OLD_SEEDS = ("scheduler_random_seed", "dataloader_random_seed")
STATUSES = ("windowable", "insufficient_duration", "insufficient_passes", "partial_dataset")
COHORT = re.compile(r"\d{4}-\d{2}-C\d+", re.ASCII)


def point_config_valid(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point without a readable configuration, or without its fields."""
    if not point.point:
        yield breach(FILE, "missing or unreadable", "the configuration of the point")
        return
    missing = [name for name in REQUIRED if name not in point.point]
    if missing:
        yield breach(FILE, f"no {', '.join(missing)}", "all required fields")


def point_disclosure_complete(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report disclosures that are there and empty."""
    empty = [name for name in REQUIRED if name in point.point and point.point[name] in (None, "")]
    warm_up = mapping_in(point.point, "warmup")
    empty += [f"warmup.{name}" for name in WARM_UP if warm_up and warm_up.get(name) is None]
    if empty:
        yield breach(FILE, f"nothing in {', '.join(empty)}", "a value in each")


def load_pattern(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a load that is neither a fixed concurrency nor, for Offline, everything at once."""
    stated = value_in(point.point, "runtime_settings", "load_pattern")
    pattern = text_in(stated, "type") or (stated if isinstance(stated, str) else "")
    offline = text_in(point.point, "offline") == "dedicated"
    expected = ("concurrency", "max_throughput", "offline") if offline else ("concurrency",)
    if point.point and pattern not in expected:
        yield breach(FILE, f"load_pattern {pattern or 'missing'}"[:80], " or ".join(expected))


def streaming_config(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point whose responses were not streamed."""
    if not point.point or text_in(point.point, "offline") == "dedicated" or point.summary is None:
        return
    if not point.summary.block("ttft").document:
        yield breach("result_summary.json", "no ttft", "streamed responses")


def point_duration(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point that is too short."""
    concurrency = count_in(point.point, "concurrency")
    summary = point.summary
    if concurrency is None or summary is None or summary.duration_s is None:
        return
    low = concurrency <= ULTRA_LOW_MAX
    least_s = context.limits["duration_min_low_s" if low else "duration_min_s"]
    window_s = number_in(point.point, "steady_state", "window", "duration_s")
    length_s = summary.duration_s if window_s is None else window_s
    if length_s < least_s:
        yield breach(FILE, f"{length_s:.1f}", f"at least {least_s:g}", unit="s")


def min_query_count(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report samples that are no multiple of the data set."""
    size = count_in(point.point, "steady_state", "window", "super_pass_size")
    issued = point.summary.count("issued") if point.summary is not None else None
    if size and issued is not None and (issued < size or issued % size):
        yield breach(
            "result_summary.json", f"{issued} samples", f"whole passes of the data set of {size}"
        )


def warmup_present(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point that does not say how it was warmed up."""
    if point.point and not mapping_in(point.point, "warmup"):
        yield breach(FILE, "no warmup", "what was done before the window")


def warmup_logs_retained(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a warm-up whose logs were not kept."""
    warm_up = mapping_in(point.point, "warmup")
    if warm_up and warm_up.get("logs_retained") is not True:
        yield breach(FILE, "logs_retained is not true", "logs of the warm-up")


def config_consistency_dataset(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a data set that other points of the curve do not have."""
    yield from _differs_on_curve(point, "dataset_name")


def config_consistency_model(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a model that other points of the curve do not have."""
    yield from _differs_on_curve(point, "model_name")


def steady_state_valid(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a steady state of an unknown status."""
    steady = mapping_in(point.point, "steady_state")
    status = text_in(steady, "status")
    if steady and status not in STATUSES:
        yield breach(FILE, f"status {status or 'missing'}"[:80], " or ".join(STATUSES))


def steady_state_consistency(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a steady window that its own super-passes do not give."""
    window = mapping_in(point.point, "steady_state", "window")
    if text_in(point.point, "steady_state", "status") != "windowable" or not window:
        return
    first, last = count_in(window, "super_pass_start"), count_in(window, "super_pass_end")
    size, samples = count_in(window, "super_pass_size"), count_in(window, "n_samples")
    if first is None or last is None or size is None or samples is None:
        yield breach(FILE, "the steady window is incomplete", "super-passes and samples")
        return
    passes = last - first + 1
    if passes < context.limits["passes_min"] or samples != passes * size:
        yield breach(
            FILE,
            f"{passes} super-passes of {size}, {samples} samples",
            f"at least {context.limits['passes_min']:g} super-passes, all of their samples",
        )


def seed_set_consistency(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report seeds that other points of the curve do not have."""
    yield from _differs_on_curve(point, "seed_set")
    points = point.curve.points if point.curve is not None else ()
    seeds = [_seeds(p.point) for p in points if p.point]
    if any(item != seeds[0] for item in seeds):
        yield breach(FILE, "seeds differ between points", "one set of seeds on the curve")


def target_cohort(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a cohort that is not of its form."""
    stated = str(point.point.get("target_cohort", ""))
    if point.point and not COHORT.fullmatch(stated):
        yield breach(FILE, f"target_cohort {stated or 'missing'}"[:80], "YYYY-MM-Cn")


def seed_config_legacy(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report the names of seeds of older rules."""
    runtime = mapping_in(point.point, "runtime_settings", "runtime")
    names = [name for name in OLD_SEEDS if name in runtime or name in point.point]
    if names:
        yield breach(FILE, ", ".join(names), ", ".join(SEEDS))


def _seeds(document: Mapping[str, object]) -> tuple[object, ...]:
    runtime = mapping_in(document, "runtime_settings", "runtime")
    return tuple(runtime.get(name) for name in SEEDS)


def _differs_on_curve(point: PackageEvidence, name: str) -> Iterator[Violation]:
    points = point.curve.points if point.curve is not None else ()
    stated = sorted({str(p.point[name]) for p in points if name in p.point})
    if len(stated) > 1:
        got = f"{name} {', '.join(stated)}"[:120]
        yield breach(FILE, got, f"one {name} on the curve")


LOAD = "A point stands for a fixed load that others can repeat."
STEADY = "A window of steady load is free of ramp and drain."
SEED = "Order and contents of requests must not be chosen."
ONE_WORK = "Points with other work do not make a curve."

RULES = (
    submission_rule(
        "point-config-valid", "A point has its configuration", point_config_valid, why=LOAD
    ),
    submission_rule(
        "point-disclosure-complete",
        "No required field of a point is empty",
        point_disclosure_complete,
        why=LOAD,
    ),
    submission_rule("load-pattern", "The load is a fixed concurrency", load_pattern, why=LOAD),
    submission_rule("streaming-config", "Responses are streamed", streaming_config, why=LOAD),
    submission_rule(
        "point-duration",
        "A point is long enough",
        point_duration,
        why="Short runs have not reached their temperature, caches and batch sizes.",
        limits=("duration_min_low_s", "duration_min_s"),
    ),
    submission_rule(
        "min-query-count",
        "Samples are whole passes of the data set",
        min_query_count,
        why="Part of a data set may be easier than all of it.",
    ),
    submission_rule("warmup-present", "The warm-up is described", warmup_present, why=LOAD),
    submission_rule(
        "warmup-logs-retained", "Logs of the warm-up were kept", warmup_logs_retained, why=LOAD
    ),
    submission_rule(
        "config-consistency-dataset",
        "All points use one data set",
        config_consistency_dataset,
        why=ONE_WORK,
    ),
    submission_rule(
        "config-consistency-model",
        "All points use one model",
        config_consistency_model,
        why=ONE_WORK,
    ),
    submission_rule(
        "steady-state-valid", "A steady state has a known status", steady_state_valid, why=STEADY
    ),
    submission_rule(
        "steady-state-consistency",
        "The steady window is whole super-passes",
        steady_state_consistency,
        why=STEADY,
        limits=("passes_min",),
    ),
    submission_rule(
        "seed-set-consistency", "All points use one set of seeds", seed_set_consistency, why=SEED
    ),
    submission_rule("target-cohort", "The cohort has its form", target_cohort, why=SEED),
    submission_rule(
        "seed-config-legacy", "Seeds have their current names", seed_config_legacy, why=SEED
    ),
)
