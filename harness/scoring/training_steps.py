"""Training taken apart: energy per step, and steps to the target (method, section 4).

Energy to a target is what a step costs times how many steps it took. The first belongs to the system and scatters
little; the second is the luck of convergence. MLPerf normalises the second by its reference runs: so do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.formats.reference.convergence import against_reference
from harness.scoring.repeated_runs import ratio
from harness.uncertainty.budget import Budget
from harness.uncertainty.estimate import Estimate, OutputQuantity


@dataclass(frozen=True, slots=True)
class Training:
    """A training result taken apart.

    counts: what the log counts, as samples_count or epoch_num
    steps: mean of the counts at the target; steps_cv, energy_cv: scatter of counts and of energy per step, relative
    energy_per_step: [J per count]
    reference_steps: count that the reference needs, by its convergence point; else mean count times scaling factor
    energy_at_reference: energy per step times reference steps [J]; both None where neither is there
    """

    counts: str
    steps: float
    steps_cv: float
    energy_cv: float
    energy_per_step: Estimate
    reference_steps: float | None
    energy_at_reference: Estimate | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What the logs of all runs counted at the target, under one name."""

    name: str
    steps: np.ndarray


def progress(entry: Entry, runs: Sequence[RunEnergy]) -> Counted | None:
    """What the logs of a training result count; None where they do not all count the same thing."""
    said = [run.run.evidence.progress for run in runs]
    names = {str(item[0]) for item in said if item}
    if entry.task != "training" or len(names) != 1 or not all(said):
        return None
    steps = np.array([float(item[1]) for item in said if item])
    return Counted(names.pop(), steps) if steps.min() > 0 else None


def views(
    entry: Entry, runs: Sequence[RunEnergy], budget: Budget, counted: Counted | None
) -> list[OutputQuantity]:
    """Energy per step, and energy at the reference count: both from the draws of the budget."""
    if counted is None:
        return []
    per_step = ratio(f"J/{counted.name}", runs, budget, counted.steps.tolist())
    needed = _reference(entry, counted)
    at_reference = (
        [] if needed is None else [replace(per_step, unit="J", factor=per_step.factor * needed)]
    )
    return [per_step, *at_reference]


def _reference(entry: Entry, counted: Counted) -> float | None:
    found = against_reference(entry, entry.round)
    if found is not None:
        return found[0].mean
    return (
        None if entry.scaling_factor is None else float(counted.steps.mean()) * entry.scaling_factor
    )


def training(
    entry: Entry,
    runs: Sequence[RunEnergy],
    counted: Counted,
    per_step: Estimate,
    at_reference: Estimate | None,
) -> Training:
    """A training result taken apart, from the estimates of `views`."""
    energies = np.array([run.energy_j or 0.0 for run in runs])
    return Training(
        counts=counted.name,
        steps=float(counted.steps.mean()),
        steps_cv=_cv(counted.steps),
        energy_cv=_cv(energies / counted.steps),
        energy_per_step=per_step,
        reference_steps=_reference(entry, counted),
        energy_at_reference=at_reference,
    )


def _cv(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / values.mean()) if len(values) > 1 else 0.0
