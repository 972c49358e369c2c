"""The audit as one page that needs nothing else.

What is wrong comes first: invalid entries are open, with a plot of their trace; valid entries are
one collapsed line each. The page loads nothing and runs nothing but its own style and script, which
its content security policy names by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from harness.auditing.report import EntryReport, Finding, Report, Verdict
from harness.auditing.summary import (
    count_by_rule,
    count_by_submitter,
    fold,
    folded_warnings,
    severity_of,
    sorted_findings,
)
from harness.formats.base import Entry
from harness.render.audit_report.page import SCRIPT, STYLE
from harness.render.escape import escape
from harness.render.trace_svg import entry_svg

ORDER: tuple[Verdict, ...] = ("invalid", "questioned", "unjudged", "valid")
MAX_FINDINGS = 200
"""Findings of one entry that are on the page; the rest is counted."""
MAX_PLOTS = 250
"""Entries with a plot, so that a round in which most entries fail still opens."""
MAX_ENTRIES_WITH_ALL_PLOTS = 25
"""In a small report every entry has a plot, valid or not."""


def audit_html(report: Report, entries: Sequence[Entry] = ()) -> str:
    """Return the page.

    Args:
        report: The audit.
        entries: The evidence, for the plots; without it there are none.
    """
    evidence = {entry.id: entry for entry in entries}
    everywhere = {warning.rule for warning in folded_warnings(report) if warning.everywhere}
    plotted = _plotted(report)
    parts = [_summary(report), _filters(report)]
    numbered = list(enumerate(report.entries, 1))
    for verdict in ORDER:
        for number, item in numbered:
            if item.verdict == verdict:
                entry = evidence.get(item.id) if number in plotted else None
                parts.append(_entry(number, item, entry, everywhere))
        if verdict == "unjudged":
            parts += [_unreadable(path, reason) for path, reason in report.unreadable]
    return _page("\n".join(parts))


def _plotted(report: Report) -> set[int]:
    """Return the numbers of the entries that get a plot, the invalid ones first."""
    numbered = list(enumerate(report.entries, 1))
    if len(numbered) <= MAX_ENTRIES_WITH_ALL_PLOTS:
        return {number for number, _ in numbered}
    invalid = [number for number, entry in numbered if entry.verdict == "invalid"]
    return set(invalid[:MAX_PLOTS])


def _html(text: object) -> str:
    return escape(text, "html")


# Summary and filters


def _summary(report: Report) -> str:
    counts = "".join(
        f'<div class="{verdict}"><b>{report.count(verdict):,}</b>{verdict}</div>'
        for verdict in ORDER
    )
    parts = [f"<div class=counts>{counts}</div>"]
    parts += [f"<p class=note>{text}</p>" for text in _notes(report)]
    parts.append(_table("By rule", ("Rule", "Fail", "Question", "Warn"), _rule_rows(report)))
    heads = ("Submitter", "Invalid", "Questioned", "Unjudged", "Valid")
    parts.append(_table("By submitter", heads, _submitter_rows(report)))
    return "".join(parts)


def _notes(report: Report) -> Iterator[str]:
    """Yield what holds of the whole report, as HTML."""
    for warning in folded_warnings(report):
        if warning.everywhere:
            yield f"Every entry: {_html(warning.rule)}: {_html(warning.texts[0][0])}"
    provisional = sum(entry.provisional for entry in report.entries)
    if provisional:
        yield f"{provisional:,} verdicts are provisional: the round is newer than any rulebook"
    if report.skipped:
        yield f"{len(report.skipped):,} folders passed over"


def _rule_rows(report: Report) -> Iterator[Sequence[object]]:
    for count in count_by_rule(report):
        yield count.rule, count.failed, count.questioned, count.warned


def _submitter_rows(report: Report) -> Iterator[Sequence[object]]:
    for submitter, count in count_by_submitter(report):
        yield submitter or "(not stated)", *(count[verdict] for verdict in ORDER)


def _table(title: str, heads: Sequence[str], rows: Iterator[Sequence[object]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    if not body:
        return ""
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f"<details><summary>{title}</summary><table><tr>{head}</tr>{body}</table></details>"


def _filters(report: Report) -> str:
    rules = sorted({count.rule for count in count_by_rule(report)})
    total = len(report.entries) + len(report.unreadable)
    return (
        "<form autocomplete=off>"
        f"<label>Verdict {_select('verdict', ORDER)}</label>"
        f"<label>Rule {_select('rule', rules)}</label>"
        "<label>Search <input id=search type=search placeholder='submitter, system, text'></label>"
        f"<span><output id=shown>{total:,}</output> entries shown</span></form>"
    )


def _select(name: str, options: Sequence[str]) -> str:
    items = "".join(f"<option>{_html(option)}</option>" for option in options)
    return f'<select id={name}><option value="">all</option>{items}</select>'


# Entries


def _entry(number: int, item: EntryReport, entry: Entry | None, everywhere: set[str]) -> str:
    """Return one entry, collapsed where it is valid.

    Args:
        number: Its number in the report, for the anchor.
        item: Its report.
        entry: Its evidence, None where it gets no plot.
        everywhere: Rules that warn of every entry; valid entries do not repeat them.
    """
    rules = sorted({f.rule for f in item.findings if f.status != "skip"})
    provisional = ", provisional" if item.provisional else ""
    heading = (
        f"<b>{item.verdict}</b> {_html(item.id)} "
        f"<small>{_html(item.round)}{provisional}</small> <a href=#e{number}>#</a>"
    )
    if item.verdict == "valid":
        body = _compact(item, everywhere)
    else:
        body = _notes_of(item) + _findings(item)
    if entry is not None:
        body += f"<div class=plot>{entry_svg(entry, item)}</div>"
    opened = "" if item.verdict == "valid" else " open"
    return (
        f'<details id=e{number} class="entry {item.verdict}" data-verdict={item.verdict}'
        f' data-rules="{_html(" ".join(rules))}"{opened}>'
        f"<summary>{heading}</summary>{body}</details>"
    )


def _notes_of(item: EntryReport) -> str:
    return "".join(f"<p class=note>{_html(note)}</p>" for note in item.notes)


def _compact(item: EntryReport, everywhere: set[str]) -> str:
    """Return the warnings of a valid entry, equal ones folded, as a list."""
    warnings = [
        finding
        for finding in item.findings
        if finding.status == "warn" and finding.rule not in everywhere
    ]
    lines = []
    for folded in fold(warnings):
        times = f" ({folded.count} times)" if folded.count > 1 else ""
        finding = folded.first
        lines.append(
            f'<li data-rule="{_html(finding.rule)}">{_html(finding.rule)}: '
            f"{_html(finding.where)}: {_html(finding.got)}{times}</li>"
        )
    skipped = len({f.rule for f in item.findings if f.status == "skip"})
    if skipped:
        lines.append(f"<li class=note>{skipped} rules could not be applied</li>")
    return _notes_of(item) + (f"<ul>{''.join(lines)}</ul>" if lines else "")


def _findings(item: EntryReport) -> str:
    """Return the findings of an entry as a table, the worst first."""
    findings = sorted_findings(item)
    if not findings:
        return "<p>No finding.</p>"
    names = ("Status", "Rule", "Where", "Got", "Expected", "Remedy", "Clause")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(_row(finding) for finding in findings[:MAX_FINDINGS])
    hidden = len(findings) - MAX_FINDINGS
    more = f"<p class=note>and {hidden:,} more</p>" if hidden > 0 else ""
    return f"<table class=findings><tr>{head}</tr>{rows}</table>{more}"


def _row(finding: Finding) -> str:
    label = severity_of(finding) or finding.status
    cells = (
        label,
        finding.rule,
        finding.where,
        finding.got,
        finding.expected_with_unit,
        finding.fix,
        finding.clause,
    )
    body = "".join(f"<td>{_html(cell)}</td>" for cell in cells)
    return f'<tr class={label} data-rule="{_html(finding.rule)}">{body}</tr>'


def _unreadable(path: str, reason: str) -> str:
    return (
        '<details class="entry unjudged" data-verdict=unjudged data-rules="" open>'
        f"<summary><b>unjudged</b> {_html(path)}</summary>"
        f"<p>could not be read: {_html(reason)}</p></details>"
    )


# The page


def _page(body: str) -> str:
    policy = (
        f"default-src 'none'; style-src '{_hash(STYLE)}'; script-src '{_hash(SCRIPT)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>joulemark audit</title><style>{STYLE}</style></head><body>\n"
        f"<h1>Audit</h1>\n{body}\n<script>{SCRIPT}</script></body></html>\n"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
