"""Cells of a table: entries whose true order is known are scored and ranked together.

All tables hold ties only, or ties and one clear difference. An order is false if it ranks two
entries of equal true energy apart, or two entries the wrong way round. The scatter between runs and
the meters' errors are drawn; the readings are steady, so that a run costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.laboratory.meters import EPOCH_S, NS, Meter, as_entry, as_run, channel
from harness.auditing.report import EntryReport
from harness.formats.base import Entry, Run
from harness.ranking.leaderboard import leaderboard
from harness.scoring.score import score_all
from harness.traces.trace import Trace

SEED = 20210410
DRAWS = 10_000
SECONDS = 20
PLAIN = Meter(gain=0.002, offset_w=0.0)
Scales = Callable[[np.random.Generator], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """One kind of table.

    Attributes:
        name: What is special about it.
        truth: True ln(energy) of each entry.
        scales: Draws the scatter between runs of each entry, as CV.
        n: Runs of each entry.
        pairs: Whether each single run has a ranging run.
        heavy: Whether single runs now and then miss by ten times their scatter.
        meter: Meter of each entry.
    """

    name: str
    truth: tuple[float, ...]
    scales: Scales
    n: tuple[int, ...]
    pairs: bool = False
    heavy: bool = False
    meter: Meter = field(default_factory=lambda: PLAIN)


@dataclass(frozen=True)
class TableOutcome:
    """What tables of one kind showed.

    Attributes:
        false_orders: Share of tables with a false order.
        found: Share of true orders that were found.
        ranked: Share of entries that were ranked.
    """

    false_orders: float
    found: float
    ranked: float


def tables(cell: TableCell, count: int, seed: int = SEED) -> TableOutcome:
    """Rank `count` tables of one kind."""
    key = [seed, *(ord(letter) for letter in cell.name)]
    false, found, ranked = 0, [], []
    for number in range(count):
        rng = np.random.default_rng([*key, number])
        entries = list(entries_of(cell, rng))
        results = score_all(entries, draws=DRAWS)
        reports = {entry.id: EntryReport(entry.id, "laboratory", "valid", ()) for entry in entries}
        (table,) = leaderboard(results, reports)
        ranks = {row.result.entry.id: row.rank for row in table.rows}
        is_false, share = _judge(cell, [ranks[entry.id] for entry in entries])
        false += is_false
        found += share
        ranked.append(np.mean([rank is not None for rank in ranks.values()]))
    return TableOutcome(
        false / count, float(np.mean(found)) if found else float("nan"), float(np.mean(ranked))
    )


def _judge(cell: TableCell, ranks: list) -> tuple[bool, list[float]]:  # type: ignore[type-arg]
    """Return whether an order is false, and for each true order whether it was found."""
    false, found = False, []
    for i, first in enumerate(ranks):
        for j, second in enumerate(ranks):
            if first is None or second is None or i == j:
                continue
            told = first.high < second.low
            truly = cell.truth[i] < cell.truth[j]
            false |= told and not truly
            if truly:
                found.append(float(told))
    return false, found


def entries_of(cell: TableCell, rng: np.random.Generator) -> Iterator[Entry]:
    """Yield the entries of one table."""
    scales = cell.scales(rng)
    for i, (truth, scale, n) in enumerate(zip(cell.truth, scales, cell.n, strict=True)):
        gain = rng.uniform(-1, 1) * cell.meter.gain
        count = n + 1 if cell.pairs else n
        levels = truth + scale * rng.normal(size=count)
        if cell.heavy:
            levels += 9 * scale * rng.normal(size=count) * (rng.uniform(size=count) < 0.03)
        runs = [
            _run(cell.meter, f"meter {i}", float(np.exp(level)) * (1 + gain), number, rng)
            for number, level in enumerate(levels)
        ]
        name = f"entry {i}"
        if cell.pairs:
            yield as_entry(name, runs[1:], ranging=runs[0])
        else:
            yield as_entry(name, runs)


def _run(
    meter: Meter, calibration: str, level: float, number: int, rng: np.random.Generator
) -> Run:
    """Return a run at nearly steady power."""
    start_s = 1000 * number + float(rng.integers(0, 10_000)) * 10_000
    t_ns = ((EPOCH_S + start_s + np.arange(-3, SECONDS + 4)) * NS).astype(np.int64)
    watts = 400 * level * (1 + 1e-6 * rng.normal(size=len(t_ns)))
    trace = Trace(channel(meter, calibration), t_ns, watts)
    return as_run([trace], SECONDS, start_s, f"run_{number}", 1000.0)


def _same(cv: float, count: int) -> Scales:
    return lambda rng: np.full(count, cv) + 0 * rng.uniform()


def _one_noisy(cv: float, count: int, times: float) -> Scales:
    def scales(rng: np.random.Generator) -> NDArray[np.float64]:
        values = np.full(count, cv)
        values[rng.integers(count)] *= times
        return values

    return scales


def _first_noisy(cv: float, count: int, times: float) -> Scales:
    def scales(rng: np.random.Generator) -> NDArray[np.float64]:
        values = np.full(count, cv) + 0 * rng.uniform()
        values[0] *= times
        return values

    return scales


def _unequal(cv: float, count: int) -> Scales:
    return lambda rng: cv * np.exp(0.7 * rng.normal(size=count))


def _heavy_population(rng: np.random.Generator) -> NDArray[np.float64]:
    """Scatter of single runs: mostly half a percent, in a tenth of the entries three percent."""
    return np.where(rng.uniform(size=6) < 0.1, 0.03, rng.choice([0.001, 0.003, 0.006], 6))


def table_cells() -> list[TableCell]:
    """Return all kinds of tables."""
    ties = (0.0,) * 8
    steps = tuple(float(i // 2) * 0.03 for i in range(8))
    kinds = []
    for n in (3, 5):
        kinds += [
            TableCell(name=f"ties, n = {n}", truth=ties, scales=_same(0.007, 8), n=(n,) * 8),
            TableCell(
                name=f"pairs of ties, steps of 3 %, n = {n}",
                truth=steps,
                scales=_same(0.007, 8),
                n=(n,) * 8,
            ),
            TableCell(
                name=f"ties, unequal scatter, n = {n}",
                truth=ties,
                scales=_unequal(0.007, 8),
                n=(n,) * 8,
            ),
            TableCell(
                name=f"ties, one noisy entry (3 times), n = {n}",
                truth=ties,
                scales=_one_noisy(0.007, 8, 3.0),
                n=(n,) * 8,
            ),
            TableCell(
                name=f"ties, one noisy entry (10 times), n = {n}",
                truth=ties,
                scales=_one_noisy(0.007, 8, 10.0),
                n=(n,) * 8,
            ),
        ]
    kinds += [
        TableCell(
            name="single runs, ties, CV 1 %, nothing shows scatter",
            truth=(0.0,) * 6,
            scales=_same(0.01, 6),
            n=(1,) * 6,
        ),
        TableCell(
            name="single runs with pairs, ties, CV 1 %",
            truth=(0.0,) * 6,
            scales=_same(0.01, 6),
            n=(1,) * 6,
            pairs=True,
        ),
        TableCell(
            name="single runs with pairs, ties, scatter of a mixed population",
            truth=(0.0,) * 6,
            scales=_heavy_population,
            n=(1,) * 6,
            pairs=True,
        ),
        TableCell(
            name="single runs with pairs, ties, outliers in runs",
            truth=(0.0,) * 6,
            scales=_same(0.004, 6),
            n=(1,) * 6,
            pairs=True,
            heavy=True,
        ),
        TableCell(
            name="single runs with pairs, steps of 10 %",
            truth=tuple(0.1 * i for i in range(6)),
            scales=_same(0.004, 6),
            n=(1,) * 6,
            pairs=True,
        ),
        TableCell(
            name="borrowed scatter, borrower like its lenders",
            truth=(0.0,) * 8,
            scales=_same(0.007, 8),
            n=(1, *(5,) * 7),
        ),
        TableCell(
            name="borrowed scatter, borrower twice as noisy",
            truth=(0.0,) * 8,
            scales=_first_noisy(0.007, 8, 2.0),
            n=(1, *(5,) * 7),
        ),
        TableCell(
            name="borrowed scatter, two runs of a borrower five times as noisy",
            truth=(0.0,) * 8,
            scales=_first_noisy(0.007, 8, 5.0),
            n=(2, *(5,) * 7),
        ),
    ]
    return kinds


def thousand() -> TableCell:
    """Return the table of 1,000 entries: 500 pairs of ties in steps of 0.2 %."""
    truth = tuple(float(i // 2) * 0.002 for i in range(1000))
    return TableCell(
        name="1,000 entries in pairs of ties, n = 3",
        truth=truth,
        scales=_same(0.007, 1000),
        n=(3,) * 1000,
    )
