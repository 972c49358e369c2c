"""Who is better, who is tied: ranks from intervals, and shares of joint draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.uncertainty import SEED, Budget, Estimate, draw

DRAWS = 20_000
"""Joint draws of a table: memory is entries times draws times 8 bytes."""


@dataclass(frozen=True, slots=True)
class Rank:
    """Place of one entry in its table.

    low, high: best and worst rank that its interval allows; entries whose intervals overlap share ranks
    p_first: share of joint draws in which it needs the least energy
    pareto: share of joint draws in which no other entry is at least as good in all of energy, performance, quality
    """

    low: int
    high: int
    p_first: float
    pareto: float


@dataclass(frozen=True, slots=True)
class Contender:
    """What ranking needs of an entry: its estimate and budget (lower is better), and goodness (higher is better).

    performance, quality: signed so that higher is better; None where unknown, which never dominates
    """

    estimate: Estimate
    budget: Budget
    performance: float | None = None
    quality: float | None = None


def rank(contenders: Sequence[Contender], *, seed: int = SEED, draws: int = DRAWS) -> list[Rank]:
    """Ranks of the contenders of one table, in the order given; the result does not depend on that order."""
    if not contenders:
        return []
    low = np.array([c.estimate.low for c in contenders], float)
    high = np.array([c.estimate.high for c in contenders], float)
    better = np.searchsorted(np.sort(high), low, "left")  # entries that end before this one begins
    worse = len(contenders) - np.searchsorted(np.sort(low), high, "right")
    joint = np.stack([draw(c.budget, seed=seed, draws=draws) for c in contenders])
    first = joint == joint.min(axis=0)
    p_first = (first / first.sum(axis=0)).mean(axis=1)
    pareto = [_undominated(joint, contenders, i) for i in range(len(contenders))]
    return [
        Rank(int(b) + 1, len(contenders) - int(w), float(p), share)
        for b, w, p, share in zip(better, worse, p_first, pareto, strict=True)
    ]


def _undominated(joint: np.ndarray, contenders: Sequence[Contender], i: int) -> float:
    """Share of draws in which nobody that is as good in performance and quality needs less energy."""
    rivals = [j for j, other in enumerate(contenders) if j != i and _as_good(other, contenders[i])]
    if not rivals:
        return 1.0
    return float((joint[rivals].min(axis=0) >= joint[i]).mean())


def _as_good(one: Contender, other: Contender) -> bool:
    pairs = ((one.performance, other.performance), (one.quality, other.quality))
    return all(b is None or (a is not None and a >= b) for a, b in pairs)
