"""Checks of MLPerf's checker on the curve of a submission."""

from __future__ import annotations

from collections.abc import Iterator

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, submission_rule
from harness.formats.evidence import PackageEvidence
from harness.formats.mlperf.endpoints.curve import CurvePoint
from harness.formats.mlperf.endpoints.fields import text_in

WHY = "A curve must be measured over all of its range, not where a system is best."
EVIDENCE = "The points beside this one, and the regions that follow from C_min and C_max."
CURVE = "the curve"


def region_computation(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve whose regions cannot be computed."""
    curve = point.curve
    if curve is not None and not curve.regions:
        got = f"C_min {curve.c_min}, C_max {curve.c_max}"
        yield breach(CURVE, got, "C_min at most 32, below C_max")


def ultra_low_coverage(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve without a point of low concurrency."""
    if point.curve is not None and point.curve.c_min is None:
        yield breach(CURVE, "no point up to 32", "a point at a concurrency of 1 to 32")


def low_coverage(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve without a point of low concurrency."""
    yield from _uncovered("low", point)


def med_coverage(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve without a point of medium concurrency."""
    yield from _uncovered("med", point)


def high_coverage(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve without a point of high concurrency."""
    yield from _uncovered("high", point)


def _uncovered(name: str, point: PackageEvidence) -> Iterator[Violation]:
    curve = point.curve
    for region in curve.regions if curve is not None else ():
        covered = any(c in region for c in curve.concurrencies) if curve is not None else True
        if region.name == name and not covered:
            yield breach(CURVE, "no point", f"a point at {region.low} to {region.high}")


def point_count(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve with too few points."""
    if point.curve is None:
        return
    elected = any(p.offline == "elected" for p in point.curve.points)
    least = context.limits["points_min_elected" if elected else "points_min"]
    count = len(point.curve.points)
    if count < least:
        yield breach(CURVE, _counted_points(count), f"at least {least:g}")


def point_cap(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve with too many points."""
    most = context.limits["points_max"]
    if point.curve is not None and len(point.curve.points) > most:
        yield breach(CURVE, _counted_points(len(point.curve.points)), f"at most {most:g}")


def _counted_points(count: int) -> str:
    return f"{count} point{'' if count == 1 else 's'}"


def offline_point_present(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a curve that has no Offline point."""
    if point.curve is not None and _offline(point) is None:
        yield breach(CURVE, "no Offline point", "one, dedicated or elected")


def offline_declared(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a declaration that is none of the three."""
    stated = point.point.get("offline")
    if stated is not None and stated not in ("dedicated", "elected", "none"):
        yield breach("point.yaml", f"offline: {stated}"[:80], "dedicated, elected or none")


def offline_ordering(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a dedicated Offline point that is slower than the point at C_max."""
    offline, curve = _offline(point), point.curve
    if offline is None or offline.offline != "dedicated" or curve is None:
        return
    at_max = [p for p in curve.points if p.concurrency == curve.c_max and p is not offline]
    rate = offline.summary.tokens_per_second
    limit = context.limits["share_min"]
    for last_point in at_max[:1]:
        other_rate = last_point.summary.tokens_per_second
        if rate is not None and other_rate and rate < limit * other_rate:
            yield breach(CURVE, f"{rate / other_rate:.1%} of the rate at C_max", f"{limit:.0%}")


def concurrency_in_range(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point above the margin."""
    curve = point.curve
    if curve is None or not curve.regions or text_in(point.point, "offline") == "dedicated":
        return
    top = curve.regions[-1].high
    concurrency = _concurrency(point)
    if concurrency is not None and concurrency > top:
        yield breach("point.yaml", f"concurrency {concurrency}", f"at most {top}")


def benchmark_type_consistency(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report points of one curve on different kinds of data sets."""
    points = point.curve.points if point.curve is not None else ()
    kinds = sorted({text_in(p.point, "dataset_type") for p in points} - {""})
    if len(kinds) > 1:
        yield breach(CURVE, " and ".join(kinds)[:120], "one dataset_type")


def region_placement(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a stated region that the concurrency does not lie in."""
    stated, concurrency = text_in(point.point, "region"), _concurrency(point)
    curve = point.curve
    if not stated or curve is None or concurrency is None or not curve.regions:
        return
    names = [region.name for region in curve.regions if concurrency in region]
    actual = names[0] if names else "ultra-low"
    if not stated.casefold().replace("_", "-").startswith(actual):
        yield breach("point.yaml", f"region {stated}"[:80], actual)


def _offline(point: PackageEvidence) -> CurvePoint | None:
    points = point.curve.points if point.curve is not None else ()
    return next((p for p in points if p.offline), None)


def _concurrency(point: PackageEvidence) -> int | None:
    points = point.curve.points if point.curve is not None else ()
    return next((p.concurrency for p in points if p.folder == point.folder), None)


RULES = (
    submission_rule(
        "region-computation",
        "The regions of the curve can be computed",
        region_computation,
        why=WHY,
        evidence=EVIDENCE,
    ),
    submission_rule(
        "ultra-low-concurrency-coverage",
        "A curve has a point up to 32",
        ultra_low_coverage,
        why=WHY,
        evidence=EVIDENCE,
    ),
    submission_rule(
        "low-concurrency-coverage",
        "A curve has a point of low concurrency",
        low_coverage,
        why=WHY,
        evidence=EVIDENCE,
    ),
    submission_rule(
        "med-concurrency-coverage",
        "A curve has a point of medium concurrency",
        med_coverage,
        why=WHY,
        evidence=EVIDENCE,
    ),
    submission_rule(
        "high-concurrency-coverage",
        "A curve has a point of high concurrency",
        high_coverage,
        why=WHY,
        evidence=EVIDENCE,
    ),
    submission_rule(
        "point-count",
        "A curve has enough points",
        point_count,
        why=WHY,
        evidence=EVIDENCE,
        limits=("points_min", "points_min_elected"),
    ),
    submission_rule(
        "point-cap",
        "A curve has at most as many points as allowed",
        point_cap,
        why="Many points make a submission hard to review.",
        evidence=EVIDENCE,
        limits=("points_max",),
    ),
    submission_rule(
        "offline-point-present",
        "A curve has an Offline point",
        offline_point_present,
        why=WHY,
        evidence=EVIDENCE,
    ),
    submission_rule(
        "offline-declared",
        "An Offline point is dedicated or elected",
        offline_declared,
        why="Rules differ for the two.",
    ),
    submission_rule(
        "offline-ordering",
        "A dedicated Offline point is about as fast as the point at C_max",
        offline_ordering,
        why="Offline without limits on latency cannot be slower.",
        evidence=EVIDENCE,
        limits=("share_min",),
    ),
    submission_rule(
        "concurrency-in-range",
        "Points lie within the declared range and its margin",
        concurrency_in_range,
        why="C_max bounds the curve.",
        evidence=EVIDENCE,
    ),
    submission_rule(
        "benchmark-type-consistency",
        "All points of a curve use one kind of data set",
        benchmark_type_consistency,
        why="Points on different data do not make a curve.",
        evidence=EVIDENCE,
    ),
    submission_rule(
        "region-placement",
        "A stated region is the one that the concurrency lies in",
        region_placement,
        why="Readers select points by region.",
        evidence=EVIDENCE,
    ),
)
