"""Number the findings of an entry, and find their places in its traces.

A finding names a line of a trace's file, a channel or a run. Its place is the time of that line, or
where its rule looked: the longest gap, what the readings leave of the window, the dropped readings.
Other findings are about a trace as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.auditing.report import Finding, Location
from harness.auditing.summary import severity_of, sorted_findings
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.site.entries import SiteEntry, rule_title
from harness.site.numbers import significant
from harness.traces.clean import SAME_TIME
from harness.traces.trace import Trace, Window

MAX_FINDINGS = 100
"""Findings on a page; the JSON of the result has all."""
MAX_MARKS = 100
"""Marks of one entry."""
MAX_SPANS = 5
"""Places of one finding in one trace."""

Span = tuple[int, int]
"""Begin and end [ns UTC]; equal for one reading."""


@dataclass(frozen=True, slots=True)
class NumberedFinding:
    """Findings that differ in their places only, as one with a number.

    Attributes:
        number: Its number on the page, from 1.
        severity: What it means for the verdict, or its status where it means nothing.
        findings: The findings.
    """

    number: int
    severity: str
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class FindingMark:
    """A place in a trace that a finding is about.

    Attributes:
        number: Number of the finding on the page.
        severity: What the finding means.
        rule: Id of its rule.
        title: What should hold.
        run: Id of the run.
        channel: Id of the channel.
        span: Its place in time; None for the trace as a whole.
    """

    number: int
    severity: str
    rule: str
    title: str
    run: str
    channel: str
    span: Span | None

    def place(self, origin_ns: int) -> str:
        """Return the place in words, in seconds since an origin."""
        if self.span is None:
            return "the whole trace"
        begin, end = (significant((t_ns - origin_ns) / NS, 6) for t_ns in self.span)
        return f"at {begin} s" if begin == end else f"from {begin} s to {end} s"


def numbered_findings(entry: SiteEntry) -> list[NumberedFinding]:
    """Return the findings, the worst first; those that differ in their place only are one."""
    if entry.report is None:
        return []
    folded: dict[tuple[str, ...], NumberedFinding] = {}
    findings = [item for item in sorted_findings(entry.report) if item.status != "skip"]
    for finding in findings[:MAX_FINDINGS]:
        severity = severity_of(finding) or finding.status
        shared = (severity, finding.rule, finding.expected, finding.fix, finding.clause)
        numbered = folded.setdefault(shared, NumberedFinding(len(folded) + 1, severity, []))
        numbered.findings.append(finding)
    return list(folded.values())


def finding_marks(entry: SiteEntry) -> list[FindingMark]:
    """Return where the traces of an entry show its findings."""
    runs = entry.result.entry.runs
    traces = [(run, trace) for run in runs for trace in run.outer if len(trace)]
    marks = dict.fromkeys(
        mark
        for numbered in numbered_findings(entry)
        for finding in numbered.findings
        for mark in _marks_of(numbered, finding, traces)
    )
    return list(marks)[:MAX_MARKS]


def _marks_of(
    numbered: NumberedFinding, finding: Finding, traces: Sequence[tuple[Run, Trace]]
) -> Iterator[FindingMark]:
    """Yield the places of one finding in the traces that it is about."""
    location = finding.location
    if location is None:
        return
    for run, trace in traces:
        if not _is_about(location, run, trace):
            continue
        spans: list[Span | None] = [*_spans(finding.rule, location, run, trace)]
        for span in spans or [None]:
            yield FindingMark(
                numbered.number,
                numbered.severity,
                finding.rule,
                rule_title(finding.rule),
                run.id,
                trace.channel.id,
                span,
            )


def _is_about(location: Location, run: Run, trace: Trace) -> bool:
    """Return whether a location names a trace, by its channel, its run or its file."""
    if location.channel is not None:
        return (location.run, location.channel) == (run.id, trace.channel.id)
    if location.run is not None:
        return location.run == run.id
    return location.file is not None and location.file == trace.channel.source


def _spans(rule: str, location: Location, run: Run, trace: Trace) -> list[Span]:
    """Return the places of a finding in a trace; none for the trace as a whole."""
    if location.line is not None:
        t_ns = _time_of_reading(trace, location.line - 1)
        return [] if t_ns is None else [(t_ns, t_ns)]
    if run.window is None or run.window.seconds <= 0:
        return []
    return _spans_of_rule(rule, trace, run.window)[:MAX_SPANS]


def _spans_of_rule(rule: str, trace: Trace, window: Window) -> list[Span]:
    """Return where a rule looked in a trace; none where it judges the trace as a whole."""
    match rule:
        case "coverage" | "window-inside-trace":
            return _uncovered(trace, window)
        case "largest-gap":
            return _longest_gaps(trace, window)
        case "minimum-duration" | "window-matches-load":
            return [(window.start_ns, window.stop_ns)]
        case "padding":
            return _outside(trace, window)
        case "reading-values":
            return _dropped(trace, is_same_time=False)
        case "time-order":
            return _dropped(trace, is_same_time=True)
        case _:
            return []


def _time_of_reading(trace: Trace, position: int) -> int | None:
    """Return the time of a reading by its position in its source [ns UTC]."""
    dropped = next((item for item in trace.dropped if item.position == position), None)
    if dropped is not None:
        return dropped.t_ns
    if trace.position is None:
        return int(trace.t_ns[position]) if position < len(trace) else None
    matches = np.flatnonzero(trace.position == position)
    return int(trace.t_ns[matches[0]]) if len(matches) else None


def _longest_gaps(trace: Trace, window: Window) -> list[Span]:
    return sorted(trace.gaps(window), key=lambda span: span[0] - span[1])


def _uncovered(trace: Trace, window: Window) -> list[Span]:
    """Return what the readings leave of the window at either end."""
    ends = ((window.start_ns, int(trace.t_ns[0])), (int(trace.t_ns[-1]), window.stop_ns))
    return [(begin_ns, end_ns) for begin_ns, end_ns in ends if begin_ns < end_ns]


def _outside(trace: Trace, window: Window) -> list[Span]:
    """Return what the readings cover outside the window."""
    ends = ((int(trace.t_ns[0]), window.start_ns), (window.stop_ns, int(trace.t_ns[-1])))
    return [(begin_ns, end_ns) for begin_ns, end_ns in ends if begin_ns < end_ns]


def _dropped(trace: Trace, *, is_same_time: bool) -> list[Span]:
    """Return the dropped readings, of one time with another or for their values."""
    return [
        (item.t_ns, item.t_ns)
        for item in trace.dropped
        if item.t_ns is not None and (item.reason == SAME_TIME) == is_same_time
    ]
