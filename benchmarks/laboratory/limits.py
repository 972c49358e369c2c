"""Known limits: cells that cannot meet the bars, and what the tool prints there.

docs/explanation/limits.md has a row for each, under the same name. A cell that misses a bar without
a limit of its direction is a fault of the method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.laboratory.cells import Cell
from benchmarks.laboratory.sessions import BESIDE_WINDOW


@dataclass(frozen=True)
class Limit:
    """One known limit.

    Attributes:
        name: Its name in the tables.
        direction: Whether intervals are too wide or too narrow.
        applies: Tells its cells.
        prints: What a result prints there: a part of a note, or a line of the budget.
        example: A cell in which it is printed.
    """

    name: str
    direction: Literal["wide", "narrow"]
    applies: Callable[[Cell], bool]
    prints: str
    example: str


LIMITS = (
    Limit(
        "load between instants",
        "narrow",
        lambda cell: cell.meter.kind == "instant",
        "peaks between two of them",
        "kernels 3 Hz; instant",
    ),
    Limit(
        "load beside its window",
        "narrow",
        lambda cell: cell.meter.late_s > 0 and cell.meter.stated_late_s is None,
        BESIDE_WINDOW,
        "noisy 2 %; mean, stamps 0.3 s late, not stated",
    ),
    Limit(
        "edges of instants",
        "wide",
        lambda cell: cell.meter.kind == "instant",
        "edge step between readings",
        "noisy 2 %; instant",
    ),
    Limit(
        "update of a counter",
        "wide",
        lambda cell: cell.meter.kind == "counter",
        "counter lag",
        "noisy 2 %; counter",
    ),
    Limit(
        "clock",
        "wide",
        lambda cell: cell.meter.clock_s >= 0.1,
        "clock",
        "noisy 2 %; mean, clock sd 0.3 s",
    ),
    Limit(
        "gaps",
        "wide",
        lambda cell: cell.meter.gap is not None,
        "gap",
        "noisy 2 %; mean, three readings missing over the start",
    ),
    Limit(
        "sensors of one model",
        "wide",
        lambda cell: not cell.meter.analyzer,
        "meter gain",
        "8 nodes, sensors of one model with independent errors",
    ),
    Limit(
        "power supplies",
        "wide",
        lambda cell: cell.supply == "best efficiency",
        "supplies at part load",
        "read at the wall, best efficiency of the supplies stated; n = 1",
    ),
    Limit(
        "certificate of supplies",
        "wide",
        lambda cell: cell.supply == "certificate",
        "conversion efficiency",
        "read at the wall, certificate of the supplies stated; n = 1",
    ),
    Limit(
        "unstated late stamps",
        "wide",
        lambda cell: cell.meter.late_s > 0 and cell.meter.stated_late_s is None,
        "edge, two readings of the trace",
        "noisy 2 %; mean, stamps 0.5 s late, not stated",
    ),
    Limit(
        "bounds of the window",
        "wide",
        lambda cell: cell.meter.kind == "mean",
        "power near the edges",
        "capped 0.1 %, idle sd 20 W; mean",
    ),
)


def limit_of(cell: Cell, direction: Literal["wide", "narrow"]) -> Limit | None:
    """Return the known limit of a cell that misses a bar; ``None`` for a fault of the method."""
    found = (limit for limit in LIMITS if limit.direction == direction and limit.applies(cell))
    return next(found, None)
