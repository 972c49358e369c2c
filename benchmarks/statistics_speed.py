"""Time one result against the random numbers it needs, and a ranking of 1,000 entries."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.table import Row, compare
from harness.formats.base import Entry, Run, Work
from harness.ranking.rank_sets import Contender, rank
from harness.scoring.score import score
from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Trace, Window
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy, UncertaintyComponent
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import DRAWS
from harness.uncertainty.random_draws import clear_draws

NS = 1_000_000_000


def rows(pairs: int) -> Iterator[Row]:
    """Score of one result, and the growth of a ranking."""
    entry = one_entry()
    yield compare(
        "one result, 5 runs of 600 readings",
        lambda: score(entry),
        "bare draws of its 3 terms",
        bare_draws,
        pairs=pairs,
        bar=3,
        before=clear_draws,
    )
    yield compare(
        "the same",
        lambda: score(entry),
        "50 ms",
        lambda: time.sleep(0.05),
        pairs=pairs,
        bar=1,
        before=clear_draws,
    )
    thousand, hundred = (contenders(count) for count in (1000, 100))
    yield compare(
        "ranking of 1,000 entries",
        lambda: rank(thousand),
        "5 s",
        lambda: time.sleep(5),
        pairs=1,
        bar=1,
    )
    yield compare(
        "the same", lambda: rank(thousand), "ranking of 100", lambda: rank(hundred), pairs=3
    )
    tracemalloc.start()
    rank(thousand)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    yield Row("peak memory of it", peak, "1 GB", 1e9, (peak / 1e9,), 1, unit="B")


def one_entry() -> Entry:
    """A result of five runs of 600 readings, an analyzer with gain and offset."""
    rng = np.random.default_rng(1)
    accuracy = Accuracy(reading_limit_pct=0.1, range_limit_w=1.0, source="bench")
    channel = Channel(
        id="total",
        kind="mean",
        boundary="wall",
        meter="yokogawa-wt310e",
        calibration_id="m",
        accuracy=accuracy,
        nominal_interval_s=1.0,
        clock="c",
        clock_error_s=0.01,
    )
    runs = []
    for number in range(5):
        start = 1_700_000_000 * NS + number * 10_000 * NS
        t_ns = start + np.arange(-10, 611, dtype=np.int64) * NS
        trace = Trace(channel, t_ns, rng.normal(500 + number, 20, len(t_ns)))
        window = Window(start, start + 600 * NS)
        runs.append(
            Run(
                id=f"run_{number}",
                window=window,
                traces=(trace,),
                work=Work(1e6, "query"),
                seconds=600.0,
            )
        )
    return Entry(
        id="bench",
        directory=Path(),
        format="joulemark",
        round="",
        task="inference",
        submitter="",
        system="",
        benchmark="bench",
        scenario="Offline",
        runs=tuple(runs),
    )


def bare_draws() -> None:
    """Uniform for gain and offset, Student for the runs: what the estimate of this result draws."""
    generator = np.random.Generator(np.random.SFC64(1))
    generator.random(DRAWS)
    generator.random(DRAWS)
    generator.standard_t(4, DRAWS)


def contenders(count: int) -> list[Contender]:
    """Entries of one table: 40 meters, five runs each, spread over a factor of two."""
    rng = np.random.default_rng(2)
    found = []
    for number in range(count):
        value = 100 * float(np.exp(0.2 * rng.normal()))
        meter = MeteredEnergy(f"meter {number % 40}", value, 0.005, 0.1)
        runs = BetweenRunScatter(value * 0.007 / math.sqrt(5), 4)
        budget = Budget(
            f"entry {number}", (meter,), (UncertaintyComponent.symmetric("edge", 0.05),), runs
        )
        estimate = Estimate(value, value, value, "J/query")
        found.append(Contender(estimate, budget, float(rng.normal()), float(rng.normal())))
    return found
