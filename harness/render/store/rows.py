"""Results and their audits as rows of the store's tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness import __version__
from harness.auditing.report import EntryReport
from harness.batch.stored import StoredEntry
from harness.core.numbers import stated_number
from harness.formats.base import Entry
from harness.render.json import result_document
from harness.render.notebook.frames import result_row
from harness.render.store.dictionary import ENTRIES, SYSTEMS, TABLES
from harness.scoring.result import Result
from harness.uncertainty.monte_carlo import SEED

QUANTITIES = ("energy", "mean_power", "energy_per_unit", "energy_per_correct")
"""Estimates that the store keeps. Emissions depend on a grid, which is chosen when one asks."""
Row = dict[str, Any]
Rows = dict[str, list[Row]]


def entry_key(entry: Entry, report: EntryReport) -> str:
    """Return the key of an entry: the same whenever the same measurement is collected again."""
    identity = (
        entry.round,
        entry.division,
        entry.submitter,
        entry.system,
        entry.benchmark,
        entry.scenario,
        report.session,
    )
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:32]


def table_rows(
    results: Sequence[Result],
    reports: Mapping[str, EntryReport],
    *,
    seed: int = SEED,
    unreadable: Iterable[tuple[str, str]] = (),
    skipped: Iterable[tuple[str, str]] = (),
) -> Rows:
    """Return the rows of each table.

    Args:
        results: The results to collect.
        reports: The audit of each entry, by its id.
        seed: Seed of the Monte Carlo that drew them.
        unreadable: Path and reason of results that could not be read.
        skipped: Path and reason of folders that were passed over.
    """
    documents = result_document(results)["entries"]
    rows: Rows = {name: [] for name in TABLES}
    for result, document in zip(results, documents, strict=True):
        report = reports[result.entry.id]
        key = {"key": entry_key(result.entry, report)}
        rows["entries"].append(key | _entry(result_row(document), report))
        rows["estimates"] += [key | row for row in _estimates(document)]
        rows["budget"] += [key | row for row in _budget(document)]
        rows["runs"] += [key | row for row in _runs(result)]
        rows["findings"] += [key | row for row in _findings(report)]
        rows["systems"].append(key | _system(result.entry))
        rows["records"].append(key | _record(result, report, seed))
    rows["passed_over"] += _passed_over("unreadable", unreadable)
    rows["passed_over"] += _passed_over("skipped", skipped)
    return rows


def _record(result: Result, report: EntryReport, seed: int) -> Row:
    return {
        "seed": seed,
        "level": result.energy_per_unit.level,
        "record": StoredEntry.build(result, report).encode(),
    }


def _passed_over(kind: str, pairs: Iterable[tuple[str, str]]) -> Iterator[Row]:
    for path, reason in pairs:
        text = "\n".join((kind, path, reason))
        key = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
        yield {"key": key, "kind": kind, "path": path, "reason": reason}


def _entry(flat_row: Mapping[str, Any], report: EntryReport) -> Row:
    names = [column.name for column in ENTRIES]
    row = {name: flat_row[name] for name in names if name in flat_row}
    return row | {
        "verdict": report.verdict,
        "provisional": report.provisional,
        "rulebook": report.round,
        "version": __version__,
    }


def _estimates(document: Mapping[str, Any]) -> Iterator[Row]:
    fields = ("value", "low", "high", "level", "unit", "note")
    for quantity in QUANTITIES:
        estimate = document[quantity]
        if estimate is not None and estimate["value"] is not None:
            yield {"quantity": quantity} | {name: estimate[name] for name in fields}


def _budget(document: Mapping[str, Any]) -> Iterator[Row]:
    for item in document["budget"]:
        row = {name: item[name] for name in ("term", "u", "share", "dof", "source")}
        yield row | {"correlation_key": item["key"]}


def _runs(result: Result) -> Iterator[Row]:
    for item in result.runs:
        window = item.run.window
        yield {
            "run": item.run.id,
            "start": None if window is None else _moment(window.start_ns),
            "seconds": None if window is None else window.seconds,
            "energy_j": item.energy_j,
            "estimated_j": item.estimated_j,
            "coverage": item.coverage,
            "gap_share": item.gap_share,
        }


def _moment(time_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).replace(
            microsecond=time_ns % 1_000_000_000 // 1000
        )
    except (OverflowError, ValueError, OSError):
        return None


def _findings(report: EntryReport) -> Iterator[Row]:
    for finding in report.findings:
        yield {
            "rule": finding.rule,
            "status": finding.status,
            "severity": finding.severity,
            "place": finding.where,
            "got": finding.got,
            "expected": finding.expected_with_unit,
            "clause": finding.clause,
        }


def _system(entry: Entry) -> Row:
    description = entry.system_description or {}
    row: Row = {}
    for column in SYSTEMS[1:-1]:
        value = description.get(column.name)
        row[column.name] = stated_number(value) if column.type == "number" else _text(value)
    whole = json.dumps(description, sort_keys=True, default=str) if description else None
    return row | {"description": whole}


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
