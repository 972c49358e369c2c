"""Time two things in turn, in one process, and make a row of the ratios of all pairs."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tabulate import tabulate

Call = Callable[[], object]


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    ours, peer: median [s]; ratios: of each pair, in the sense of the bar; against: what the peer
    is bar: limit of the median ratio; at_least: whether the bar is a lower one, and the ratio
    peer / ours
    """

    what: str
    ours: float
    against: str
    peer: float
    ratios: tuple[float, ...]
    bar: float | None = None
    at_least: bool = False
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        if self.bar is None:
            return None
        return self.ratio >= self.bar if self.at_least else self.ratio <= self.bar


def clock(call: Call, before: Call = nothing) -> float:
    """Time of one call [s]; `before` is not timed."""
    before()
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(
    what: str,
    ours: Call,
    against: str,
    peer: Call,
    *,
    pairs: int,
    bar: float | None = None,
    at_least: bool = False,
    before: Call = nothing,
) -> Row:
    """Time ours and peer in turn, `pairs` times after one round that does not count.

    before: runs ahead of each call of ours, untimed
    """
    times = [(clock(ours, before), clock(peer)) for _ in range(pairs + 1)][1:]
    ratios = tuple(b / a if at_least else a / b for a, b in times)
    mine, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    return Row(what, mine, against, theirs, ratios, bar, at_least)


def show(rows: Sequence[Row]) -> str:
    """The table as text, which is also Markdown."""
    heads = ("what", "ours", "peer or limit", "time", "ratio (min .. max)", "bar", "met")
    return tabulate([_cells(row) for row in rows], heads, tablefmt="github", disable_numparse=True)


def _cells(row: Row) -> tuple[str, ...]:
    sense = "at least" if row.at_least else "at most"
    return (
        row.what,
        _amount(row.ours, row.unit),
        row.against,
        _amount(row.peer, row.unit),
        f"{row.ratio:.4g} ({min(row.ratios):.4g} .. {max(row.ratios):.4g})",
        "" if row.bar is None else f"{sense} {row.bar:g}",
        {None: "", True: "yes", False: "NO"}[row.met],
    )


def _amount(value: float, unit: str) -> str:
    return f"{value * 1000:.3g} ms" if unit == "s" and value < 1 else f"{value:.3g} {unit}"
