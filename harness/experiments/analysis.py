"""Compare the sides of an experiment: energy and processor time, with intervals.

1. Each side is an entry: it is scored and audited like any other.
2. Energy of one training against that of the first side, by `ranking.comparison`: errors of the
   meter that both share cancel, the scatter between runs decides.
3. Processor time and inference in pairs of runs: the first of one side with the first of the
   other, and so on; runs that missed the target are in no pair. Processor time is nearly the same
   on a machine that others use too.
4. The ratio that was registered is claimed only if the lower end of the interval reaches it. Claims
   name the class of the energy where it was not measured.
5. The control is near 1 only if its interval lies inside the limits that were registered for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.auditing.engine import audit_entries
from harness.auditing.report import EntryReport
from harness.carbon.factor import Factor
from harness.carbon.series import Series
from harness.carbon.whatif_result import WhatIf
from harness.core.errors import UsageError
from harness.emissions.whatif import whatif
from harness.energy.evaluation import evaluate
from harness.experiments.design import Design, Side
from harness.experiments.recording import CONTROL, FRONTIER, MAIN, Part, parts
from harness.experiments.trainings import TrainingRun, training_runs
from harness.formats.load import read
from harness.ranking.comparison import Comparison, compare_at_equal_quality
from harness.scoring.result import ESTIMATED_CLASSES, Result
from harness.scoring.score import score_all
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import SEED
from harness.uncertainty.paired import geometric_mean, paired_ratio


@dataclass(frozen=True, slots=True)
class MeasuredSide:
    """A side with its runs.

    Attributes:
        role: main, control or frontier.
        side: What was run.
        result: Its energy, with the interval.
        report: What the audit says of it.
        runs: What the logs of its runs state, in the order of the seeds.
        cpu_s: Processor time of one training, over the runs that reached the target [s].
        inference_j: Energy of one predicted byte [J].
        inference_cpu_s: Processor time of one predicted byte [s].
    """

    role: str
    side: Side
    result: Result
    report: EntryReport
    runs: Sequence[TrainingRun]
    cpu_s: Estimate
    inference_j: Estimate
    inference_cpu_s: Estimate


@dataclass(frozen=True, slots=True)
class Ratio:
    """The first side against another: how many times as much it needs.

    Attributes:
        name: Name of the other side.
        label: What the other side is.
        energy: Comparison of the energy of one training.
        paired_energy: The same in pairs of runs.
        cpu_time: Processor time of one training, in pairs of runs.
        inference_energy: Energy of a predicted byte, in pairs of runs.
        inference_cpu_time: Processor time of a predicted byte, in pairs of runs.
        measurement_class: How the energy was had; of two classes the one that was not measured.
        claim: What may be said of the registered ratio, or of the control.
    """

    name: str
    label: str
    energy: Comparison
    paired_energy: Estimate
    cpu_time: Estimate
    inference_energy: Estimate
    inference_cpu_time: Estimate
    measurement_class: str
    claim: str


@dataclass(frozen=True, slots=True)
class Relocation:
    """One side in other zones and at other hours.

    Attributes:
        name: Name of the side.
        answer: What its first run would have emitted there, with all its trainings.
        trainings: Trainings of that run.
        measurement_class: How its energy was had.
    """

    name: str
    answer: WhatIf
    trainings: float
    measurement_class: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an experiment found.

    Attributes:
        design: What was registered.
        sides: Every side, the control and the frontier, with their runs.
        ratios: The first side against each other one.
        control: The control's first side against its second; None without a control.
        relocations: The sides elsewhere and at other hours; empty where no zones were named.
        level: Coverage probability of the intervals.
    """

    design: Design
    sides: Sequence[MeasuredSide]
    ratios: Sequence[Ratio]
    control: Ratio | None
    relocations: Sequence[Relocation]
    level: float


