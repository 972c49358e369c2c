"""The result of one entry: what `score` prints and the leaderboard ranks."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.carbon.co2e import Co2e
from harness.energy.run import RunEnergy
from harness.formats.base import Entry, Quality, Quantity
from harness.formats.defects import DefectCode
from harness.scoring.boundary import Boundary, boundary, included
from harness.scoring.notes import is_converted
from harness.scoring.run_scatter import ScatterSummary
from harness.scoring.training_steps import Training
from harness.traces.instruments import instruments
from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import BudgetRow
from harness.uncertainty.estimate import Estimate

if TYPE_CHECKING:
    from harness.scoring.endpoint.provision import Provision


class TableKey(NamedTuple):
    """What results must share to be compared.

    Attributes:
        task: inference or training.
        benchmark: Name of the benchmark.
        scenario: LoadGen scenario, or "".
        unit: Unit of the energy per unit of work.
        measurement_class: analyzer, analyzer-scpi, sensor, modelled or declared.
        simulated: Whether the results say that they are simulated.
        division: closed, open or network; "" where they do not say.
        boundary: What the energy includes, outermost first: "wall", or "board+package".
    """

    task: str
    benchmark: str
    scenario: str
    unit: str
    measurement_class: str
    simulated: bool
    division: str
    boundary: str


ESTIMATED_CLASSES = ("modelled", "declared")
"""Measurement classes in which nothing was measured."""


def measurement_class(entry: Entry) -> str:
    """Return how an entry was measured; classes are never ranked together.

    Returns:
        analyzer, analyzer-scpi (a power session without SPEC's PTDaemon), sensor, modelled or
        declared.
    """
    channels = [trace.channel for run in entry.runs for trace in run.outer]
    if not channels:
        return "declared"
    if any(channel.kind == "estimate" for channel in channels):
        return "modelled"
    if any(channel.declared_source for channel in channels):
        return "declared"
    table = instruments()
    classes = {
        table[channel.meter].measurement_class if channel.meter in table else "sensor"
        for channel in channels
    }
    weakest = next(name for name in ("modelled", "sensor", "analyzer") if name in classes)
    is_direct = any(channel.without_daemon for channel in channels)
    return "analyzer-scpi" if weakest == "analyzer" and is_direct else weakest


def table_key(entry: Entry, unit: str, measurement_class: str) -> TableKey:
    """Return the table of a result.

    Args:
        entry: The evidence.
        unit: Unit of its energy per unit of work.
        measurement_class: analyzer, analyzer-scpi, sensor, modelled or declared.
    """
    return TableKey(
        task=entry.task,
        benchmark=entry.benchmark,
        scenario=entry.scenario,
        unit=unit,
        measurement_class=measurement_class,
        simulated=entry.simulated,
        division=entry.division,
        boundary="+".join(included(entry)),
    )


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one entry.

    Attributes:
        entry: The evidence.
        measurement_class: analyzer, analyzer-scpi, sensor, modelled or declared.
        measurand: "realised" energy of the recorded run, or "long-run mean" of the workload on the
            system.
        n_runs: Runs of the entry.
        distinct_runs: Runs that count for the mean.
        runs: Energy of each run.
        energy: Energy of a run [J].
        mean_power: Mean power [W].
        energy_per_unit: Energy per unit of work.
        units_per_joule: Work done per joule; ``None`` where the log does not say how much was done.
        performance: Performance that the entry states.
        quality: Quality reached, the worst of the runs.
        coverage: Share of the window covered by readings, lowest over channels and runs, 0 to 1.
        estimated_share: Share of the energy that was not measured, 0 to 1.
        compat: MLPerf's own metrics.
        notes: What a reader must know beside the number.
        budget: Budget behind `energy`; ``None`` without energy.
        per_unit_budget: Budget behind `energy_per_unit`; ``None`` without it.
        rows: `budget` as a table.
        per_correct: Energy per correct answer, where quality is a share of correct answers.
        per_correct_budget: Budget behind it; ``None`` without it.
        scatter: Scatter between runs, and what shows it; ``None`` without energy.
        training: Energy per step and steps to the target, where the logs count steps.
        co2e: Emissions, where a grid was given.
        provision: Provisioned power beside the result, where it is stated.
    """

    entry: Entry
    measurement_class: str
    measurand: str
    n_runs: int
    distinct_runs: int
    runs: tuple[RunEnergy, ...]
    energy: Estimate
    mean_power: Estimate
    energy_per_unit: Estimate
    units_per_joule: float | None
    performance: Quantity | None
    quality: Quality | None
    coverage: float
    estimated_share: float
    compat: Mapping[str, Any]
    notes: tuple[str, ...]
    budget: Budget | None = None
    per_unit_budget: Budget | None = None
    rows: tuple[BudgetRow, ...] = field(default=())
    per_correct: Estimate | None = None
    per_correct_budget: Budget | None = None
    scatter: ScatterSummary | None = None
    training: Training | None = None
    co2e: Co2e | None = None
    provision: Provision | None = None

    def __repr__(self) -> str:
        """Name the entry, its energy, and what that is."""
        about = [self.measurement_class, f"{self.n_runs} run{'' if self.n_runs == 1 else 's'}"]
        if self.boundary is not None:
            about.insert(1, self.boundary)
        return f"Result({self.entry.id}: {self.energy}; {', '.join(about)})"

    def _repr_html_(self) -> str:
        """Show the result in a notebook."""
        return f"<code>{html.escape(repr(self))}</code>"

    @property
    def is_converted(self) -> bool:
        """Whether its readings were multiplied by the efficiency of power supplies."""
        return is_converted(self.runs)

    @property
    def table(self) -> TableKey:
        """What it must share with another result to be compared."""
        return table_key(self.entry, self.energy_per_unit.unit, self.measurement_class)

    @property
    def boundary(self) -> Boundary | None:
        """Outermost boundary of its energy; ``None`` where nothing was measured."""
        return boundary(self.entry)

    @property
    def inferred(self) -> bool:
        """Whether it comes from a run of another scenario."""
        return any(defect.code == DefectCode.SCENARIO_INFERRED for defect in self.entry.defects)
