"""What the pages of the audit show of one entry: its findings, and a small picture of its trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.auditing.rules import BY_NAME
from harness.site.entries import SiteEntry, rule_title, with_unit
from harness.site.names import file_name
from harness.site.plots.finding_marks import NumberedFinding

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_TEXT = 200
"""Longest text of a finding in the list [characters]; the page of the result has it whole."""
WARNING = "warn"


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A finding of an entry as one line.

    Attributes:
        number: Its number on the page of the result.
        severity: What it means for the verdict.
        rule: Id of its rule.
        title: What should hold.
        where: The first place of it.
        got: What was found there, shortened.
        more: How many more places it has.
        is_marked: Whether the picture on the page of the result marks it.
    """

    number: int
    severity: str
    rule: str
    title: str
    where: str
    got: str
    more: int
    is_marked: bool

    @property
    def page(self) -> str:
        """Name of the page of its rule."""
        return rule_page_name(self.rule)


@dataclass(frozen=True, slots=True)
class AuditedEntry:
    """An entry with its findings.

    Attributes:
        entry: The entry.
        findings: Its findings, the worst first.
        marked: Numbers of those that the picture on its own page marks.
        picture: Its trace as a small picture; None where it has none.
    """

    entry: SiteEntry
    findings: Sequence[NumberedFinding]
    marked: frozenset[int] = frozenset()
    picture: Markup | None = None

    @property
    def lines(self) -> list[AuditLine]:
        """Its findings as lines."""
        return [audit_line(numbered, self.marked) for numbered in self.findings]


def audit_line(numbered: NumberedFinding, marked: frozenset[int]) -> AuditLine:
    """Return a numbered finding as a line; `marked` are the numbers of those in the picture."""
    first = numbered.findings[0]
    got = with_unit(first.got, first.unit)
    return AuditLine(
        number=numbered.number,
        severity=numbered.severity,
        rule=first.rule,
        title=rule_title(first.rule),
        where=first.where,
        got=got if len(got) <= MAX_TEXT else got[: MAX_TEXT - 1] + "…",
        more=len(numbered.findings) - 1,
        is_marked=numbered.number in marked,
    )


def rule_page_name(rule_id: str) -> str:
    """Return the name of the page of a rule: its id, made harmless where no such rule is known."""
    return rule_id if rule_id in BY_NAME else file_name(rule_id)
