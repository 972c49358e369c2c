"""Checks of MLPerf's checker on figures: stated ones against those that follow from the counts."""

from __future__ import annotations

from collections.abc import Iterator

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, differs, point_rule
from harness.formats.evidence import PackageEvidence
from harness.formats.mlperf.endpoints.fields import count_in, number_in

WHY = "A figure that does not follow from its own file says nothing."
EVIDENCE = "`result_summary.json`: the figure, recomputed from totals and counts."
NEEDED = ("n_samples_issued", "n_samples_completed", "duration_ns")


def result_file_valid(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a summary without its counts."""
    if point.summary is None:
        return
    missing = [name for name in NEEDED if number_in(point.summary.document, name) is None]
    if missing:
        yield _breach(f"no {', '.join(missing)}", "counts and duration")


def duration(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a duration that is not above 0."""
    stated = None if point.summary is None else number_in(point.summary.document, "duration_ns")
    if stated is not None and stated <= 0:
        yield _breach(f"duration_ns {stated:g}", "above 0")


def accounting(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report requests that are neither completed nor failed."""
    if point.summary is None:
        return
    issued, completed, failed = (
        point.summary.count(name) for name in ("issued", "completed", "failed")
    )
    if issued is None or completed is None:
        return
    if completed + (failed or 0) != issued:
        yield _breach(
            f"{completed} completed and {failed or 0} failed of {issued}",
            "completed and failed that add up to issued",
        )


def output_tokens(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report output tokens that are missing or below 0."""
    if point.summary is None:
        return
    total = point.summary.output_tokens
    if total is None or total < 0:
        yield _breach(f"{total} output tokens", "at least 0")


def system_tps(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a rate that the tokens and the time do not give."""
    if point.summary is None:
        return
    document, summary = point.summary.document, point.summary
    stated = number_in(document, "system_tps")
    over = summary.tokens_per_second_drained
    if stated is None:
        stated, over = number_in(document, "tps"), summary.tokens_per_second
    yield from _compared("system_tps", stated, over, context)


def tpot_p90(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point without the percentile that its metric needs."""
    needs_tpot = point.layout == "submission" and point.point.get("offline") != "dedicated"
    if point.summary is not None and needs_tpot and point.summary.tpot_p90_ms is None:
        yield _breach("no 90th percentile of tpot", "percentiles of tpot")


def tps_per_user(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a rate per user that the point does not give."""
    if point.summary is None:
        return
    derived = point.summary.tokens_per_second_per_user
    if not context.limits["tpot_percentile"]:
        tps, concurrency = point.summary.tokens_per_second, count_in(point.point, "concurrency")
        derived = tps / concurrency if tps is not None and concurrency else None
    stated = number_in(point.summary.document, "tps_per_user")
    yield from _compared("tps_per_user", stated, derived, context)


def tps_per_kw(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a rate per kilowatt that rate and provisioned power do not give."""
    if point.summary is not None:
        stated = number_in(point.summary.document, "system_tps_per_kw")
        derived = point.figures.get("system_tps_per_kw")
        yield from _compared("system_tps_per_kw", stated, derived, context)


def _compared(
    name: str, stated: float | None, derived: float | None, context: RuleContext
) -> Iterator[Violation]:
    if stated is None or derived is None:
        return
    if differs(stated, derived, context.limits["relative_max"]):
        yield _breach(f"{name} {stated:g}", f"{derived:.10g}")


def _breach(got: str, expected: str) -> Violation:
    return breach("result_summary.json", got, expected)


RELATIVE = ("relative_max",)
RULES = (
    point_rule(
        "result-file-valid",
        "A summary has counts and duration",
        result_file_valid,
        why=WHY,
        evidence=EVIDENCE,
    ),
    point_rule(
        "metric-consistency-duration", "The run took time", duration, why=WHY, evidence=EVIDENCE
    ),
    point_rule(
        "metric-consistency-accounting",
        "Completed and failed requests add up to those issued",
        accounting,
        why="The client counts a failed request as completed too, so failures show here.",
        evidence=EVIDENCE,
    ),
    point_rule(
        "metric-consistency-output-tokens",
        "Output tokens were counted",
        output_tokens,
        why=WHY,
        evidence=EVIDENCE,
    ),
    point_rule(
        "metric-consistency-system-tps",
        "The rate of tokens follows from tokens and time",
        system_tps,
        why=WHY,
        evidence=EVIDENCE,
        limits=RELATIVE,
    ),
    point_rule(
        "metric-consistency-tpot-p90",
        "A point has the 90th percentile of TPOT",
        tpot_p90,
        why=WHY,
        evidence=EVIDENCE,
    ),
    point_rule(
        "metric-consistency-tps-per-user",
        "The rate per user follows from TPOT",
        tps_per_user,
        why=WHY,
        evidence=EVIDENCE,
        limits=(*RELATIVE, "tpot_percentile"),
    ),
    point_rule(
        "metric-consistency-tps-per-kw",
        "The rate per kilowatt follows from rate and provisioned power",
        tps_per_kw,
        why=WHY,
        evidence=EVIDENCE,
        limits=RELATIVE,
    ),
)
