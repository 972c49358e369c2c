"""Training taken apart: energy per step, and steps to the target (method, section 4).

Energy to a target is what a step costs times how many steps it took. The first belongs to the system and scatters
little; the second is the luck of convergence. MLPerf normalises the second by its reference runs: so do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.formats.base import Entry
from harness.repeats import ratio
from harness.runs import RunEnergy
from harness.uncertainty import DRAWS, LEVEL, SEED, Budget, Estimate, estimates


@dataclass(frozen=True, slots=True)
class Training:
    """A training result taken apart.

    counts: what the log counts, as samples_count or epoch_num
    steps: mean of the counts at the target; steps_cv, energy_cv: scatter of counts and of energy per step, relative
    energy_per_step: [J per count]
    reference_steps: mean count that the reference needs, from the scaling factor; steps where none was given
    energy_at_reference: energy per step times reference steps [J]
    """

    counts: str
    steps: float
    steps_cv: float
    energy_cv: float
    energy_per_step: Estimate
    reference_steps: float
    energy_at_reference: Estimate


def training(
    entry: Entry,
    runs: Sequence[RunEnergy],
    budget: Budget | None,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Training | None:
    """A training result taken apart; None where its logs do not all count the same thing."""
    said = [run.run.facts.get("progress") for run in runs]
    names = {str(item[0]) for item in said if item}
    if entry.task != "training" or budget is None or len(names) != 1 or not all(said):
        return None
    counts = np.array([float(item[1]) for item in said if item])
    if counts.min() <= 0:
        return None
    (name,) = names
    view = ratio(f"J/{name}", runs, budget, counts.tolist())
    reference = float(counts.mean()) * (entry.scaling_factor or 1.0)
    at_reference = replace(view, unit="J", factor=view.factor * reference)
    per_step, whole = estimates(budget, [view, at_reference], level=level, seed=seed, draws=draws)
    energies = np.array([run.energy_j or 0.0 for run in runs])
    return Training(
        counts=name,
        steps=float(counts.mean()),
        steps_cv=_cv(counts),
        energy_cv=_cv(energies / counts),
        energy_per_step=per_step,
        reference_steps=reference,
        energy_at_reference=whole,
    )


def _cv(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 else 0.0
