"""Scatter between runs: shown by the runs themselves, by a ranging run, borrowed, or unknown.

1. Three runs or more show their own scatter.
2. Two runs show it with one degree of freedom. Where at least five other results of the table lend
   theirs, both are combined, unless the two runs disagree with the lenders: then their own counts.
3. One timed run of MLPerf inference has the ranging run as a repeat. Their difference updates what
   published pairs show (`repeat_prior`).
4. Any other single run borrows the scatter of at least five other results of its table, or has
   none: it is then not ranked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.energy.run import RunEnergy, run_energy
from harness.formats.base import Entry, Run, Work
from harness.formats.mlperf.loadgen_log import scenario_of, work
from harness.scoring.repeat_prior import repeat_prior
from harness.uncertainty.components import BetweenRunScatter
from harness.uncertainty.moderated_variance import fit_prior

MIN_LENDERS = 5
"""Results that must show their scatter before another one may borrow it."""
MIN_LENDER_RUNS = 3
"""Runs that a result needs to lend its scatter."""
DISAGREEMENT_LEVEL = 0.5
"""Two runs disagree with their lenders where chance gives a smaller variance this often."""
MAX_WINDOW_RATIO = 2.0
"""Ranging and timed run count as repeats where neither is longer than this times the other."""
CV_LEVEL = 0.6827
"""Level at which half the interval of a normal scatter is its standard deviation."""


@dataclass(frozen=True, slots=True)
class PooledScatter:
    """Scatter between runs of other results, for a result with too few runs of its own.

    Attributes:
        variance: Variance of the logarithm of a run's energy.
        dof: Its degrees of freedom.
        lenders: Number of results it comes from.
    """

    variance: float
    dof: float
    lenders: int


@dataclass(frozen=True, slots=True)
class ScatterEvidence:
    """What shows the scatter of an entry besides its own runs.

    Attributes:
        borrowed: Scatter of other results of its table.
        pair_difference: ln(energy per unit, ranging run over timed run).
    """

    borrowed: PooledScatter | None = None
    pair_difference: float | None = None


@dataclass(frozen=True, slots=True)
class ScatterSummary:
    """Scatter between runs of a result, as it is printed.

    Attributes:
        source: What shows it.
        n: Runs that show it; with borrowed or unknown scatter the runs of the result.
        cv: Coefficient of variation of a run; for heavy tails half of the 68 % interval.
    """

    source: Literal["own runs", "ranging pair", "borrowed", "unknown"]
    n: int
    cv: float | None


def pooled_scatter(variances: Iterable[tuple[float, int]]) -> PooledScatter | None:
    """Return the scatter between runs that lenders have in common; ``None`` from too few.

    A borrower is one more draw from their population. It is not known better than the number of
    lenders allows.

    Args:
        variances: Variance of ln(energy of a run) of each lender, and the number of its runs. Their
            order does not matter, not even for the last digit.
    """
    variances = sorted(variances)
    if len(variances) < MIN_LENDERS:
        return None
    prior = fit_prior([variance for variance, _ in variances], [n - 1 for _, n in variances])
    return PooledScatter(prior.variance, min(prior.dof, len(variances) - 1), len(variances))


def scatter_of_mean(logs: Sequence[float], evidence: ScatterEvidence) -> BetweenRunScatter | None:
    """Return the scatter of a mean of runs on the logarithmic scale; ``None`` where it is unknown.

    Args:
        logs: ln(energy per unit of work) of each run.
        evidence: What shows the scatter besides the runs.
    """
    n = len(logs)
    if n == 1:
        return _scatter_of_one(evidence)
    variance = float(np.var(logs, ddof=1))
    borrowed = evidence.borrowed
    if n > 2 or borrowed is None or _disagrees(variance, borrowed):
        return BetweenRunScatter(math.sqrt(variance / n), n - 1, log=True, n=n)
    combined = (borrowed.dof * borrowed.variance + variance) / (borrowed.dof + 1)
    scale = math.sqrt(combined / n)
    return BetweenRunScatter(scale, borrowed.dof + 1, log=True, n=n, source="borrowed")


def _scatter_of_one(evidence: ScatterEvidence) -> BetweenRunScatter | None:
    if evidence.pair_difference is not None:
        mixture = repeat_prior().updated(evidence.pair_difference)
        return BetweenRunScatter(
            1.0, math.inf, log=True, n=1, source="ranging pair", mixture=mixture
        )
    if evidence.borrowed is not None:
        scale = math.sqrt(evidence.borrowed.variance)
        return BetweenRunScatter(scale, evidence.borrowed.dof, log=True, n=1, source="borrowed")
    return None


def _disagrees(variance: float, borrowed: PooledScatter) -> bool:
    """Whether two runs scatter more than the lenders explain (F test with 1 and dof degrees)."""
    if borrowed.variance <= 0:
        return variance > 0
    from scipy import special

    ratio = variance / borrowed.variance
    return float(special.fdtr(1, borrowed.dof, ratio)) > DISAGREEMENT_LEVEL


def summary(scatter: BetweenRunScatter | None, n: int, mean: float) -> ScatterSummary | None:
    """Return the scatter between runs as it is printed; ``None`` without a run.

    Args:
        scatter: Scatter of the mean of the runs; ``None`` where it is unknown.
        n: Number of runs.
        mean: Their mean, in the unit of a scatter that is not a factor.
    """
    if not n:
        return None
    if scatter is None:
        return ScatterSummary("unknown", n, None)
    if scatter.mixture is not None:
        cv = scatter.scale * scatter.mixture.half_width(CV_LEVEL)
        return ScatterSummary(scatter.source, 2, cv)
    spread = scatter.scale * math.sqrt(n)
    if scatter.log:
        return ScatterSummary(scatter.source, n, spread)
    return ScatterSummary(scatter.source, n, spread / mean if mean > 0 else None)


# The ranging run


def pair_difference(entry: Entry, timed: RunEnergy) -> float | None:
    """Return ln(energy per unit, ranging run over timed run); ``None`` where they are no repeats.

    The ranging run's meter is on automatic range, and its error is larger. The difference contains
    that error, and all of it counts as scatter, as it does in the published pairs.

    Args:
        entry: An entry of MLPerf inference.
        timed: Its timed run.
    """
    ranging = entry.ranging
    if ranging is None or not _is_repeat(ranging, timed.run):
        return None
    energy_j = run_energy(entry, ranging).energy_j
    if not energy_j or not timed.energy_j or energy_j <= 0 or timed.energy_j <= 0:
        return None
    ranging_work, timed_work = _logged_work(ranging), _logged_work(timed.run)
    if ranging_work is None or timed_work is None or ranging_work.unit != timed_work.unit:
        return None
    if ranging_work.count <= 0 or timed_work.count <= 0:
        return None
    ratio = energy_j / ranging_work.count / (timed.energy_j / timed_work.count)
    return math.log(ratio) if 0 < ratio < math.inf else None


def _logged_work(run: Run) -> Work | None:
    """Return the work of a run in the scenario that LoadGen ran.

    A result may be inferred from a run of another scenario: its work then counts other units.
    """
    values = run.evidence.loadgen
    if not values:
        return run.work
    seconds = None if run.window is None else run.window.seconds
    return work(dict(values), scenario_of(dict(values), ""), seconds) or run.work


def _is_repeat(ranging: Run, timed: Run) -> bool:
    """Whether a ranging run did the same work at another time."""
    if ranging.success is False or ranging.window is None or timed.window is None:
        return False
    lengths = ranging.window.seconds, timed.window.seconds
    if min(lengths) <= 0 or max(lengths) > MAX_WINDOW_RATIO * min(lengths):
        return False
    disjoint = (
        ranging.window.stop_ns <= timed.window.start_ns
        or timed.window.stop_ns <= ranging.window.start_ns
    )
    hashes = [{trace.content_sha256 for trace in run.outer} for run in (ranging, timed)]
    return disjoint and not hashes[0] & hashes[1]
