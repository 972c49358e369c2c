"""Coverage laboratory: do the intervals hold the truth as often as they say, and are they no wider
than they must be?

`python -m benchmarks.coverage` prints the tables of docs/explanation/coverage.md. Windows are
played by the lab simulator: square steps, AR(1) noise, drift, jittered stamps, a clock error;
each is read by an averaging or an instant meter. An experiment takes n of them, scales each by
the scatter between runs, and passes all through one meter with a gain and an offset. The truth
is the mean over all windows. Beside ours stand what others use: Student's t on the runs, the BCa
bootstrap, and the two closed forms of JCGM 100.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from lab_simulator import simulate_window
from numpy.typing import NDArray
from scipy import stats

from harness.energy.components import clock_slopes
from harness.energy.integrate import energy
from harness.ranking.rank_sets import Contender, different_pairs
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Window
from harness.uncertainty.budget import (
    BetweenRunScatter,
    Budget,
    MeteredEnergy,
    UncertaintyComponent,
    combine,
    coverage_factor,
)
from harness.uncertainty.estimate import Estimate, estimate

Floats = NDArray[np.float64]
Kind = Literal["mean", "instant"]
GAIN, OFFSET_W, CLOCK_S, JITTER_S = 0.005, 0.3, 0.005, 0.01
"""Limits of the simulated meter: 0.5 % of reading, 0.3 W; standard error of its clock, jitter of
its stamps [s]."""
SEED = 20210410


@dataclass(frozen=True)
class Windows:
    """Simulated windows of one kind and length: true and read energy [J], and the terms of their
    budgets [J]."""

    seconds: float
    true_j: Floats
    read_j: Floats
    own_u_j: Floats
    clock_j: Floats


def play(kind: Kind, seconds: float, count: int, seed: int = SEED) -> Windows:
    """`count` windows read by a meter without gain and offset error."""
    channel = Channel(
        id="m",
        kind=kind,
        boundary="wall",
        calibration_id="m",
        nominal_interval_s=1.0,
        accuracy=Accuracy(reading_limit_pct=0.0, source="laboratory"),
    )
    rows = []
    for number in range(count):
        recording, truth = simulate_window(
            kind, seed=seed + number, duration_s=seconds, jitter_s=JITTER_S, clock_sigma_s=CLOCK_S
        )
        trace = build_trace(channel, recording.t_ns, recording.value)
        found = energy(trace, Window(truth.t0_ns, truth.t1_ns))
        assert found is not None
        own = math.hypot(found.u_edge_j, found.u_sampling_j, found.u_quantisation_j)
        up, down = clock_slopes(found, CLOCK_S)
        rows.append((truth.energy_j, found.energy_j, own, (up + down) / 2 * CLOCK_S))
    true_j, read_j, own_u_j, clock_j = np.array(rows).T
    return Windows(seconds, true_j, read_j, own_u_j, clock_j)


@dataclass(frozen=True)
class Cell:
    """One setting: kind of meter, length of a run [s], runs, scatter between runs (CV), lumpy
    convergence or not."""

    kind: Kind
    seconds: float
    n: int
    cv: float
    lumpy: bool = False


@dataclass(frozen=True)
class Score:
    """Share of experiments whose interval held the truth, and mean width relative to the truth."""

    method: str
    coverage: float
    width: float


def scatter(rng: np.random.Generator, shape: tuple[int, ...], cell: Cell) -> Floats:
    """Factors of mean 1 and the cell's CV: log-normal, or the few steps in which a training run
    converges."""
    if not cell.lumpy:
        sigma = math.sqrt(math.log1p(cell.cv**2))
        return rng.lognormal(-(sigma**2) / 2, sigma, shape)
    steps = rng.choice([-1.0, 0.0, 1.0, 4.0], size=shape, p=[0.35, 0.4, 0.2, 0.05])
    mean, deviation = 0.05, math.sqrt(0.35 + 0.2 + 0.05 * 16 - 0.05**2)
    return 1 + cell.cv * (steps - mean) / deviation


def experiments(
    cell: Cell, windows: Windows, count: int, seed: int
) -> Iterator[tuple[Floats, Budget]]:
    """Measured energies of the runs [J] and the budget of their mean, `count` times; relative to
    a truth of 1."""
    rng = np.random.default_rng(
        [seed, int(cell.seconds), cell.n, round(cell.cv * 1e4), cell.lumpy, len(cell.kind)]
    )
    truth = float(windows.true_j.mean())
    for number in range(count):
        chosen = rng.integers(0, len(windows.true_j), cell.n)
        factor = scatter(rng, (cell.n,), cell)
        gain, offset = rng.uniform(-GAIN, GAIN), rng.uniform(-OFFSET_W, OFFSET_W) * windows.seconds
        runs = (windows.read_j[chosen] * factor * (1 + gain) + offset) / truth
        clock = float(windows.clock_j[chosen].mean()) / truth
        meter = MeteredEnergy(
            f"meter {number}", float(runs.mean()), GAIN, OFFSET_W * windows.seconds / truth
        )
        spread = BetweenRunScatter(float(runs.std(ddof=1)) / math.sqrt(cell.n), cell.n - 1)
        yield (
            runs,
            Budget(
                f"experiment {number}",
                (meter,),
                (UncertaintyComponent("clock", clock, clock),),
                spread,
            ),
        )


def student(runs: Floats, budget: Budget) -> tuple[float, float]:  # noqa: ARG001
    half = stats.t.ppf(0.975, len(runs) - 1) * runs.std(ddof=1) / math.sqrt(len(runs))
    return float(runs.mean() - half), float(runs.mean() + half)


def bca(runs: Floats, budget: Budget) -> tuple[float, float]:  # noqa: ARG001
    with np.errstate(all="ignore"):
        found = stats.bootstrap(
            (runs,), np.mean, n_resamples=999, method="BCa", rng=0, vectorized=True
        )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def gum_k2(runs: Floats, budget: Budget) -> tuple[float, float]:  # noqa: ARG001
    u, _ = combine(budget)
    return budget.value - 2 * u, budget.value + 2 * u


def gum_ws(runs: Floats, budget: Budget) -> tuple[float, float]:  # noqa: ARG001
    u, nu = combine(budget)
    k = coverage_factor(0.95, math.floor(nu) if math.isfinite(nu) else nu)
    return budget.value - k * u, budget.value + k * u


def ours(runs: Floats, budget: Budget) -> tuple[float, float]:  # noqa: ARG001
    found = estimate(budget, "1", draws=20_000)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


METHODS: dict[str, Callable[[Floats, Budget], tuple[float, float]]] = {
    "t": student,
    "BCa": bca,
    "GUM k=2": gum_k2,
    "GUM W-S": gum_ws,
    "joulemark": ours,
}


def cover(
    cell: Cell,
    windows: Windows,
    count: int,
    seed: int = SEED,
    methods: tuple[str, ...] = tuple(METHODS),
) -> list[Score]:
    """Coverage and mean width of each method over `count` experiments of a cell; nominal 95 %."""
    held, width = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0.0)
    for runs, budget in experiments(cell, windows, count, seed):
        for method in methods:
            low, high = METHODS[method](runs, budget)
            held[method] += low <= 1.0 <= high
            width[method] += high - low
    return [Score(method, held[method] / count, width[method] / count) for method in methods]


@dataclass(frozen=True)
class Orders:
    """What ranking does to tables of known order: share with a false order, share of true orders
    found."""

    false: float
    found: float


RANK_CV, RANK_METER, STEP = 0.007, 0.005, 0.016
"""Scatter between runs, limit of each meter's gain, and relative step between neighbouring pairs
of tied entries."""


def tables(
    n: int, *, shared: bool, count: int, seed: int = SEED
) -> Iterator[tuple[Floats, Floats]]:
    """Logarithms of ten entries' runs, shape (10, n), and their true values: five pairs of exact
    ties."""
    rng = np.random.default_rng([seed, n, shared])
    truth = np.repeat(np.arange(5) * STEP, 2)
    for _ in range(count):
        gain = rng.uniform(-RANK_METER, RANK_METER, 1 if shared else 10) * np.ones(10)
        yield (truth + gain)[:, None] + RANK_CV * rng.standard_normal((10, n)), truth


def order(
    n: int, *, shared: bool, count: int, method: Literal["joulemark", "pairwise t"]
) -> Orders:
    """False and true orders over `count` tables of ten entries with n runs each, own meters or
    one shared."""
    false, found = 0, 0.0
    better = np.triu(np.ones((10, 10), bool), 1)
    for number, (runs, truth) in enumerate(tables(n, shared=shared, count=count)):
        differ = _ranked(runs, shared, number) if method == "joulemark" else _pairwise(runs)
        right = better & (truth[None, :] > truth[:, None])
        lower = runs.mean(axis=1)[:, None] < runs.mean(axis=1)[None, :]
        false += bool((differ & better & (~right | ~lower)).any())
        found += float((differ & right & lower).sum() / right.sum())
    return Orders(false / count, found / count)


def _ranked(runs: Floats, shared: bool, number: int) -> NDArray[np.bool_]:
    """Pairs that ranking tells apart, from its own error draws."""
    n = runs.shape[1]
    entries = []
    for i, (mean, sd) in enumerate(zip(runs.mean(axis=1), runs.std(axis=1, ddof=1), strict=True)):
        value = math.exp(float(mean))
        meter = MeteredEnergy(f"{number}" if shared else f"{number}.{i}", value, RANK_METER)
        budget = Budget(
            f"{number}.{i}",
            (meter,),
            (),
            BetweenRunScatter(float(sd) / math.sqrt(n), n - 1, log=True),
        )
        entries.append(Contender(Estimate(value, value, value, "J"), budget))
    return different_pairs(entries)


def _pairwise(runs: Floats) -> NDArray[np.bool_]:
    """Pairs that differ by Student's t, each pair on its own."""
    n = runs.shape[1]
    mean, variance = runs.mean(axis=1), runs.var(axis=1, ddof=1) / n
    apart = np.abs(mean[:, None] - mean[None, :])
    return apart > stats.t.ppf(0.975, 2 * n - 2) * np.sqrt(variance[:, None] + variance[None, :])


