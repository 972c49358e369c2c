"""Checks of MLPerf's checker on the description of a system."""

from __future__ import annotations

from collections.abc import Iterator

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, differs, submission_rule
from harness.formats.evidence import PackageEvidence
from harness.formats.mlperf.endpoints.fields import count_in, list_in, number_in, text_in

FILE = "system_desc.json"
WHY = "A result belongs to a system that a reader can build."


def system_description_present(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point without a description of its system."""
    if not point.system:
        yield breach(FILE, "missing or unreadable", "the description of the system")


def system_description_valid(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a description that lacks what names a system."""
    if not point.system:
        return
    missing = [] if text_in(point.system, "system_name") else ["system_name"]
    missing += [] if list_in(point.system, "node_types") else ["node_types"]
    if missing:
        yield breach(FILE, f"no {', '.join(missing)}", "system_name and node_types")


def max_concurrency_declared(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point that does not declare the greatest concurrency of its system."""
    for file, document in (("point.yaml", point.point), (FILE, point.system)):
        if document and not count_in(document, "max_supported_concurrency"):
            yield breach(file, "no max_supported_concurrency", "a count above 0")


def system_description_consistency(
    point: PackageEvidence, context: RuleContext
) -> Iterator[Violation]:
    """Report points and descriptions that declare different greatest concurrencies."""
    stated = count_in(point.system, "max_supported_concurrency")
    declared = point.curve.c_max if point.curve else None
    if stated is not None and declared is not None and stated != declared:
        yield breach(FILE, f"max_supported_concurrency {stated}", f"{declared}, as the points say")


def model_name_consistency(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a model that point and description name differently."""
    in_point, in_system = text_in(point.point, "model_name"), text_in(point.system, "model_id")
    if in_point and in_system and in_point != in_system:
        yield breach(FILE, f"model_id {in_system}", f"{in_point}, as point.yaml says")


def tps_utilization(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a stated utilisation that the curve does not give."""
    stated = number_in(point.system, "tps_utilization")
    largest = point.curve.max_tokens_per_second if point.curve else None
    tps = point.summary.tokens_per_second if point.summary else None
    if stated is None or not largest or tps is None:
        return
    derived = tps / largest
    if differs(stated, derived, context.limits["relative_max"]):
        yield breach(FILE, f"tps_utilization {stated:g}", f"{derived:.6f}")


RULES = (
    submission_rule(
        "system-description-present",
        "A point has the description of its system",
        system_description_present,
        why=WHY,
    ),
    submission_rule(
        "system-description-valid",
        "The description names the system and its nodes",
        system_description_valid,
        why=WHY,
    ),
    submission_rule(
        "max-concurrency-declared",
        "The greatest supported concurrency is declared",
        max_concurrency_declared,
        why="The regions of the curve follow from it.",
    ),
    submission_rule(
        "system-description-consistency",
        "Points and descriptions declare one greatest concurrency",
        system_description_consistency,
        why="The regions of the curve follow from it.",
    ),
    submission_rule(
        "model-name-consistency",
        "Point and description name one model",
        model_name_consistency,
        why=WHY,
    ),
    submission_rule(
        "tps-utilization",
        "The stated utilisation follows from the curve",
        tps_utilization,
        why="It is the rate of the point over the greatest rate of the curve.",
        limits=("relative_max",),
    ),
)
