"""The report of an audit for a terminal.

Three forms: `concise` folds a whole round onto two screens, `grouped` lists every entry that is not
valid with its findings, `full` lists every finding of every entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, get_args

from harness.auditing.changes import Change
from harness.auditing.report import EntryReport, Finding, Report, Verdict
from harness.auditing.summary import (
    EntryGroup,
    FoldedFinding,
    by_measurement,
    count_by_rule,
    count_by_submitter,
    count_measurements,
    fold,
    folded_notes,
    folded_warnings,
    group_by_reason,
    severity_of,
    sorted_findings,
    with_verdict,
)
from harness.render.escape import plain
from harness.render.style import Style

Form = Literal["concise", "grouped", "full"]
FORMS: tuple[Form, ...] = get_args(Form)

MAX_ENTRIES_IN_FULL_DETAIL = 12
"""Trees with more entries are reported concisely unless another form is requested."""
MAX_LINES = 96
"""Lines of the concise form: two screens."""
MIN_LINES_OF_VERDICT = 10
"""Lines of each verdict in the concise form, however many are left."""
MAX_IDS = 3
"""Entries of one group that the concise form names."""
MAX_FINDINGS_OF_GROUP = 4
"""Findings of one group in the concise form."""
MAX_CHANGES = 8
"""Entries that changed in the concise form."""
MAX_UNREADABLE = 8
"""Unreadable entries in the concise form."""
MAX_SUBMITTERS = 12
"""Submitters in the concise form."""
MAX_RULES = 16
"""Rules and notes in the concise form."""

_ORDER: tuple[Verdict, ...] = ("invalid", "questioned", "unjudged", "valid")


def audit_text(
    report: Report,
    *,
    form: Form | None = None,
    style: Style | None = None,
    changes: Sequence[Change] | None = None,
) -> str:
    """Return the report as text.

    Args:
        report: The audit.
        form: How much to print; None chooses by the number of entries.
        style: Width and colour.
        changes: What changed since an earlier report, None where none was given.
    """
    style = style or Style()
    if form is None:
        few = len(report.entries) <= MAX_ENTRIES_IN_FULL_DETAIL
        form = "grouped" if few else "concise"
    sections = [_summary(report, form, style)]
    if changes is not None:
        sections.append(_changes(changes, form, style))
    if form == "concise":
        lines_before = sum(_height(section) for section in sections)
        sections += _concise(report, style, lines_before)
    elif form == "grouped":
        sections += _grouped(report, style)
    else:
        sections += _full(report, style)
    text = "\n\n".join(section for section in sections if section)
    return text + "\n"


# Summary


def _summary(report: Report, form: Form, style: Style) -> str:
    """Return what was audited, and the number of entries of each verdict."""
    total = len(report.entries) + len(report.unreadable)
    head = f"{_count(total, 'entry', 'entries')}"
    measurements = count_measurements(report.entries)
    if measurements < len(report.entries):
        head += f" of {_count(measurements, 'measurement')}"
    rounds = sorted({entry.round for entry in report.entries})
    if rounds:
        head += f"; {rounds[0] if len(rounds) == 1 else _count(len(rounds), 'round')}"
    counts = [
        style.paint(
            f"{report.count(verdict):,} {verdict}", verdict if report.count(verdict) else ""
        )
        for verdict in _ORDER
    ]
    lines = [style.line(head), "  " + ", ".join(counts)]
    lines += [style.line(text, 2) for text in _cautions(report)]
    if form == "concise":
        lines += _rule_table(report, style)
        lines += _submitter_table(report, style)
    return "\n".join(lines)


def _cautions(report: Report) -> Iterator[str]:
    """Yield how far the verdicts reach: provisional rounds, and rules without evidence."""
    provisional = sum(entry.provisional for entry in report.entries)
    if provisional:
        entries = _count(provisional, "verdict is", "verdicts are")
        yield f"{entries} provisional: the round is newer than any rulebook"
    shares = [(e.rules_judged, e.rules_in_round) for e in report.entries if e.rules_in_round]
    if shares:
        judged, in_round = min(shares, key=lambda share: share[0] / share[1])
        every = "at least " if len(shares) > 1 else ""
        yield f"{every}{judged} of {in_round} rules could be judged on the evidence"


def _rule_table(report: Report, style: Style) -> Iterator[str]:
    counts = count_by_rule(report)
    if not counts:
        return
    yield ""
    yield f"{'Entries by rule':<32}{'fail':>10}{'question':>10}{'warn':>10}"
    for count in counts[:MAX_RULES]:
        cells = "".join(_cell(n, 10) for n in (count.failed, count.questioned, count.warned))
        yield f"{count.rule:<32}{cells}"
    yield from _more(len(counts) - MAX_RULES, "rules", style)


def _submitter_table(report: Report, style: Style) -> Iterator[str]:
    """Yield a row for each submitter with an entry that is not valid; the others are counted."""
    counts = count_by_submitter(report)
    if len(counts) < 2:
        return
    at_fault = [item for item in counts if item[1]["valid"] < item[1].total()]
    yield ""
    yield "".join([f"{'Entries by submitter':<32}", *(f"{verdict:>11}" for verdict in _ORDER)])
    for name, count in at_fault[:MAX_SUBMITTERS]:
        label = style.line(name or "(not stated)")[:31]
        cells = "".join(_cell(count[verdict], 11) for verdict in _ORDER)
        yield f"{label:<32}{cells}"
    yield from _more(len(at_fault) - MAX_SUBMITTERS, "submitters", style)
    others = [count["valid"] for name, count in counts if count["valid"] == count.total()]
    if others:
        label = f"{len(others)} with valid entries only"
        yield f"{label:<32}{_cell(0, 11) * 3}{_cell(sum(others), 11)}"


def _cell(number: int, width: int) -> str:
    return f"{number:>{width},}" if number else f"{'-':>{width}}"


def _more(count: int, things: str, style: Style) -> Iterator[str]:
    if count > 0:
        yield style.line(f"and {count:,} more {things}")


def _count(number: int, singular: str, plural: str | None = None) -> str:
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


# What changed


def _changes(changes: Sequence[Change], form: Form, style: Style) -> str:
    if not changes:
        return "Nothing changed since the earlier report."
    heading = f"CHANGED since the earlier report: {_count(len(changes), 'entry', 'entries')}"
    shown = changes[:MAX_CHANGES] if form == "concise" else changes
    lines = [heading]
    for change in shown:
        verdicts = f"{change.before or 'absent'} -> {change.after or 'absent'}: "
        lines.append("  " + verdicts + style.path(change.id, 2 + len(verdicts)).lstrip())
        if change.appeared:
            lines.append(style.line(f"new: {', '.join(change.appeared)}", 6))
        if change.disappeared:
            lines.append(style.line(f"gone: {', '.join(change.disappeared)}", 6))
    lines += [f"  {line}" for line in _more(len(changes) - len(shown), "entries", style)]
    return "\n".join(lines)


# Concise: a round on two screens


def _concise(report: Report, style: Style, lines_before: int) -> Iterator[str]:
    """Yield the sections; groups of entries take the lines that the others leave."""
    closing = [
        _unreadable(report, style, MAX_UNREADABLE),
        _warnings(report, style),
        _notes(report, style),
        "Each entry that is not valid: --output-format grouped. Each finding: --verbose.",
    ]
    lines_left = MAX_LINES - lines_before - sum(_height(section) for section in closing)
    verdicts = [v for v in _ORDER if v != "valid" and with_verdict(report.entries, v)]
    for number, verdict in enumerate(verdicts, 1):
        reserved = MIN_LINES_OF_VERDICT * (len(verdicts) - number)
        section = _concise_verdict(report, verdict, style, lines_left - reserved)
        lines_left -= _height(section)
        yield section
    yield from closing


def _height(section: str) -> int:
    """Return the lines of a section with the empty line below it."""
    return section.count("\n") + 2 if section else 0


def _concise_verdict(report: Report, verdict: Verdict, style: Style, height: int) -> str:
    """Return the entries of a verdict, grouped by reason.

    Args:
        report: The audit.
        verdict: The verdict.
        style: Width and colour.
        height: Lines that it may take; the entries that do not fit are counted.
    """
    entries = with_verdict(report.entries, verdict)
    heading = f"{verdict.upper()}: {_count(len(entries), 'entry', 'entries')}"
    lines = [style.paint(heading, verdict)]
    room = max(height, MIN_LINES_OF_VERDICT) - 2  # for the count of those that do not fit
    hidden = 0
    for group in group_by_reason(entries):
        group_lines = list(_group_lines(group, style))
        if hidden or len(lines) + len(group_lines) > room:
            hidden += len(group.entries)
        else:
            lines += group_lines
    if hidden:
        lines.append(f"  and {_count(hidden, 'entry', 'entries')} for other reasons")
    return "\n".join(lines)


def _group_lines(group: EntryGroup, style: Style) -> Iterator[str]:
    for folded in group.findings[:MAX_FINDINGS_OF_GROUP]:
        yield style.line(_one_line(folded, len(group.entries)), 2)
    hidden = len(group.findings) - MAX_FINDINGS_OF_GROUP
    if hidden > 0:
        yield f"  and {_count(hidden, 'other finding')}"
    for entry in group.entries[:MAX_IDS]:
        yield style.path(entry.id, 6)
    if len(group.entries) > MAX_IDS:
        yield f"      and {len(group.entries) - MAX_IDS:,} more"


def _one_line(folded: FoldedFinding, entry_count: int = 1) -> str:
    """Return a finding in one line: rule, how many entries, got, expected."""
    finding = folded.first
    entries = f" ({entry_count:,} entries)" if entry_count > 1 else ""
    times = f" ({folded.count} times)" if folded.count > 1 and entry_count == 1 else ""
    return f"{finding.rule}{entries}{times}: {finding.got}; expected {finding.expected_with_unit}"


def _warnings(report: Report, style: Style) -> str:
    """Return one line for each rule that warns; what every entry has is a note of the round."""
    warnings = folded_warnings(report)
    if not warnings:
        return ""
    total = len(report.entries)
    lines = [style.paint("WARNINGS, which change no verdict", "warn")]
    for warning in warnings[:MAX_RULES]:
        share = "every entry" if warning.everywhere else _count(warning.entries, "entry", "entries")
        text, count = warning.texts[0]
        more = f" (and {len(warning.texts) - 1} other texts)" if len(warning.texts) > 1 else ""
        most = f" ({count:,})" if len(warning.texts) > 1 and count < total else ""
        lines.append(style.line(f"{warning.rule}, {share}: {text}{most}{more}", 2))
    lines += [f"  {line}" for line in _more(len(warnings) - MAX_RULES, "rules", style)]
    return "\n".join(lines)


def _notes(report: Report, style: Style) -> str:
    notes = folded_notes(report)
    if not notes:
        return ""
    lines = ["NOTES"]
    for text, count in notes[:MAX_RULES]:
        share = (
            "every entry" if count == len(report.entries) > 1 else _count(count, "entry", "entries")
        )
        lines.append(style.line(f"{share}: {text}", 2))
    lines += [f"  {line}" for line in _more(len(notes) - MAX_RULES, "notes", style)]
    return "\n".join(lines)


def _unreadable(report: Report, style: Style, limit: int | None = None) -> str:
    if not report.unreadable:
        return ""
    count = _count(len(report.unreadable), "entry", "entries")
    lines = [style.paint(f"UNREADABLE: {count}", "unjudged")]
    for path, reason in report.unreadable[:limit]:
        lines.append(style.path(path, 2))
        lines.append(style.line(reason, 6) if limit else style.wrap(reason, 6))
    if limit is not None:
        lines += [f"  {line}" for line in _more(len(report.unreadable) - limit, "entries", style)]
    return "\n".join(lines)


# Grouped: each entry that is not valid


def _grouped(report: Report, style: Style) -> Iterator[str]:
    everywhere = {warning.rule for warning in folded_warnings(report) if warning.everywhere}
    for verdict in ("invalid", "questioned", "unjudged"):
        entries = with_verdict(report.entries, verdict)
        for entry, also in by_measurement(entries):
            yield _entry(entry, also, everywhere, style)
    yield _unreadable(report, style)
    yield _warnings(report, style)
    yield _notes(report, style)


def _entry(entry: EntryReport, also: Sequence[str], everywhere: set[str], style: Style) -> str:
    """Return an entry with its findings, one line each, and what to do about the decisive ones.

    Args:
        entry: The report of the entry.
        also: Ids of the other results of the same measurement.
        everywhere: Rules that warn of every entry; those warnings are not repeated here.
        style: Width and colour.
    """
    lines = [_heading(entry, style)]
    lines += [style.line(f"and with the same measurement {name}", 4) for name in also]
    lines += [style.wrap(f"note: {note}", 2, 8) for note in entry.notes]
    shown = [
        finding
        for finding in sorted_findings(entry)
        if finding.status != "skip"
        and not (finding.status == "warn" and finding.rule in everywhere)
    ]
    decisive = set(map(id, entry.decisive_findings))
    for same in _by_rule_and_status(shown):
        for folded in fold(same):
            lines.append(_finding_line(folded.first, style, folded.count - 1))
        if id(same[0]) in decisive:
            lines.append(style.wrap(f"{same[0].fix} [{same[0].clause}]", 7))
    return "\n".join(lines)


def _heading(entry: EntryReport, style: Style) -> str:
    provisional = ", provisional" if entry.provisional else ""
    verdict = style.paint(f"{entry.verdict:<10}", entry.verdict)
    return f"{verdict} {plain(entry.id)}  ({entry.round}{provisional})"


def _by_rule_and_status(findings: Iterable[Finding]) -> list[list[Finding]]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.rule, finding.status), []).append(finding)
    return list(groups.values())


def _finding_line(finding: Finding, style: Style, more: int = 0) -> str:
    """Return a finding in one line.

    Args:
        finding: The finding.
        style: Width and colour.
        more: How many more findings say the same of other places.
    """
    label = severity_of(finding) or finding.status
    text = (
        f"{finding.rule}: {finding.where}: got {finding.got}, expected {finding.expected_with_unit}"
    )
    if more:
        text += f" (and {more:,} more like it)"
    body = style.wrap(f"{label} {text}", 2, 7)
    return body.replace(label, style.paint(label, label), 1)


# Full: everything


def _full(report: Report, style: Style) -> Iterator[str]:
    for verdict in _ORDER:
        for entry in with_verdict(report.entries, verdict):
            yield _full_entry(entry, style)
    yield _unreadable(report, style)


def _full_entry(entry: EntryReport, style: Style) -> str:
    lines = [_heading(entry, style)]
    lines += [style.wrap(f"note: {note}", 2, 8) for note in entry.notes]
    for same in _by_rule_and_status(sorted_findings(entry)):
        lines += [_finding_line(finding, style) for finding in same]
        if same[0].status != "skip":
            lines.append(style.wrap(f"{same[0].fix} [{same[0].clause}]", 7))
    return "\n".join(lines)