def ratios(n: int, count: int, seed: int = SEED) -> dict[str, float]:
    """Coverage of energy per unit where energy follows the work done: log-t on ratios beside a
    quotient of means.

    Work varies by 20 % between runs, energy per unit by 2 %, the meter by its limits.
    """
    rng = np.random.default_rng([seed, n])
    held = {"joulemark": 0, "quotient of means": 0}
    for number in range(count):
        work = rng.lognormal(0.0, 0.2, n)
        gain = rng.uniform(-GAIN, GAIN)
        energies = work * rng.lognormal(-0.0002, 0.02, n) * (1 + gain)
        logs = np.log(energies / work)
        value = float(np.exp(logs.mean()))
        spread = BetweenRunScatter(float(logs.std(ddof=1)) / math.sqrt(n), n - 1, log=True)
        low, high = ours(
            logs,
            Budget(f"ratio {number}", (MeteredEnergy(f"meter {number}", value, GAIN),), (), spread),
        )
        held["joulemark"] += low <= 1.0 <= high
        mean_e, mean_w = float(energies.mean()), float(work.mean())
        relative = math.hypot(
            float(energies.std(ddof=1)) / mean_e, float(work.std(ddof=1)) / mean_w
        ) / math.sqrt(n)
        half = stats.t.ppf(0.975, n - 1) * relative * mean_e / mean_w
        held["quotient of means"] += abs(mean_e / mean_w - 1.0) <= half
    return {method: hits / count for method, hits in held.items()}


