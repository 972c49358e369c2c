"""The history of a benchmark for a terminal: a table for each series, with what changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.ranking.history import RoundResults, Series, Transition
from harness.render.escape import grid, plain
from harness.render.numbers import estimate_text

HEAD = ("round", "least energy per unit", "submitter", "system", "results", "that count")
MAX_RULES = 5
"""Rules that are named of each step between rounds."""


def history_text(series: Sequence[Series]) -> str:
    """Return the series as text."""
    if not series:
        return "no result of this benchmark and scenario\n"
    return "\n".join(_section(item) for item in series)


def _section(series: Series) -> str:
    key = series.key
    names = [key.benchmark, key.scenario, key.division, key.measurement_class, key.boundary]
    title = ", ".join(name for name in names if name)
    if key.simulated:
        title += ", simulated"
    rows = [_row(group) for group in series.rounds]
    lines = [plain(title), "", grid(HEAD, rows, "terminal"), ""]
    for transition in series.transitions:
        earlier, later = transition.earlier or "-", transition.later or "-"
        comparable = "comparable" if transition.energies_comparable else "NOT comparable"
        lines.append(plain(f"{earlier} to {later}: energies {comparable}"))
        lines += [f"  {plain(line)}" for line in _changes(transition)]
    return "\n".join(lines) + "\n"


def _row(group: RoundResults) -> list[str]:
    best = group.best
    counted = sum(row.verdict in ("valid", "questioned") for row in group.rows)
    total = str(len(group.rows))
    if best is None:
        return [group.round or "-", "-", "-", "-", total, str(counted)]
    return [
        group.round or "-",
        estimate_text(best.result.energy_per_unit),
        best.result.entry.submitter or "-",
        best.result.entry.system,
        total,
        str(counted),
    ]


def _changes(item: Transition) -> Iterator[str]:
    """Yield what changed between two rounds, a line each."""
    for change, source in item.definitions:
        yield f"definition: {change} ({source})"
    if item.targets is not None:
        before, after = (" and ".join(f"{value:g}" for value in side) for side in item.targets)
        yield f"quality to reach: {before}, then {after}"
    if not item.rulebooks_known:
        yield "rules: one of the rounds has no rulebook"
    elif item.rules:
        names = [rule.rule for rule in item.rules[:MAX_RULES]]
        more = len(item.rules) - len(names)
        names += [f"and {more} more (--json)"] if more else []
        yield f"rules that judge differently: {', '.join(names)}"
