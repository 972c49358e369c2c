"""What columns and terms mean, in one phrase each: the tips of headings; the guide says more."""

from __future__ import annotations

from harness.ranking.leaderboard import Table

TIPS = {
    "rank": "Ranks that the data leave open; in brackets with fewer than five runs",
    "system": "What was measured, and who submitted it; the small letters are marks that the notes "
    "below the table explain",
    "energy": "Energy per unit of work, best estimate",
    "interval": "Interval of the energy; ordered by its lower end",
    "first": "P(first): probability of needing the least energy of its table",
    "pareto": "P(Pareto): probability that no entry which is at least as good in performance and "
    "quality needs less energy",
    "performance": "Performance as the benchmark states it",
    "quality": "Quality that was reached",
    "co2e": "Emissions per unit of work at one common intensity",
    "round": "Round whose rules the entry was measured by; empty where it states none",
    "verdict": "Verdict of the audit",
    "covered": "Share of the timed window that readings cover, the lowest over channels and runs",
    "estimated": "Share of the energy that no meter read",
    "mlperf": "The same run by MLPerf's own formula, which differs from ours",
}
"""What each column means, by its name in the address of the index."""
CLASSES = {
    "analyzer": "a calibrated power analyzer",
    "analyzer-scpi": "a calibrated power analyzer, read without SPEC's PTDaemon",
    "sensor": "a meter inside the machine",
    "modelled": "computed from activity",
    "declared": "stated by the submitter",
}
"""What each class of measurement means."""
BOUNDARIES = {
    "rail": "one supply rail of a board",
    "package": "the package of a processor",
    "board": "one board, such as an accelerator",
    "node": "one machine, behind its power supply",
    "wall": "one machine, at the wall plug",
    "rack": "a rack, at its feed",
    "facility": "the building",
}
"""What the energy of each boundary includes."""


def table_tip(table: Table) -> str:
    """Return what the class and the boundary of a table mean."""
    parts = [
        _explained(table.measurement_class, CLASSES),
        _explained(table.boundary, BOUNDARIES),
    ]
    return "; ".join(part for part in parts if part)


def _explained(name: str, meanings: dict[str, str]) -> str:
    return f"{name}: {meanings[name]}" if name in meanings else ""