def analyse(
    design: Design,
    out: Path,
    zones: Sequence[Factor | Series] = (),
    *,
    level: float = LEVEL,
    seed: int = SEED,
) -> Analysis:
    """Analyse the runs of an experiment.

    Args:
        design: The experiment.
        out: Folder of its runs.
        zones: Intensity of each zone for "where and when"; the first zone is the runs' own.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.

    Raises:
        UsageError: Runs of a side are missing, have other seeds than the design, or no energy.
    """
    measured = [_measured(part, level, seed) for part in _recorded(parts(design, out))]
    main = [item for item in measured if item.role == MAIN]
    control = [item for item in measured if item.role == CONTROL]
    ratios = [_registered_ratio(design, main[0], item, level, seed) for item in main[1:]]
    control_ratio = None
    if len(control) > 1:
        control_ratio = _control_ratio(design, control[0], control[1], level, seed)
    relocations = []
    if zones:
        for item in main:
            answer = whatif(item.result, zones, level=level, seed=seed)
            kind = item.result.measurement_class
            relocations.append(Relocation(item.side.name, answer, _trainings(item), kind))
    return Analysis(design, measured, ratios, control_ratio, relocations, level)


def _trainings(item: MeasuredSide) -> float:
    """Return the trainings of the run that is moved: the first that has an energy."""
    for run in item.result.runs:
        if run.energy_j is not None and run.run.work is not None:
            return run.run.work.count
    return 1.0


def _recorded(all_parts: Sequence[Part]) -> Iterator[Part]:
    """Yield the parts with runs; those of the frontier may be missing, others not."""
    for part in all_parts:
        if part.entry_folder.is_dir():
            yield part
        elif part.role != FRONTIER:
            raise UsageError(
                f"the runs of {part.side.name} are missing",
                where=str(part.entry_folder),
                fix="Make them: the same command without --analyse-only.",
            )


def _measured(part: Part, level: float, seed: int) -> MeasuredSide:
    tree = read(part.entry_folder)
    if len(tree.entries) != 1:
        reasons = "; ".join(reason for _, reason in tree.unreadable)
        raise UsageError(
            "the runs of a side are one entry",
            where=str(part.entry_folder),
            got=reasons or f"{len(tree.entries)} entries",
            expected="one",
        )
    entry_id = part.entry_folder.relative_to(part.folder.parent).as_posix()
    entry = replace(tree.entries[0], id=f"{part.role}/{part.side.name}/{entry_id}")
    evaluation = evaluate(entry)
    (result,) = score_all([entry], level=level, seed=seed, evaluations=[evaluation])
    (report,) = audit_entries([entry], evaluations=[evaluation])
    runs = training_runs(entry)
    _check_seeds(part, runs)
    cpu_times = [run.cpu_s for run in runs if run.cpu_s and run.reached]
    inferences = [run.inference for run in runs if run.inference is not None]
    joules = [item.energy_j / item.predicted for item in inferences if item.energy_j]
    seconds = [item.cpu_s / item.predicted for item in inferences if item.cpu_s]
    return MeasuredSide(
        role=part.role,
        side=part.side,
        result=result,
        report=report,
        runs=runs,
        cpu_s=geometric_mean(cpu_times, "s", level=level),
        inference_j=geometric_mean(joules, "J/byte", level=level),
        inference_cpu_s=geometric_mean(seconds, "s/byte", level=level),
    )


def _check_seeds(part: Part, runs: Sequence[TrainingRun]) -> None:
    """Refuse runs that are not those of the design: other seeds, or only some of them.

    Runs that are chosen after their results are known would favour one side.
    """
    seeds = [round(run.seed) for run in runs if run.seed is not None]
    if sorted(seeds) != sorted(part.seeds):
        raise UsageError(
            f"the runs of {part.side.name} are not those that were registered",
            where=str(part.entry_folder),
            got=f"seeds {_seeds_text(seeds)}",
            expected=f"seeds {_seeds_text(part.seeds)}",
            fix="Make missing runs with --resume; runs of another design go to another folder.",
        )


def _seeds_text(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(seeds))) or "none"


def _registered_ratio(
    design: Design, first: MeasuredSide, second: MeasuredSide, level: float, seed: int
) -> Ratio:
    ratio = _ratio(first, second, level, seed)
    energy = energy_name(ratio.measurement_class)
    return replace(ratio, claim=claim(ratio.energy.ratio, design.least_ratio, energy))


def _control_ratio(
    design: Design, first: MeasuredSide, second: MeasuredSide, level: float, seed: int
) -> Ratio:
    ratio = _ratio(first, second, level, seed)
    energy = energy_name(ratio.measurement_class)
    return replace(ratio, claim=control_claim(ratio.energy.ratio, design.control_limits, energy))


