"""Pictures of one result: the shares of its uncertainty, and how its runs scatter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.energy.run import RunEnergy
from harness.site.numbers import Scale, significant
from harness.site.plots.svg import element, picture, text, titled
from harness.uncertainty.closed_form import BudgetRow

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH = 960.0


def budget_bar(rows: Sequence[BudgetRow]) -> Markup | None:
    """Return the shares of the variance as one bar, its parts in six tints."""
    if not rows:
        return None
    left, parts = 0.0, list[str]()
    for number, row in enumerate(rows):
        part_width = WIDTH * row.share
        if part_width < 1:
            continue
        css = f"share-{min(number, 5)}"
        box = element("rect", x=left, y=0.0, width=max(1.0, part_width - 1), height=30.0, css=css)
        if part_width > 8 * len(row.term) + 12:
            box += text(left + 8, 20, row.term, f"share-label on-{min(number, 5)}")
        parts.append(titled(box, f"{row.term}: {100 * row.share:.1f} % of the variance"))
        left += part_width
    return picture(WIDTH, 30, "Shares of the variance", parts)


def run_picture(runs: Sequence[RunEnergy]) -> Markup | None:
    """Return the energies of the runs as dots on one line, to see how they scatter."""
    energies = [(run.run.id, run.energy_j) for run in runs if run.energy_j is not None]
    if len(energies) < 2:
        return None
    width, height = WIDTH, 56.0
    scale = Scale.around([energy for _, energy in energies], width - 40, margin=0.08)
    parts = [element("path", d=f"M20 20H{width - 20}", css="axis")]
    for tick in scale.ticks(6):
        x = 20 + scale.at(tick)
        parts.append(element("path", d=f"M{x:.1f} 20v6", css="axis"))
        parts.append(text(x, 44, f"{significant(tick, 6)} J", "tick", "middle"))
    for name, energy in energies:
        dot = element("circle", cx=20 + scale.at(energy), cy=20.0, r=5.0, css="run-dot")
        parts.append(titled(dot, f"{name}: {significant(energy, 6)} J"))
    return picture(width, height, "Energy of each run", parts)
