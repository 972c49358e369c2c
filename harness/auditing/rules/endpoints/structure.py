"""Checks of MLPerf's checker on the folders of a submission."""

from __future__ import annotations

from collections.abc import Iterator

from harness.auditing.rules.base import RuleContext, Violation
from harness.auditing.rules.package_points import breach, point_rule, submission_rule
from harness.formats.evidence import PackageEvidence
from harness.formats.mlperf.endpoints.fields import count_in, text_in

SOURCES = "The sources let an auditor run the point again."


def required_dir(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a submission without its documents."""
    if "docs" not in point.tree:
        yield breach("docs", "no such folder", "the documents of the submission")


def src_dir(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a submission without its sources."""
    if "src" not in point.tree:
        yield breach("src", "no such folder", "the sources of the serving stack")


def src_readme(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report sources without a description."""
    if "src" in point.tree and "src/README" not in point.tree:
        yield breach("src", "no README", "a README that says how to run the point again")


def shared_path_resolution(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report shared folders that a point names and that are not there."""
    for name in ("shared_src", "shared_docs"):
        path = text_in(point.point, name)
        if path and path not in point.tree:
            yield breach("point.yaml", f"{name}: {path}", "a folder of the submission")


def result_summary_present(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a point without its summary."""
    if point.summary is None:
        yield breach("result_summary.json", "missing or unreadable", "the client's summary")


def point_dirname_concurrency(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Report a folder that is not named after its concurrency."""
    stated = count_in(point.point, "concurrency")
    is_dedicated = text_in(point.point, "offline") == "dedicated"
    if stated is not None and not is_dedicated and point.folder != f"r{stated}":
        yield breach("point.yaml", f"concurrency {stated} in {point.folder}", f"r{stated}")


def point_rules_skipped(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
    """Say that a result outside a submission is not judged as a point of a curve."""
    if point.layout == "client":
        yield Violation(
            "result",
            "no point.yaml: not a point of an Endpoints submission",
            "a point of a submission",
            "Nothing, if it was submitted elsewhere.",
            status="skip",
        )


RULES = (
    submission_rule("required-dir", "A submission has its documents", required_dir, why=SOURCES),
    submission_rule("src-dir", "A submission has its sources", src_dir, why=SOURCES),
    submission_rule("src-readme", "The sources have a README", src_readme, why=SOURCES),
    submission_rule(
        "shared-path-resolution",
        "Shared folders that a point names exist",
        shared_path_resolution,
        why=SOURCES,
    ),
    submission_rule(
        "result-summary-present",
        "A point has the client's summary",
        result_summary_present,
        why="Without the summary there is no result.",
    ),
    submission_rule(
        "point-dirname-concurrency",
        "The folder of a point is named after its concurrency",
        point_dirname_concurrency,
        why="Readers find points by the names of folders.",
    ),
    point_rule(
        "point-rules-skipped",
        "A result is judged as a point of a curve",
        point_rules_skipped,
        why="Rules of the curve, of points and of provisioned power need a submission.",
    ),
)