def _ratio(first: MeasuredSide, second: MeasuredSide, level: float, seed: int) -> Ratio:
    """Compare two sides; what may be said of their ratio is not known here."""
    energy = compare_at_equal_quality(
        first.result, second.result, one_meter=True, level=level, seed=seed
    )
    paired_energy = _paired(_energies(first), _energies(second), level)
    cpu_time = _paired(_cpu_times(first), _cpu_times(second), level)
    if energy.verdict == "not comparable":  # the runs that did reach the target are a selection
        none = Estimate(None, None, None, "1", level, energy.ratio.note)
        paired_energy = cpu_time = none
    classes = (first.result.measurement_class, second.result.measurement_class)
    is_estimated = classes[0] in ESTIMATED_CLASSES
    return Ratio(
        name=second.side.name,
        label=second.side.label,
        energy=energy,
        paired_energy=paired_energy,
        cpu_time=cpu_time,
        inference_energy=_paired(_inference_energies(first), _inference_energies(second), level),
        inference_cpu_time=_paired(_inference_times(first), _inference_times(second), level),
        measurement_class=classes[0] if is_estimated else classes[1],
        claim="",
    )


Quantities = Sequence[float | None]


def _energies(side: MeasuredSide) -> Quantities:
    """Return the energy of a training in each run; None for a run that missed the target."""
    return [run.energy_j if run.reached else None for run in side.runs]


def _cpu_times(side: MeasuredSide) -> Quantities:
    """Return its processor time in each run; None for a run that missed the target."""
    return [run.cpu_s if run.reached else None for run in side.runs]


def _inference_energies(side: MeasuredSide) -> Quantities:
    items = [run.inference for run in side.runs]
    return [item.energy_j / item.predicted if item and item.energy_j else None for item in items]


def _inference_times(side: MeasuredSide) -> Quantities:
    items = [run.inference for run in side.runs]
    return [item.cpu_s / item.predicted if item else None for item in items]


def _paired(numerators: Quantities, denominators: Quantities, level: float) -> Estimate:
    """Return the ratio over the pairs of which both are known."""
    pairs = [(a, b) for a, b in zip(numerators, denominators, strict=False) if a and b]
    return paired_ratio([a for a, _ in pairs], [b for _, b in pairs], level=level)


def energy_name(measurement_class: str) -> str:
    """Return "energy", with its class where it was not measured."""
    is_estimated = measurement_class in ESTIMATED_CLASSES
    return f"{measurement_class} energy" if is_estimated else "energy"


def claim(ratio: Estimate, least: float, energy: str) -> str:
    """Return what may be said of a registered ratio; "at least" only if the interval allows it.

    Args:
        ratio: Its value and interval.
        least: The ratio that was registered.
        energy: Name of the energy, see `energy_name`.
    """
    if ratio.value is None:
        return f"nothing can be said: {ratio.note}"
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.3g} times the {energy}, without an interval: {ratio.note}"
    shown = f"{ratio.value:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]"
    if ratio.low >= least:
        return f"at least {least:g} times the {energy}: {shown}"
    if ratio.high < least:
        return f"less than {least:g} times the {energy}: {shown}"
    return f"whether it is {least:g} times the {energy} is open: {shown}"


def control_claim(ratio: Estimate, limits: tuple[float, float] | None, energy: str) -> str:
    """Return whether the ratio of the control is near 1, as far as its interval allows.

    Args:
        ratio: Its value and interval.
        limits: Ratios that count as near 1; None where none were registered.
        energy: Name of the energy, see `energy_name`.
    """
    if ratio.value is None:
        return f"nothing can be said: {ratio.note}"
    if ratio.low is None or ratio.high is None:
        return f"{ratio.value:.3g} times the {energy}, without an interval: {ratio.note}"
    shown = f"{ratio.value:.3g} [{ratio.low:.3g}, {ratio.high:.3g}] times the {energy}"
    if limits is None:
        return f"{shown}; what counts as near 1 was not registered"
    registered = f"{limits[0]:g} to {limits[1]:g} was registered"
    if limits[0] <= ratio.low and ratio.high <= limits[1]:
        return f"near 1: {shown}; {registered}"
    if ratio.high < limits[0] or ratio.low > limits[1]:
        return f"not near 1: {shown}; {registered}"
    return f"whether it is near 1 is open: {shown}; {registered}"
