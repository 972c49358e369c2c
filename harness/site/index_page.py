"""The index: one table a benchmark, with rank sets and interval bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.ranking.leaderboard import DURATION_UNITS, Table
from harness.render.terminal.leaderboard import LEGEND, MARKS, footnotes
from harness.site.entries import SiteEntry, finding_text, is_single_run
from harness.site.glossary import table_tip
from harness.site.names import file_name
from harness.site.numbers import Column, Scale, percent, significant
from harness.uncertainty.estimate import Estimate

NO_EMISSIONS = "CO2e: no energy."
"""Footnote of a table in which an entry has no energy."""
BAR_WIDTH = 120.0
"""Width of an interval bar [pixels]."""
MAX_NAME = 80
"""Characters of a name in a row; the page of the result has all of it."""
MAX_REASON = 110
"""Characters of a reason in a row."""
FACETS = {
    "task": "task",
    "benchmark": "benchmark",
    "scenario": "scenario",
    "division": "division",
    "class": "measurement_class",
    "boundary": "boundary",
}
"""Filters that choose whole tables, with the attribute of a table that they look at."""
MAX_REASONS = 2
"""Reasons that a row names."""
MAX_SIZE_EXPONENT = 8
"""The largest style class is that of 256 rows."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One row, as text.

    Attributes:
        entry: The entry.
        name: Its system, cut.
        submitter: Its submitter, cut.
        marks: Letters of the footnotes that apply.
        value: Energy per unit in the unit of the table; our own digits and spaces only.
        interval: Its interval.
        bar: Path of its interval bar; "" where it has none.
        performance: Its performance in the unit of the table.
        quality: Its quality.
        round: Its round, without what all rounds of its family are called.
        co2e: Its CO2e per unit at the common intensity; "" where there is none.
        ties: Places in the table of the rows it is tied with, as ranges.
        p_first: Probability of needing the least energy.
        reason: Why it is not ranked, or what questions it.
        same: Another result of the same recorded session; "" where there is none.
    """

    entry: SiteEntry
    name: str
    submitter: str
    marks: str
    value: str
    interval: str
    bar: str
    performance: str
    quality: str
    round: str
    co2e: str
    ties: str
    p_first: str
    reason: str
    same: str


@dataclass(frozen=True, slots=True)
class IndexTable:
    """One table of the index, as text.

    Attributes:
        id: Its anchor.
        table: The table.
        benchmark: Name of the page of its benchmark.
        title: Its heading.
        facts: What its entries have in common, behind the heading.
        tip: What the class and the boundary among these mean.
        unit: Unit of the energies.
        performance_unit: Unit of the performances; "" where rows state their own.
        performance_head: What the column of performances is called: its unit, or what it counts.
        quality_metric: Metric of the qualities; "" where rows state their own.
        co2e_unit: Unit of the CO2e; "" without.
        ends: What the ends of the interval bars stand for; None without bars.
        is_log: Whether equal ratios have equal lengths in them.
        ranked: Rows in the order of their ranks.
        others: Rows that are not ranked.
        notes: Footnotes.
        per_unit_j: Joules of the unit of the energies, for CO2e at another intensity.
        size: Style class of about its number of rows, by which a browser keeps its place.
    """

    id: str
    table: Table
    benchmark: str
    title: str
    facts: str
    tip: str
    unit: str
    performance_unit: str
    performance_head: str
    quality_metric: str
    co2e_unit: str
    ends: tuple[str, str] | None
    is_log: bool
    ranked: list[IndexRow]
    others: list[IndexRow]
    notes: list[str]
    per_unit_j: float
    size: str


def index_table(table: Table, entries: Sequence[SiteEntry]) -> IndexTable:
    """Return one table as text."""
    estimates = [entry.result.energy_per_unit for entry in entries]
    column = Column.for_estimates(estimates)
    shown = [item for item, entry in zip(estimates, entries, strict=True) if _has_bar(entry)]
    ends = [end for item in shown for end in (item.low, item.high) if end is not None]
    scale = Scale.around(ends, BAR_WIDTH - 8, margin=0.02)
    performance_unit = _common(
        [entry.result.performance.unit for entry in entries if entry.result.performance]
    )
    quality_metric = _common(
        [entry.result.quality.metric for entry in entries if entry.result.quality]
    )
    emissions = [item for entry in entries if (item := _co2e(entry)) is not None]
    co2e_column = Column.for_estimates(emissions) if emissions else None
    places = {entry.result.entry.id: place for place, entry in enumerate(entries)}
    rows = [
        IndexRow(
            entry=entry,
            name=_cut(entry.result.entry.system or entry.result.entry.id, MAX_NAME),
            submitter=_submitter(entry),
            marks=" ".join(mark.letter for mark in MARKS if mark.applies(entry.result)),
            value=column.value(entry.result.energy_per_unit),
            interval=column.interval(entry.result.energy_per_unit),
            bar=_bar(entry.result.energy_per_unit, scale) if _has_bar(entry) else "",
            performance=_performance(entry, performance_unit),
            quality=_quality(entry, quality_metric),
            round=round_name(entry),
            co2e=_co2e_text(entry, co2e_column),
            ties=_ties(entry, places),
            p_first=percent(entry.p_first) if entry.row.rank else "",
            reason=_reason(entry),
            same=_same_measurement(entry),
        )
        for entry in entries
    ]
    heading = table_heading(table)
    return IndexTable(
        id=table_id(table),
        table=table,
        benchmark=entries[0].benchmark,
        title=heading,
        facts=table_facts(table),
        tip=table_tip(table),
        unit=column.unit,
        performance_unit=performance_unit,
        performance_head=_performance_head(performance_unit),
        quality_metric=quality_metric,
        co2e_unit="" if co2e_column is None else co2e_column.unit,
        ends=_scale_ends(scale, column) if ends else None,
        is_log=scale.is_log,
        ranked=[row for row in rows if row.entry.row.rank is not None],
        others=[row for row in rows if row.entry.row.rank is None],
        notes=_notes(table),
        per_unit_j=column.factor,
        size=_size_class(len(rows)),
    )


def _performance_head(unit: str) -> str:
    """Return the head of the column of performances; of a duration its unit says too little."""
    return f"Time, {unit}" if unit in DURATION_UNITS else unit or "Performance"


def _scale_ends(scale: Scale, column: Column) -> tuple[str, str]:
    """Return both ends of the axis of the interval bars, in the unit of the energies."""
    low, high = (significant(value / column.factor, 3) for value in (scale.low, scale.high))
    return low, high


def _size_class(rows: int) -> str:
    """Return the style class of the power of two nearest to a number of rows."""
    exponent = round(math.log2(max(1, rows)))
    return f"rows-{2 ** min(exponent, MAX_SIZE_EXPONENT)}"


def table_heading(table: Table) -> str:
    """Return benchmark and scenario."""
    return ", ".join(part for part in (table.benchmark, table.scenario) if part)


def table_facts(table: Table) -> str:
    """Return what the entries of a table have in common."""
    measured = table.measurement_class in ("analyzer", "analyzer-scpi", "sensor")
    word = "measured by" if measured else "not measured:"
    parts = [
        table.task,
        table.division,
        f"{word} {table.measurement_class}",
        f"boundary {table.boundary}" if table.boundary else "",
        "simulated" if table.simulated else "",
        "without evidence" if table.without_evidence else "",
    ]
    return " · ".join(part for part in parts if part)


def table_id(table: Table) -> str:
    """Return the anchor of a table."""
    facts = (
        table.task,
        table.benchmark,
        table.scenario,
        table.unit,
        table.measurement_class,
        table.division,
        table.boundary,
        str(table.simulated),
        str(table.without_evidence),
    )
    return "t-" + file_name(f"{table.benchmark} {table.scenario}", *facts)


def _submitter(entry: SiteEntry) -> str:
    return _cut(entry.result.entry.submitter, MAX_NAME)


def round_name(entry: SiteEntry) -> str:
    """Return the round of an entry, as short as it stays unique: `inference v4.1`."""
    short = entry.result.entry.round.removeprefix("mlperf-").replace("-v", " v")
    return _cut(short, MAX_NAME)


def _notes(table: Table) -> list[str]:
    """Return the footnotes of a table, without what the site says once for all tables."""
    return [note for note in footnotes(table) if note not in LEGEND and not is_co2e_note(note)]


def is_co2e_note(note: str) -> bool:
    """Whether a footnote is about the common intensity."""
    return note.startswith(("CO2e:", "Energy ranks:"))


def co2e_note(tables: Sequence[Table]) -> str:
    """Return what all tables say of their common intensity; "" without one."""
    notes = dict.fromkeys(note for table in tables for note in footnotes(table))
    return " ".join(note for note in notes if is_co2e_note(note) and note != NO_EMISSIONS)


def _has_bar(entry: SiteEntry) -> bool:
    """Whether an entry has an interval to draw: one that is not ranked for a fault has none."""
    return entry.row.rank is not None or is_single_run(entry)


def _bar(estimate: Estimate, scale: Scale) -> str:
    """Return the path of an interval bar: a line with a tick at the value."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return ""
    left, right = 4 + scale.at(estimate.low), 4 + scale.at(estimate.high)
    return f"M{left:.4g} 6H{max(right, left + 1):.4g}M{4 + scale.at(estimate.value):.4g} 2v8"


