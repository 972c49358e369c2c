"""Checks of MLPerf's checker on accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, point_rule, submission_rule
from harness.formats.evidence import PackageEvidence

FILE = "accuracy_results.json"
WHY = "Speed at lower quality is another product."
GATED = {"deepseek-r1": "deepseek_r1", "gpt-oss-120b": "gpt_oss_120b"}
"""Models with a floor, and the names of their limits."""


def accuracy_present(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve of which no point has accuracy results."""
    points = point.curve.points if point.curve is not None else ()
    if not any(p.has_accuracy for p in points):
        yield breach(FILE, "no accuracy on the curve", "accuracy results")


def accuracy_coverage(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report regions without accuracy results."""
    curve = point.curve
    if curve is None or not any(p.has_accuracy for p in curve.points):
        return
    scored = [p.concurrency for p in curve.points if p.has_accuracy and p.concurrency]
    missing = [
        region.name
        for region in curve.regions
        if region.name != "margin" and not any(c in region for c in scored)
    ]
    if missing:
        yield breach(FILE, f"none in the regions {', '.join(missing)}", "results in each region")


def accuracy_valid(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report accuracy results that are no scores, or incomplete."""
    if point.has_accuracy and not point.scores:
        yield breach(FILE, "no score", "a score for each data set")
    for score in point.scores:
        if not 0 <= score.percent <= 100:
            yield breach(FILE, f"{score.data_set}: {score.value:g}"[:120], "0 to 100 %")
        if score.complete is False or score.missing:
            yield breach(FILE, f"{score.data_set}: {score.missing} missing"[:120], "all responses")


def accuracy_sample_count(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report scores over another number of samples than the data set has."""
    name = GATED.get(context.entry.benchmark)
    if name is None:
        return
    expected = context.limits[f"{name}_samples"]
    for score in point.scores:
        if score.samples is not None and score.samples != expected:
            yield breach(FILE, f"{score.samples} samples", f"{expected:g}")


def accuracy_gate(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a score below the floor of its model."""
    name = GATED.get(context.entry.benchmark)
    if name is None:
        return
    floor = context.limits[f"{name}_min"]
    for score in point.scores[:1]:
        if score.percent < floor:
            yield breach(FILE, f"{score.percent:.4f}", f"at least {floor:g}", unit="%")


RULES = (
    submission_rule("accuracy-present", "A curve has accuracy results", accuracy_present, why=WHY),
    submission_rule(
        "accuracy-coverage", "Each region has accuracy results", accuracy_coverage, why=WHY
    ),
    point_rule("accuracy-valid", "Scores are complete shares", accuracy_valid, why=WHY),
    point_rule(
        "accuracy-sample-count",
        "Scores are over the whole data set",
        accuracy_sample_count,
        why=WHY,
        limits=("deepseek_r1_samples", "gpt_oss_120b_samples"),
    ),
    point_rule(
        "accuracy-gate",
        "The accuracy reaches the floor of its model",
        accuracy_gate,
        why=WHY,
        limits=("deepseek_r1_min", "gpt_oss_120b_min"),
    ),
)
