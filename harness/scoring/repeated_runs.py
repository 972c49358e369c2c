"""Several runs of one entry: which of them count, the budget of their mean, and their scatter.

What differs from run to run shows in the scatter of the runs. What is the same in every run (a
meter's gain, a rated part) carries a correlation key and stays in the budget of the mean.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.core.timestamps import NS
from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.scoring.run_scatter import ScatterEvidence, scatter_of_mean
from harness.traces.instruments import instruments
from harness.traces.trace import Window
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy, UncertaintyComponent
from harness.uncertainty.estimate import OutputQuantity

SYSTEMATIC = frozenset(["window edges", "gaps", "quantisation"])
"""Errors of one run that repeat in every run of an entry: a rule that misjudges the edge of one run
misjudges all, and so does a filled gap or a rounded reading."""
SAMPLING = frozenset(["sampling"])
"""Errors that repeat where readings meet the load alike in every run."""
SAME_PHASE = 0.05
"""Intervals within which readings of several runs lie at the same place of their windows."""
MIN_RUNS_FOR_RANK = 5
"""Runs that a result needs to be ranked without a mark."""


@dataclass(frozen=True, slots=True)
class WorkAmounts:
    """How much work each run did.

    Attributes:
        unit: sample, query, token or run.
        counts: Count of each run; empty where a run does not state one.
    """

    unit: str
    counts: tuple[float, ...]

    @property
    def energy_unit(self) -> str:
        """Unit of the energy per unit of work."""
        return f"J/{self.unit}"


# Which runs count


def valid_runs(runs: Sequence[RunEnergy]) -> list[RunEnergy]:
    """Return the runs that count for the mean.

    They have an energy, were not aborted and are not copies of an earlier one.
    A run that missed its target trained nothing. Where all of them did, all are shown.
    """
    measured = [run for run in unique_runs(runs) if run.energy_j is not None]
    reached = [run for run in measured if run.run.success is not False]
    return reached or measured


def unique_runs(runs: Sequence[RunEnergy]) -> list[RunEnergy]:
    """Return the runs without copies, which have the window and the readings of an earlier one."""
    runs_by_window = Counter(run.run.window for run in runs)
    seen: set[tuple[Window | None, tuple[str, ...]]] = set()
    unique = []
    for run in runs:
        window = run.run.window
        hashes: tuple[str, ...] = ()
        if runs_by_window[window] > 1:  # else there is nothing to compare, and no need of a hash
            hashes = tuple(sorted(reading.trace.content_sha256 for reading in run.readings))
        if not run.readings or (window, hashes) not in seen:
            unique.append(run)
        seen.add((window, hashes))
    return unique


def work_amounts(entry: Entry, runs: Sequence[RunEnergy]) -> WorkAmounts:
    """Return the unit of the work and how much each run did."""
    works = [run.run.work for run in runs]
    default = "run" if entry.task == "training" else "sample"
    unit = works[0].unit if works and works[0] else default
    counts = [
        work.count for work in works if work is not None and work.count > 0 and work.unit == unit
    ]
    return WorkAmounts(unit, tuple(counts) if len(counts) == len(works) else ())


def expected_energy_j(run: RunEnergy) -> float:
    """Return the expected energy of a run [J]: a part rated at its most counts with its mean."""
    if run.energy_j is None:
        return 0.0
    return Budget("", run.parts, run.terms).value


# Their mean


def mean_budget(
    entry: Entry, runs: Sequence[RunEnergy], evidence: ScatterEvidence
) -> Budget | None:
    """Return the budget of the mean energy of the runs; ``None`` without a run.

    Errors with a correlation key are the same in every run: they add within the key. The others are
    new in each run, and so a part of the scatter that several runs show.

    Args:
        entry: Whose runs they are.
        runs: Runs that count.
        evidence: What shows the scatter between runs besides the runs.
    """
    if not runs:
        return None
    meters = _common_meters(entry.id, runs)
    parts = [
        replace(part, correlation_key=meters.get(part.correlation_key, part.correlation_key))
        for run in runs
        for part in run.parts
    ]
    metered = _merge_metered([part.scaled(1 / len(runs)) for part in parts])
    repeating = SYSTEMATIC | SAMPLING if _meets_load_alike(runs) else SYSTEMATIC
    components = _mean_components(entry.id, [run.terms for run in runs], repeating)
    budget = Budget(entry.id, tuple(metered), tuple(components))
    scatter = mean_scatter([expected_energy_j(run) for run in runs], evidence, budget.value)
    if scatter is not None and scatter.scale:
        components = [item for item in components if item.correlation_key is not None]
    return replace(budget, components=tuple(components), run_scatter=scatter)


def mean_scatter(
    values: Sequence[float], evidence: ScatterEvidence, mean: float
) -> BetweenRunScatter | None:
    """Return the scatter of a mean of runs, in its unit; ``None`` for one run, which is realised.

    Args:
        values: Value of each run.
        evidence: What shows the scatter between runs besides the runs.
        mean: Their mean.
    """
    n = len(values)
    if n < 2:
        return None
    if n == 2 and min(values) > 0:
        scatter = scatter_of_mean(np.log(values).tolist(), evidence)
        if scatter is not None and scatter.source == "borrowed":
            return replace(scatter, scale=scatter.scale * mean, log=False)
    standard_error = float(np.std(values, ddof=1)) / math.sqrt(n)
    return BetweenRunScatter(standard_error, n - 1, n=n)


def _common_meters(entry_id: str, runs: Sequence[RunEnergy]) -> dict[str, str]:
    """Return the correlation key of each calibration whose errors others in the same sum share.

    An analyzer has a calibration of its own. Sensors of one model have design errors in common, of
    a size that nobody states: within a sum their errors count as equal.
    """
    keys = {}
    table = instruments()
    for run in runs:
        for reading in run.readings:
            channel = reading.trace.channel
            instrument = table.get(channel.meter)
            if instrument is None or instrument.measurement_class != "analyzer":
                keys[channel.calibration_id] = f"sensors {channel.meter}|{entry_id}"
    counts = Counter(keys.values())
    return {calibration: key for calibration, key in keys.items() if counts[key] > 1}


def _merge_metered(items: Sequence[MeteredEnergy]) -> list[MeteredEnergy]:
    """Add energies of one calibration and one set of limits; several sets of limits stay apart."""
    merged: dict[tuple[object, ...], MeteredEnergy] = {}
    for item in items:
        limits = (
            item.correlation_key,
            round(item.gain_mpe, 12),
            item.efficiency_limit,
            item.source,
        )
        before = merged.get(limits)
        if before is None:
            merged[limits] = item
            continue
        merged[limits] = replace(
            before,
            energy=before.energy + item.energy,
            gain_mpe=item.gain_mpe,
            offset_mpe_j=before.offset_mpe_j + item.offset_mpe_j,
        )
    return list(merged.values())


def _meets_load_alike(runs: Sequence[RunEnergy]) -> bool:
    """Whether readings lie at the same place between two of them in the windows of all runs.

    A load that is locked to its window then shows the same part of each cycle in every run.
    """
    phases = [phase for run in runs if (phase := _reading_phase(run)) is not None]
    if len(runs) < 2 or len(phases) < len(runs):
        return False
    distances = [abs((phase - phases[0] + 0.5) % 1 - 0.5) for phase in phases]
    return max(distances) < SAME_PHASE


def _reading_phase(run: RunEnergy) -> float | None:
    """Return how far into an interval the first reading of a window lies, 0 to 1."""
    window = run.run.window
    if window is None or not run.readings:
        return None
    trace = run.readings[0].trace
    first = int(trace.t_ns.searchsorted(window.start_ns))
    interval_s = trace.expected_interval_s
    if first >= len(trace) or interval_s <= 0:
        return None
    return (int(trace.t_ns[first]) - window.start_ns) / NS / interval_s % 1


def _mean_components(
    entry_id: str, runs: Sequence[Sequence[UncertaintyComponent]], repeating: frozenset[str]
) -> list[UncertaintyComponent]:
    """Return the mean over runs: components with a key add linearly, the others in squares.

    Args:
        entry_id: Whose runs they are.
        runs: Components of each run.
        repeating: Names of errors that are the same in every run.
    """
    n = len(runs)
    merged: dict[tuple[str, str | None, str, bool], UncertaintyComponent] = {}
    for component in (component for components in runs for component in components):
        item = component.scaled(1 / n)
        if item.correlation_key is None and item.name in repeating:
            item = item.with_key(f"{item.name}|{entry_id}")
        identity = (item.name, item.correlation_key, item.base, bool(item.profile))
        before = merged.get(identity)
        merged[identity] = item if before is None else _sum(before, item)
    return list(merged.values())


def _sum(first: UncertaintyComponent, second: UncertaintyComponent) -> UncertaintyComponent:
    """Add two components of one name and key: linearly within a key, in squares without one."""
    if first.profile:
        values = [a + b for a, b in zip(first.profile, second.profile, strict=True)]
        return UncertaintyComponent.tabulated(
            first.name, values, first.base, first.correlation_key, first.source
        )
    if first.correlation_key is None:
        scale = math.hypot(first.up, second.up)
        return replace(first, up=scale, down=-scale)
    return replace(first, up=first.up + second.up, down=first.down + second.down)


# Quantities derived from it


def energy_per_amount(
    unit: str,
    runs: Sequence[RunEnergy],
    budget: Budget,
    amounts: Sequence[float],
    evidence: ScatterEvidence,
) -> OutputQuantity:
    """Return the long-run energy per amount of work, with scatter over the logarithms of ratios.

    Energy follows the work done, so the ratios scatter less than either. Of several runs of one
    training each, J/run is the mean energy itself.

    Args:
        unit: Unit of the ratio, such as J/query.
        runs: Runs that count.
        budget: Budget of their mean energy.
        amounts: Work that each run did.
        evidence: What shows the scatter between runs besides the runs.
    """
    if unit == "J/run" and len(runs) > 1 and all(amount == 1 for amount in amounts):
        return OutputQuantity(unit, run_scatter=budget.run_scatter)
    ratios = [expected_energy_j(run) / amount for run, amount in zip(runs, amounts, strict=True)]
    if min(ratios) <= 0:
        mean = math.fsum(ratios) / len(ratios)
        factor = mean / budget.value if budget.value else 1.0
        return OutputQuantity(unit, factor, budget.run_scatter)
    logs = np.log(ratios)
    factor = float(np.exp(logs.mean())) / budget.value
    return OutputQuantity(unit, factor, scatter_of_mean(logs.tolist(), evidence))


def mean_power(runs: Sequence[RunEnergy], budget: Budget) -> OutputQuantity:
    """Return the mean over the runs of their mean power [W], with its own scatter."""
    powers = [expected_energy_j(run) / run.run.window.seconds for run in runs if run.run.window]
    mean = math.fsum(powers) / len(powers)
    scatter = budget.run_scatter
    if scatter is not None and scatter.n <= 2:
        scatter = replace(scatter, scale=scatter.scale * mean / budget.value)
    elif scatter is not None:
        standard_error = float(np.std(powers, ddof=1)) / math.sqrt(len(powers))
        scatter = replace(scatter, scale=standard_error)
    return OutputQuantity("W", mean / budget.value if budget.value else 1.0, scatter)
