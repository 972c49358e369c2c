"""What all pages say of an entry: its names, its verdict in words, where its pages lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.auditing.report import EntryReport, Finding
from harness.auditing.rules import BY_NAME
from harness.ranking.leaderboard import ONE_RUN, Row, Table
from harness.scoring.repeated_runs import MIN_RUNS_FOR_RANK
from harness.scoring.result import Result
from harness.site.names import file_name, unique_names

VERDICTS = {
    "valid": "Passed every rule of its round that could be applied.",
    "questioned": "Breaks text that its round did not enforce, or is doubtful; ranked with a mark.",
    "invalid": "Fails what its round enforced, or its evidence contradicts itself; not ranked.",
    "unjudged": "Could not be judged; not ranked.",
}
"""What each verdict means."""
SEVERITY_TEXTS = {
    "fail": "Breaks what its round enforced, or contradicts the evidence: the result is invalid.",
    "question": "Breaks text that its round did not enforce, or is doubtful: the result is "
    "questioned.",
    "warn": "Worth knowing; changes no verdict.",
    "error": "The rule itself could not be applied to the end.",
}
"""What each severity of a finding means."""
MAX_REASONS = 3
"""Reasons of one entry that the index names; its own page names all."""


@dataclass(frozen=True, slots=True)
class SiteEntry:
    """One entry of the site.

    Attributes:
        result: Its result.
        report: Its audit; ``None`` where it has none of its own.
        table: The table that it stands in.
        row: Its row there.
        name: Name of its files.
        benchmark: Name of the page of its benchmark.
        submitter: Name of the page of its submitter.
        same_session: Other entries of the same recorded session.
    """

    result: Result
    report: EntryReport | None
    table: Table
    row: Row
    name: str
    benchmark: str
    submitter: str
    same_session: list[SiteEntry] = field(default_factory=list, repr=False, compare=False)

    @property
    def page(self) -> str:
        """Its page, from the top of the site."""
        return f"results/{self.name}.html"

    @property
    def title(self) -> str:
        """System, benchmark and scenario."""
        entry = self.result.entry
        parts = [entry.system or entry.id, entry.benchmark, entry.scenario]
        return " · ".join(part for part in parts if part)

    @property
    def verdict(self) -> str:
        """The verdict of the audit."""
        return self.row.verdict

    @property
    def rank(self) -> str:
        """Its rank set: `1` or `1–3`, in brackets with few runs; "" where it is not ranked."""
        rank = self.row.rank
        if rank is None:
            return ""
        text = str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"
        return text if self.result.distinct_runs >= MIN_RUNS_FOR_RANK else f"({text})"

    @property
    def p_first(self) -> float | None:
        """Probability of needing the least energy; ``None`` where no other entry is ranked."""
        rank = self.row.rank
        is_alone = sum(row.rank is not None for row in self.table.rows[:2]) < 2
        return None if rank is None or is_alone else rank.p_first

    @property
    def reasons(self) -> list[str]:
        """Why it is not ranked, or what questions it, in words."""
        if self.row.break_even_cv is not None:
            share = f"{100 * self.row.break_even_cv:.2g} %"
            return [f"one run: its place holds while runs scatter by less than {share}"]
        decisive = self.report.decisive_findings if self.report is not None else ()
        if decisive:
            return list(dict.fromkeys(finding_text(finding) for finding in decisive))
        return list(self.row.reasons or self.row.questions)


@dataclass(frozen=True, slots=True)
class Site:
    """All that the pages of a site are made of.

    Attributes:
        entries: Its entries, table by table, in the order of their rows.
        tables: Its tables, each with its entries.
        unreadable: Path and reason of each entry that could not be read.
        skipped: Folders that were passed over.
        about: What the site says of itself: date, version, sources.
    """

    entries: Sequence[SiteEntry]
    tables: Sequence[tuple[Table, Sequence[SiteEntry]]]
    unreadable: Sequence[tuple[str, str]] = ()
    skipped: int = 0
    about: Mapping[str, object] = field(default_factory=dict)

    def table_of(self, entry: SiteEntry) -> Sequence[SiteEntry]:
        """Return the entries of the table of an entry, in the order of their rows."""
        return next(entries for table, entries in self.tables if table is entry.table)

    def by_submitter(self) -> dict[str, list[SiteEntry]]:
        """Return the entries of each submitter, by the name of its page."""
        return _grouped(self.entries, "submitter")

    def by_benchmark(self) -> dict[str, list[SiteEntry]]:
        """Return the entries of each benchmark, by the name of its page."""
        return _grouped(self.entries, "benchmark")


def _grouped(entries: Sequence[SiteEntry], attribute: str) -> dict[str, list[SiteEntry]]:
    groups: dict[str, list[SiteEntry]] = {}
    for entry in entries:
        groups.setdefault(getattr(entry, attribute), []).append(entry)
    return dict(sorted(groups.items()))


def site_entries(
    tables: Sequence[Table], reports: Mapping[str, EntryReport]
) -> list[tuple[Table, list[SiteEntry]]]:
    """Return each table with its entries; every entry gets file names of its own.

    Args:
        tables: The leaderboard.
        reports: Audit of each entry by its id.
    """
    rows = [(table, row) for table in tables for row in table.rows]
    names = unique_names(_entry_name(row.result) for _, row in rows)
    grouped: list[tuple[Table, list[SiteEntry]]] = [(table, []) for table in tables]
    positions = iter(position for position, table in enumerate(tables) for _ in table.rows)
    for (table, row), name in zip(rows, names, strict=True):
        entry = row.result.entry
        item = SiteEntry(
            result=row.result,
            report=reports.get(entry.id),
            table=table,
            row=row,
            name=name,
            benchmark=file_name(f"{entry.benchmark} {entry.task}", entry.task, entry.benchmark),
            submitter=file_name(entry.submitter or "not stated"),
        )
        grouped[next(positions)][1].append(item)
    _link_sessions([item for _, items in grouped for item in items])
    return grouped


def _link_sessions(entries: Sequence[SiteEntry]) -> None:
    """Let entries of one recorded session know of each other."""
    sessions: dict[str, list[SiteEntry]] = {}
    for entry in entries:
        if entry.report is not None and entry.report.session:
            sessions.setdefault(entry.report.session, []).append(entry)
    for together in sessions.values():
        for entry in together:
            entry.same_session.extend(item for item in together if item is not entry)


def _entry_name(result: Result) -> str:
    entry = result.entry
    return file_name(f"{entry.system} {entry.benchmark} {entry.scenario}", entry.id)


def finding_text(finding: Finding) -> str:
    """Return a finding as one phrase: what should hold, and what was found."""
    got, expected = with_unit(finding.got, finding.unit), with_unit(finding.expected, finding.unit)
    return f"{rule_title(finding.rule)}: {got}, expected {expected}"


def with_unit(text: str, unit: str) -> str:
    """Return a text with its unit where it ends in a bare number."""
    return f"{text} {unit}" if unit and text[-1:].isdigit() else text


def rule_title(rule_id: str) -> str:
    """Return what holds where a rule passes, or its id where no such rule is known."""
    rule = BY_NAME.get(rule_id)
    return rule_id if rule is None else rule.title


def is_single_run(entry: SiteEntry) -> bool:
    """Whether an entry is not ranked only because nothing shows its scatter."""
    return entry.row.rank is None and ONE_RUN in entry.row.reasons
