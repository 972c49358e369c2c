"""What the rules on MLPerf Endpoints packages share: which evidence they get, and what they yield.

A rule of a family is written as a function of the point's evidence::

    def src_dir(point: PackageEvidence, context: RuleContext) -> Iterator[Violation]:
        if "src" not in point.tree:
            yield breach("src", "no such folder", "the sources of the serving stack")

    RULES = (submission_rule("src-dir", "A submission has its sources", src_dir, why="..."),)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import ENDPOINT_PACKAGES, Rule, RuleContext, Violation
from harness.formats.evidence import PackageEvidence

PointCheck = Callable[[PackageEvidence, RuleContext], Iterator[Violation]]
FIX = "Correct the file and submit it again."
REMEDY = "Correct the named file, or run the point again with MLPerf's client."


def package_of(context: RuleContext) -> PackageEvidence | None:
    """Return the evidence of a package; ``None`` where only its figures are at hand."""
    for run in context.entry.runs:
        package = run.evidence.package
        if package is not None and package.layout:
            return package
    return None


def breach(file: str, got: str, expected: str, fix: str = FIX, unit: str = "") -> Violation:
    """Return a violation in a file of the package."""
    return Violation(Location(file=file), got, expected, fix, unit)


def point_rule(
    id: str,
    title: str,
    check: PointCheck,
    *,
    why: str,
    evidence: str = "The files of the point.",
    limits: tuple[str, ...] = (),
    layouts: frozenset[str] = frozenset({"submission", "client"}),
) -> Rule:
    """Return a rule that is applied to each point of a package.

    Args:
        id: The name that MLPerf's checker gives the check.
        title: What holds where the rule passes.
        check: Yields violations of a point.
        why: Why the rule exists.
        evidence: What it looks at.
        limits: Names of its limits.
        layouts: Layouts of packages that it applies to.
    """

    def check_entry(context: RuleContext) -> Iterator[Violation]:
        package = package_of(context)
        if package is None:
            yield Violation(
                "result",
                "no files of the package here",
                "the package",
                "Audit the original package.",
                status="skip",
            )
        elif package.layout in layouts:
            yield from check(package, context)

    check_entry.__module__ = check.__module__
    return Rule(
        id=id,
        title=title,
        why=why,
        evidence=evidence,
        remedy=REMEDY,
        check=check_entry,
        applies_to=ENDPOINT_PACKAGES,
        limits=limits,
        ties_evidence=True,
    )


def submission_rule(
    id: str,
    title: str,
    check: PointCheck,
    *,
    why: str,
    evidence: str = "The files of the submission.",
    limits: tuple[str, ...] = (),
) -> Rule:
    """Return a rule that is applied to points of a submission only, see `point_rule`."""
    layouts = frozenset({"submission"})
    return point_rule(id, title, check, why=why, evidence=evidence, limits=limits, layouts=layouts)


def differs(stated: float, derived: float, relative_max: float) -> bool:
    """Return whether a stated figure is further from the derived one than a share of it."""
    return abs(stated - derived) > relative_max * abs(derived)
