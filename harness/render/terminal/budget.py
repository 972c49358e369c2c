"""The uncertainty budget for people: a table with bars, and what would narrow the interval."""

from __future__ import annotations

import math

from harness.render.escape import grid, plain
from harness.render.numbers import decimals
from harness.scoring.result import Result
from harness.uncertainty.closed_form import BudgetRow

WIDTH = 24
"""Characters of a bar that stands for the whole variance."""
MIN_SHARE = 0.0005
"""Smaller shares of the variance are shown together."""
MIN_EXPLAINED_SHARE = 0.05
"""Smaller shares of the variance are not explained."""

_REMEDIES = {
    "meter gain": "a meter with a tighter limit, or the deviations in its calibration certificate",
    "meter offset": "a smaller measuring range: the reading should lie near its upper end",
    "run to run": "more runs, or runs that are more alike (warm start, fixed clocks)",
    "edge, two readings of the trace": "faster sampling, or idle readings around the run",
    "edge step between readings": "faster sampling, a meter that averages, or a longer run",
    "gap over an edge": "a meter that answers every time",
    "power near the edges": "faster sampling, or a longer run",
    "counter lag": "a counter that is updated more often, or a longer run",
    "rounding noise": "a meter with a finer resolution",
    "sampling": "faster sampling, or a meter that averages between readings",
    "gaps": "a meter that answers every time",
    "clock": "a better synchronised clock, or a longer run",
    "rated parts": "measuring the parts that are only rated now",
    "missing nodes": "measuring every node",
    "conversion efficiency": (
        "measuring behind the conversion, or its efficiency at the operating point"
    ),
    "supplies at part load": (
        "stating the supplies (rated output, and grade or certificate), or measuring behind them"
    ),
    "quantisation": "a meter with a finer resolution",
}


def budget_table(result: Result) -> str:
    """Return the budget of a result as a table."""
    rows = [_row(row) for row in result.rows if row.share >= MIN_SHARE]
    rest = [row for row in result.rows if row.share < MIN_SHARE]
    if rest:
        u = math.sqrt(math.fsum(row.u**2 for row in rest))
        share = math.fsum(row.share for row in rest)
        rows.append([f"{len(rest)} more", _u(u), f"{share:.2%}", "", "", "", ""])
    return grid(("Term", "u [J]", "Share", "", "Dof", "Key", "Source"), rows, "terminal")


def _row(row: BudgetRow) -> list[str]:
    dof = "inf" if row.dof is None else f"{row.dof:g}"
    return [
        row.term,
        _u(row.u),
        f"{row.share:.1%}",
        bar(row.share),
        dof,
        row.key or "own",
        row.source,
    ]


def _u(value: float) -> str:
    return f"{value:.{decimals(value, value)}f}"


def bar(share: float) -> str:
    """Return a bar as long as a share, in eighths of a character."""
    eighths = round(share * WIDTH * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


def explain(result: Result) -> list[str]:
    """Say in plain words where the uncertainty comes from, and what would reduce it most."""
    energy = result.energy
    if not result.rows or energy.low is None or energy.high is None or not energy.value:
        return [f"There is no interval: {plain(energy.note) or 'no energy'}."]
    half_width = (energy.high - energy.low) / 2 / energy.value
    lines = [
        f"The energy is known to {half_width:.2%} "
        f"({energy.level:.0%} interval, {result.measurand})."
    ]
    for row in result.rows[:3]:
        if row.share >= MIN_EXPLAINED_SHARE:
            source = f": {plain(row.source)}" if row.source else ""
            lines.append(f"{row.share:.0%} of the variance is {row.term}{source}.")
    largest = result.rows[0]
    remedy = _REMEDIES.get(largest.term, "a closer look at it")
    remaining_width = math.sqrt(max(0.0, 1 - largest.share))
    lines.append(f"What helps most: {remedy}.")
    lines.append(f"Without that term the interval would have {remaining_width:.0%} of its width.")
    if result.distinct_runs == 1:
        lines.append(
            "One run does not predict the next: five would also show the scatter between runs."
        )
    return lines
