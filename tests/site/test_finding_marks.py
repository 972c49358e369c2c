"""Where the traces of an entry show its findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness import api
from harness.auditing.report import Finding, Location
from harness.core.resources import resource
from harness.core.timestamps import NS
from harness.site.entries import SiteEntry, site_entries
from harness.site.plots.finding_marks import finding_marks, numbered_findings
from harness.site.plots.trace import trace_figure
from harness.traces.trace import Trace, Window

SPL = "performance/run_1/spl.txt"


@pytest.fixture(scope="module")
def dogwood() -> SiteEntry:
    """A result with a gap of 17 s in its window."""
    tree = api.read(resource("submissions") / "lab-2026/inference/closed/SimulatedDogwood")
    reports = {report.id: report for report in api.audit(tree).entries}
    ((_, (entry,)),) = site_entries(api.rank(tree), reports)
    return entry


def with_findings(entry: SiteEntry, findings: Sequence[tuple[str, Location | None]]) -> SiteEntry:
    assert entry.report is not None
    made = tuple(
        Finding(rule, "fail", str(place), "got", "expected", "fix", "clause", "", place, "fail")
        for rule, place in findings
    )
    return replace(entry, report=replace(entry.report, findings=made))


def trace_of(entry: SiteEntry) -> tuple[Trace, Window]:
    (run,) = entry.result.entry.runs
    (trace,) = run.outer
    assert run.window is not None
    return trace, run.window


def test_gap_is_marked_where_it_is_in_the_window(dogwood: SiteEntry) -> None:
    trace, window = trace_of(dogwood)
    longest = max(trace.gaps(window), key=lambda gap: gap[1] - gap[0])
    marks = [mark for mark in finding_marks(dogwood) if mark.rule == "largest-gap"]
    assert marks[0].span == longest
    assert marks[0].place(window.start_ns) == "from 192.873 s to 209.871 s"


def test_line_is_marked_at_the_time_of_its_reading(dogwood: SiteEntry) -> None:
    trace, _ = trace_of(dogwood)
    places = [
        Location(file=SPL, line=1),
        Location(file=SPL, line=101),
        Location(file=SPL, line=10**6),
    ]
    entry = with_findings(dogwood, [("power-arithmetic", place) for place in places])
    times = [None if mark.span is None else mark.span[0] for mark in finding_marks(entry)]
    assert times == [int(trace.t_ns[0]), int(trace.t_ns[100]), None]
    assert finding_marks(entry)[0].place(int(trace.t_ns[0]) - 2 * NS) == "at 2 s"


def test_rules_without_a_place_mark_the_whole_trace_and_other_files_nothing(
    dogwood: SiteEntry,
) -> None:
    trace, _ = trace_of(dogwood)
    places = [
        ("noise-plausible", Location(run="run_1", channel=trace.channel.id, file=SPL)),
        ("run-count", Location(run="run_1")),
        ("meter-identity", Location(file="performance/power/server.json")),
        ("duplicate-traces", Location(run="run_1", channel="another")),
        ("shared-calibration", None),
    ]
    marks = finding_marks(with_findings(dogwood, places))
    assert [(mark.rule, mark.span) for mark in marks] == [
        ("noise-plausible", None),
        ("run-count", None),
    ]


def test_padding_is_marked_on_both_sides_of_the_window(dogwood: SiteEntry) -> None:
    trace, window = trace_of(dogwood)
    entry = with_findings(dogwood, [("padding", Location(run="run_1", channel=trace.channel.id))])
    assert [mark.span for mark in finding_marks(entry)] == [
        (int(trace.t_ns[0]), window.start_ns),
        (window.stop_ns, int(trace.t_ns[-1])),
    ]


def test_findings_that_differ_in_their_place_only_have_one_number(dogwood: SiteEntry) -> None:
    lines = [Location(file=SPL, line=line) for line in (10, 20)]
    entry = with_findings(
        dogwood, [*(("power-arithmetic", line) for line in lines), ("padding", None)]
    )
    numbers = {item.number: len(item.findings) for item in numbered_findings(entry)}
    assert numbers == {1: 2, 2: 1}
    assert [mark.number for mark in finding_marks(entry)] == [1, 1]


def test_picture_holds_each_mark_of_its_trace_under_the_number_of_its_finding(
    dogwood: SiteEntry,
) -> None:
    lines = [Location(file=SPL, line=line) for line in (300, 301)]
    entry = with_findings(dogwood, [("power-arithmetic", line) for line in lines])
    figure = trace_figure(entry, finding_marks(entry))
    assert figure is not None
    assert figure.numbers == {1}
    assert figure.svg.count('class="mark fail"') == 2
    assert figure.svg.count('id="mark-1"') == 1
    assert "with the places of its findings" in figure.svg
