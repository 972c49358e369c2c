"""Checks of MLPerf's checker on provisioned power."""

from __future__ import annotations

import math
from collections.abc import Iterator

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, submission_rule
from harness.formats.defects import DefectCode
from harness.formats.evidence import PackageEvidence
from harness.formats.mlperf.endpoints.fields import count_in, mapping_in, value_in

FILE = "system_power.json"
WHY = "Tokens per second and kilowatt divide by it."
PARALLEL = ("tensor_parallel", "pipeline_parallel", "expert_parallel")


def power_descriptor(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a system whose provisioned power cannot be derived, or contradicts itself."""
    if point.power is None:
        yield breach(FILE, "missing or unreadable", "the provisioned power of the system")
    for defect in context.defects(DefectCode.POWER_NOT_DERIVED):
        yield breach(FILE, defect.got, DefectCode.POWER_NOT_DERIVED.expected)


def power_estimated(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a total that a default of Appendix D reaches."""
    if point.power is not None and point.power.estimated:
        yield breach(
            FILE,
            "a default of Appendix D",
            "rated power with a public source",
            "State the maker's rating.",
        )


def nodes_used(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report engaged nodes that are none of the provisioned ones."""
    stated = point.point.get("nodes_used")
    if stated is None or point.power is None or point.power.total_w is None:
        return
    if point.power.point_kw(stated) is None:
        yield breach("point.yaml", f"nodes_used {stated}"[:120], "nodes of each node set")


def maximal_engagement(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report fewer replicas than the provisioned accelerators allow, undeclared."""
    if point.power is None or not point.power.accelerators or not point.system:
        return
    settings = mapping_in(point.system, "config_summary") or point.system
    degrees = [count_in(settings, name) for name in PARALLEL]
    replicas = count_in(settings, "data_parallel")
    degrees_stated = [degree for degree in degrees if degree]
    if len(degrees_stated) < len(degrees) or replicas is None:
        return
    possible = point.power.accelerators // math.prod(degrees_stated)
    if replicas < possible:
        declared = value_in(point.point, "dp_shortfall") is not None
        yield Violation(
            breach("system_desc.json", "", "").where,
            f"{replicas} replicas of {possible} that the accelerators allow",
            f"{possible}, or a declared dp_shortfall",
            "Run all replicas, or declare dp_shortfall.",
            status="warn" if declared else None,
        )


RULES = (
    submission_rule(
        "power-descriptor",
        "A total of the provisioned power can be derived",
        power_descriptor,
        why=WHY,
        evidence="`system_power.json` in its three generations.",
    ),
    submission_rule(
        "power-estimated", "No default stands for a rated power", power_estimated, why=WHY
    ),
    submission_rule("nodes-used", "Engaged nodes are provisioned nodes", nodes_used, why=WHY),
    submission_rule(
        "maximal-engagement",
        "A point runs all replicas that the accelerators allow",
        maximal_engagement,
        why="Idle accelerators would leave the denominator otherwise.",
    ),
)
