"""Disclosures as a document of data, and as a sheet of Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.schemas import SCHEMA_VERSION
from harness.render.disclosure import annex_xi, sci_ai
from harness.render.disclosure.statements import Facts, entry_document
from harness.render.escape import escape
from harness.render.numbers import number
from harness.scoring.result import Result

STANDARDS = {"annex-xi": annex_xi, "sci-ai": sci_ai}


def disclosure_document(
    standard: str,
    results: Sequence[Result],
    verdicts: Mapping[str, str],
    facts: Facts,
    unreadable: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """Make the document of `report --json`.

    Args:
        standard: A key of `STANDARDS`.
        results: The results to disclose.
        verdicts: Verdict of the audit on each entry, by its id.
        facts: What the publisher states beside them.
        unreadable: Paths that could not be read, with the reason.
    """
    module = STANDARDS[standard]
    return {
        "schema_version": SCHEMA_VERSION,
        "standard": standard,
        "reference": module.REFERENCE,
        "entries": [
            entry_document(result, verdicts[result.entry.id], module.statements(result, facts))
            for result in results
        ],
        "unreadable": [{"path": path, "reason": reason} for path, reason in unreadable],
    }


def disclosure_sheet(document: Mapping[str, Any]) -> str:
    """Return the document as Markdown: a table of statements and one of evidence an entry."""
    lines = [f"# Energy disclosure: {document['standard']}", "", document["reference"], ""]
    for entry in document["entries"]:
        lines += _entry(entry)
    return "\n".join(lines)


def _entry(entry: Mapping[str, Any]) -> list[str]:
    title = " ".join(filter(None, (entry["system"], entry["benchmark"], entry["scenario"])))
    lines = [
        f"## {_cell(title or entry['id'])}",
        "",
        f"{_cell(entry['id'])}: {entry['measurement_class']}, audit verdict "
        f"**{entry['verdict']}**.",
        "",
        "| statement | value | interval | known as | note |",
        "|---|---|---|---|---|",
    ]
    lines += [_statement(statement) for statement in entry["statements"]]
    lines += [
        "",
        "Evidence:",
        "",
        "| run | window (UTC) | energy | file | SHA-256 |",
        "|---|---|---|---|---|",
    ]
    for run in entry["evidence"]:
        lines += _run(run)
    return [*lines, ""]


def _statement(statement: Mapping[str, Any]) -> str:
    interval = ""
    if statement["low"] is not None and statement["high"] is not None:
        share = f" ({100 * statement['level']:g} %)"
        interval = f"{number(statement['low'])} to {number(statement['high'])}{share}"
    cells = (
        statement["name"],
        _value(statement),
        interval,
        statement["status"],
        "; ".join(filter(None, (statement["clause"], statement["note"]))),
    )
    return f"| {' | '.join(map(_cell, cells))} |"


def _value(statement: Mapping[str, Any]) -> str:
    value = statement["value"]
    if value is None:
        return "not known"
    return value if isinstance(value, str) else number(value, statement["unit"])


def _run(run: Mapping[str, Any]) -> list[str]:
    window = run["window"]
    span = "" if window is None else f"{window['start']} to {window['stop']}"
    energy = number(run["energy_j"], "J")
    files = run["files"] or [{"path": "", "sha256": None}]
    rows = []
    for index, file in enumerate(files):
        first = (run["run"], span, energy) if index == 0 else ("", "", "")
        rows.append(f"| {' | '.join(map(_cell, (*first, file['path'], file['sha256'] or '')))} |")
    return rows


def _cell(text: str) -> str:
    """Return hostile text as one cell of a Markdown table."""
    return escape(text, "md")
