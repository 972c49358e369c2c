"""The uncertainty budget for people: a table with bars, and in plain words what would narrow the interval most."""

from __future__ import annotations

import math

from harness.render.escape import grid, plain
from harness.render.numbers import decimals
from harness.scoring.result import Result
from harness.uncertainty.budget import BudgetRow

WIDTH = 24
"""Characters of a bar that stands for the whole variance."""
LEAST = 0.0005
"""Shares of the variance below this are shown together."""

_REMEDIES = {
    "meter gain": "a meter with a tighter limit, or the deviations in its calibration certificate",
    "meter offset": "a smaller measuring range: the reading should lie near its upper end",
    "run to run": "more runs, or runs that are more alike (warm start, fixed clocks)",
    "window edges": "faster sampling, or a longer run",
    "sampling": "faster sampling, or a meter that averages between readings",
    "gaps": "a meter that answers every time",
    "clock": "a better synchronised clock, or a longer run",
    "rated parts": "measuring the parts that are only rated now",
    "missing nodes": "measuring every node",
    "conversion efficiency": "measuring behind the conversion, or its efficiency at the operating point",
    "quantisation": "a meter with a finer resolution",
}


def budget_table(result: Result) -> str:
    """Every term with its standard uncertainty, share of the variance, degrees of freedom, key and source."""
    shown = [row for row in result.rows if row.share >= LEAST]
    rows = [_row(row) for row in shown]
    rest = [row for row in result.rows if row.share < LEAST]
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
    """A bar of the share, in eighths of a character."""
    eighths = round(share * WIDTH * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


def explain(result: Result) -> list[str]:
    """In plain words where the uncertainty comes from, and what would reduce it most."""
    if (
        not result.rows
        or result.energy.low is None
        or result.energy.high is None
        or not result.energy.value
    ):
        return [f"There is no interval: {plain(result.energy.note) or 'no energy'}."]
    half = (result.energy.high - result.energy.low) / 2 / result.energy.value
    first = result.rows[0]
    lines = [
        f"The energy is known to {half:.2%} ({result.energy.level:.0%} interval, {result.measurand})."
    ]
    for row in result.rows[:3]:
        if row.share >= 0.05:
            source = f": {plain(row.source)}" if row.source else ""
            lines.append(f"{row.share:.0%} of the variance is {row.term}{source}.")
    kept = math.sqrt(max(0.0, 1 - first.share))
    remedy = _REMEDIES.get(first.term, "a closer look at it")
    lines.append(
        f"What helps most: {remedy}. Without that term the interval would have {kept:.0%} of its width."
    )
    if result.distinct_runs == 1:
        lines.append(
            "One run tells nothing of the next: five would also show the scatter between runs."
        )
    return lines
