"""A training result decomposed into energy per step, and steps to the target.

Energy to a target is what a step costs times how many steps it took. The first belongs to the
system and scatters little; the second is the luck of convergence. MLPerf normalises the second by
its reference runs, and so do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.formats.reference.convergence import against_reference
from harness.scoring.repeated_runs import energy_per_amount
from harness.scoring.run_scatter import ScatterEvidence
from harness.uncertainty.budget import Budget
from harness.uncertainty.estimate import Estimate, OutputQuantity

COUNTED = {"samples_count": "sample", "epoch_num": "epoch", "step_num": "step"}
"""What one count is, by the name of the counter in the logs."""


@dataclass(frozen=True, slots=True)
class Training:
    """A training result, decomposed.

    Attributes:
        counts: What the log counts, such as samples_count or epoch_num.
        steps: Mean of the counts at the target.
        steps_cv: Coefficient of variation of the counts.
        energy_cv: Coefficient of variation of the energy per step.
        energy_per_step: Energy per count [J].
        reference_steps: Count that the reference needs by its convergence point, else mean count
            times scaling factor; ``None`` where neither is known.
        energy_at_reference: Energy per step times reference steps [J]; ``None`` likewise.
    """

    counts: str
    steps: float
    steps_cv: float
    energy_cv: float
    energy_per_step: Estimate
    reference_steps: float | None
    energy_at_reference: Estimate | None


@dataclass(frozen=True, slots=True)
class StepCounts:
    """What the logs of all runs counted at the target.

    Attributes:
        name: Name of the counter in the logs.
        values: Count of each run, shape (runs,).
    """

    name: str
    values: NDArray[np.float64]

    @property
    def unit(self) -> str:
        """What one count is: a sample where the logs count samples, else named as its counter."""
        return COUNTED.get(self.name, self.name)


def step_counts(entry: Entry, runs: Sequence[RunEnergy]) -> StepCounts | None:
    """Return what the logs of a training result count; ``None`` where they do not agree."""
    progress = [run.run.evidence.progress for run in runs]
    names = {str(item[0]) for item in progress if item}
    if entry.task != "training" or len(names) != 1 or not all(progress):
        return None
    values = np.array([float(item[1]) for item in progress if item])
    return StepCounts(names.pop(), values) if values.min() > 0 else None


def energy_per_step(
    runs: Sequence[RunEnergy], budget: Budget, counts: StepCounts
) -> OutputQuantity:
    """Return the energy per step, as a quantity of the budget."""
    amounts = counts.values.tolist()
    return energy_per_amount(f"J/{counts.unit}", runs, budget, amounts, ScatterEvidence())


def energy_at_reference(
    entry: Entry, counts: StepCounts, per_step: OutputQuantity
) -> OutputQuantity | None:
    """Return the energy at the count that the reference needs; ``None`` where that is not known."""
    steps = _reference_steps(entry, counts)
    return None if steps is None else replace(per_step, unit="J", factor=per_step.factor * steps)


def _reference_steps(entry: Entry, counts: StepCounts) -> float | None:
    reference = against_reference(entry, entry.round)
    if reference is not None:
        return reference[0].mean
    if entry.scaling_factor is None:
        return None
    return float(counts.values.mean()) * entry.scaling_factor


def decompose_training(
    entry: Entry,
    runs: Sequence[RunEnergy],
    counts: StepCounts,
    per_step: Estimate,
    at_reference: Estimate | None,
) -> Training:
    """Return a training result decomposed, from the estimates of its quantities."""
    energies = np.array([run.energy_j or 0.0 for run in runs])
    return Training(
        counts=counts.name,
        steps=float(counts.values.mean()),
        steps_cv=_coefficient_of_variation(counts.values),
        energy_cv=_coefficient_of_variation(energies / counts.values),
        energy_per_step=per_step,
        reference_steps=_reference_steps(entry, counts),
        energy_at_reference=at_reference,
    )


def _coefficient_of_variation(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 else 0.0