def _common(units: Sequence[str]) -> str:
    """Return the one unit of a column; "" where there are several."""
    return units[0] if len(set(units)) == 1 else ""


def _performance(entry: SiteEntry, common: str) -> str:
    performance = entry.result.performance
    if performance is None:
        return "–"
    text = significant(performance.value, 5)
    return text if common else f"{text} {performance.unit}"


def _quality(entry: SiteEntry, common: str) -> str:
    quality = entry.result.quality
    if quality is None:
        return "–"
    if common:
        return significant(quality.value, 5)
    return ", ".join(f"{item.metric} {significant(item.value, 5)}" for item in quality.all[:2])


def _co2e(entry: SiteEntry) -> Estimate | None:
    co2e = entry.result.co2e
    if co2e is None or co2e.location_based is None or co2e.inputs.role != "reference":
        return None
    return co2e.location_based.per_unit


def _co2e_text(entry: SiteEntry, column: Column | None) -> str:
    estimate = _co2e(entry)
    return column.value(estimate) if column is not None and estimate is not None else ""


def _ties(entry: SiteEntry, places: dict[str, int]) -> str:
    """Return the places of the rows that an entry is tied with, as ranges: `0-3 5`."""
    if entry.row.rank is None:
        return ""
    tied = sorted(places[name] for name in entry.row.rank.tied_with if name in places)
    ranges: list[list[int]] = []
    for place in tied:
        if ranges and ranges[-1][1] == place - 1:
            ranges[-1][1] = place
        else:
            ranges.append([place, place])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def _reason(entry: SiteEntry) -> str:
    """Return why an entry is not ranked or what questions it; of each rule the first finding."""
    by_rule: dict[str, str] = {}
    if entry.report is not None and entry.row.break_even_cv is None:
        for finding in entry.report.decisive_findings:
            by_rule.setdefault(finding.rule, finding_text(finding))
    texts = list(by_rule.values()) or entry.reasons
    shown = "; ".join(_cut(text, MAX_REASON) for text in texts[:MAX_REASONS])
    more = len(texts) - MAX_REASONS
    return f"{shown}; and {more} more" if more > 0 else shown


def _same_measurement(entry: SiteEntry) -> str:
    """Return what another result of the same session is of; "" where there is none."""
    if not entry.same_session:
        return ""
    first = entry.same_session[0]
    return _cut(table_heading(first.table), MAX_NAME)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def facets(tables: Sequence[IndexTable]) -> list[dict[str, Any]]:
    """Return the filters of the index, each with the values that occur."""
    filters = []
    for key, attribute in FACETS.items():
        values = sorted({str(getattr(item.table, attribute)) for item in tables} - {""})
        filters.append({"key": key, "label": key.capitalize(), "values": values})
    entries = [row.entry for item in tables for row in (*item.ranked, *item.others)]
    rounds = sorted({round_name(entry) for entry in entries} - {""})
    submitters = sorted({_submitter(entry) for entry in entries} - {""}, key=str.lower)
    filters.append({"key": "round", "label": "Round", "values": rounds})
    filters.append({"key": "submitter", "label": "Submitter", "values": submitters})
    return filters
