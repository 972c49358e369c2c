"""The picture of an entry shows the trace that its worst finding is about."""

from __future__ import annotations

import re

import pytest

from harness.auditing.report import EntryReport, Finding, Location
from harness.auditing.rules.base import location
from harness.render.trace_svg import entry_svg
from tests.auditing.rules import builders as b

GPU_1, GPU_10 = (
    b.trace(range(-5, 606), watts, id=name, source=None)
    for name, watts in (("gpu-1", 100.0), ("gpu-10", 1000.0))
)
FIRST = b.run(GPU_1, GPU_10, id="run-1")
TENTH = b.run(b.trace(range(-5, 606), 50.0, id="gpu-1", source=None), id="run-10")


def finding(where: Location | str) -> Finding:
    place = where if isinstance(where, Location) else None
    return Finding("coverage", "fail", str(where), "g", "e", "f", "c", location=place)


def title(where: Location | str) -> str:
    """The trace that is drawn for one finding."""
    entry = b.entry(FIRST, TENTH)
    report = EntryReport("e", b.OWN, "invalid", (finding(where),))
    match = re.search(r"<title>e: (.*?)</title>", entry_svg(entry, report))
    assert match
    return match[1]


@pytest.mark.parametrize(
    ("where", "drawn"),
    [
        (location(FIRST, GPU_1), "run-1/gpu-1"),
        (location(FIRST, GPU_10), "run-1/gpu-10"),
        (Location(run="run-10"), "run-10/gpu-1"),
        ("system description", "run-1/gpu-1"),
    ],
)
def test_a_finding_draws_its_own_trace_and_none_whose_name_begins_alike(
    where: Location | str, drawn: str
) -> None:
    assert title(where) == drawn


def test_a_finding_in_a_file_draws_the_trace_of_that_file() -> None:
    traces = [b.trace(range(-5, 606), 1.0, id=str(k), source=f"gpu-{k}.csv") for k in (1, 10)]
    entry = b.entry(b.run(*traces))
    report = EntryReport("e", b.OWN, "invalid", (finding("gpu-10.csv, line 7"),))
    assert "<title>e: gpu-10.csv</title>" in entry_svg(entry, report)


def test_cells_mark_the_run_that_a_finding_is_about() -> None:
    entry = b.entry(FIRST, TENTH)
    report = EntryReport("e", b.OWN, "invalid", (finding(location(TENTH)),))
    svg = entry_svg(entry, report)
    assert "run-1: no finding" in svg
    assert "run-10: fail" in svg