def cells(durations: tuple[int, ...] = (60, 120, 600)) -> Iterator[Cell]:
    """All cells of the laboratory."""
    for kind, seconds, n in product(("mean", "instant"), durations, (3, 5, 10)):
        for cv in (0.003, 0.007, 0.02, 0.05):
            yield Cell(kind, seconds, n, cv)  # type: ignore[arg-type]
    for n, cv in product((3, 5, 10), (0.007, 0.05)):
        yield Cell("mean", 120, n, cv, lumpy=True)


def tables_of_ranks(count: int) -> None:
    """Print the table of orders."""
    print(f"Ten entries in five exact ties, steps of {STEP:.1%}, {count} tables a row\n")
    print(
        "| meters | n | false orders, pairwise t | false orders, joulemark | true orders found,"
        " joulemark |"
    )
    print("|---|---|---|---|---|")
    for shared, n in product((False, True), (3, 5, 10)):
        other = order(n, shared=shared, count=count, method="pairwise t")
        found = order(n, shared=shared, count=count, method="joulemark")
        meters = "one shared" if shared else "own"
        print(
            f"| {meters} | {n} | {other.false:.1%} | {found.false:.1%} | {found.found:.1%} |",
            flush=True,
        )
    print()


def table_of_ratios(count: int) -> None:
    """Print the table of ratios."""
    print(f"Energy per unit, work varies by 20 %, {count} experiments a row\n")
    print("| n | joulemark: log-t on ratios | quotient of means, covariance ignored |")
    print("|---|---|---|")
    for n in (3, 5, 10):
        found = ratios(n, count)
        print(f"| {n} | {found['joulemark']:.1%} | {found['quotient of means']:.1%} |", flush=True)
    print()


def main() -> None:
    """Print the coverage table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=2000)
    parser.add_argument("--windows", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    played: dict[tuple[Kind, float], Windows] = {}
    tables_of_ranks(options.experiments // 2)
    table_of_ratios(options.experiments * 2)
    print("| meter | run | n | CV | scatter |", " | ".join(f"{m} (width)" for m in METHODS), "|")
    print("|---" * (5 + len(METHODS)) + "|")
    for cell in cells():
        place = (cell.kind, cell.seconds)
        if place not in played:
            played[place] = play(*place, options.windows, options.seed)
        scores = cover(cell, played[place], options.experiments, options.seed)
        texts = " | ".join(f"{s.coverage:.1%} ({s.width:.2%})" for s in scores)
        shape = "lumpy" if cell.lumpy else "smooth"
        print(
            f"| {cell.kind} | {cell.seconds:g} s | {cell.n} | {cell.cv:.1%} | {shape} | {texts} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
