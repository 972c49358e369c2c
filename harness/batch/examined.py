"""What comes of auditing and scoring a tree entry by entry."""

from __future__ import annotations

from dataclasses import dataclass

from harness.auditing.report import EntryReport
from harness.scoring.result import Result


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of a tree.

    Attributes:
        reports: The audit of each entry, in the order of the tree; empty where none was asked for.
        results: The score of each, likewise. Their traces have no readings.
        unreadable: Path and reason of results that could not be read.
        skipped: Path and reason of folders that were passed over.
    """

    reports: tuple[EntryReport, ...]
    results: tuple[Result, ...]
    unreadable: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def reports_by_id(self) -> dict[str, EntryReport]:
        """The audit of each entry, by its id."""
        return {report.id: report for report in self.reports}

    @property
    def ids(self) -> list[str]:
        """Ids of the entries, in the order of the tree."""
        return [result.entry.id for result in self.results]
