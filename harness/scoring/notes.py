"""Notes beside a result: what a reader must know to judge the number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from harness.energy.notes import reading_notes
from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.formats.defects import SENSOR_DEFECTS, DefectCode
from harness.scoring.repeat_prior import repeat_pairs
from harness.scoring.repeated_runs import MIN_RUNS_FOR_RANK
from harness.traces.channel import Channel
from harness.uncertainty.budget import BetweenRunScatter

NOTED_DEFECTS = (
    DefectCode.SCENARIO_INFERRED,
    DefectCode.SCENARIO_DIFFERS,
    DefectCode.COUNT_DERIVED,
    DefectCode.COUNT_MISSING,
    DefectCode.ROUND_DIFFERS,
    DefectCode.LOCAL_TIME,
    DefectCode.CSV_DIALECT,
)
"""Defects that a reader must know beside the number."""


def result_notes(
    entry: Entry,
    runs: Sequence[RunEnergy],
    counted: Sequence[RunEnergy],
    scatter: BetweenRunScatter | None,
) -> list[str]:
    """Return the notes of a result.

    Args:
        entry: The evidence.
        runs: Energy of all its runs.
        counted: Runs that count for the mean.
        scatter: Scatter between runs; ``None`` where it is unknown.
    """
    return [
        *_defect_notes(entry, (DefectCode.RUN_INCOMPLETE,)),
        *_run_count_notes(runs, counted, scatter),
        *_meter_notes(counted),
        *dict.fromkeys(note for run in runs for note in reading_notes(entry, run)),
        *_completeness_notes(counted),
        *_defect_notes(entry, NOTED_DEFECTS),
        *_sensor_notes(entry),
    ]


def _defect_notes(entry: Entry, codes: Sequence[DefectCode]) -> list[str]:
    return [defect.got for defect in entry.defects if defect.code in codes]


def _sensor_notes(entry: Entry) -> list[str]:
    """Return what the sensors show of the sum, once for each sensor however many runs show it."""
    notes: dict[tuple[str, str], str] = {}
    for defect in entry.defects:
        if defect.code in SENSOR_DEFECTS:
            sensor = defect.got.split(maxsplit=1)[0]
            notes.setdefault((defect.code, sensor), defect.got)
    return list(notes.values())


def _run_count_notes(
    runs: Sequence[RunEnergy], counted: Sequence[RunEnergy], scatter: BetweenRunScatter | None
) -> Iterator[str]:
    n, excluded = len(counted), len(runs) - len(counted)
    if not n:
        yield "no run has both a window and readings that speak of it"
        return
    if excluded:
        yield (
            f"{excluded} of {len(runs)} runs do not count: "
            "no energy, aborted, or a copy of another run"
        )
    if scatter is not None and scatter.source == "borrowed":
        plural = "s" if n > 1 else ""
        yield f"{n} run{plural}: scatter between runs is borrowed from other results of the table"
    elif scatter is not None and scatter.source == "ranging pair":
        yield (
            "one timed run: scatter between runs is shown by its ranging run "
            f"and by {repeat_pairs()} published pairs"
        )
    elif n == 1:
        yield "one run: the interval holds for this run, scatter between runs is unknown"
    elif n < MIN_RUNS_FOR_RANK:
        yield f"{n} runs: with fewer than {MIN_RUNS_FOR_RANK} the rank is provisional"


def _meter_notes(runs: Sequence[RunEnergy]) -> Iterator[str]:
    channels = [reading.trace.channel for run in runs for reading in run.readings]
    assumed_kinds = {channel.kind for channel in channels if channel.accuracy.assumed}
    if assumed_kinds - {"estimate"}:
        yield "the meter is unknown: the widest limit of its class is assumed"
    if "estimate" in assumed_kinds:
        yield (
            "modelled by watts that nobody declared for this machine: "
            "the limit is that of all machines"
        )
    efficiencies = conversion_efficiencies(runs)
    if efficiencies:
        yield efficiency_note(efficiencies)
    for calibration, limits in _limits_by_calibration(channels).items():
        if len(limits) > 1:
            yield (
                f"calibration {calibration} is given {len(limits)} sets of limits: "
                "each channel keeps its own"
            )


def _completeness_notes(runs: Sequence[RunEnergy]) -> Iterator[str]:
    if any(run.estimated_j for run in runs):
        yield "part of the energy is estimated, not measured"
    lowest = min((run.coverage for run in runs), default=1.0)
    if lowest < 1:
        yield f"readings cover {lowest:.2%} of the window in the worst run; the rest is filled"


def efficiency_note(efficiencies: Set[float]) -> str:
    """Return the note for readings that were multiplied by declared conversion efficiencies."""
    low, high = min(efficiencies), max(efficiencies)
    upper = f" to {high:g}" if high > low else ""
    return f"readings times a declared conversion efficiency of {low:g}{upper}"


def conversion_efficiencies(runs: Iterable[RunEnergy]) -> set[float]:
    """Return the declared conversion efficiencies that the readings of runs were multiplied by."""
    readings = (reading for run in runs for reading in run.readings)
    efficiencies = {reading.trace.channel.conversion_efficiency for reading in readings}
    return {value for value in efficiencies if value is not None and value != 1}


def _limits_by_calibration(channels: Iterable[Channel]) -> dict[str, set[tuple[float, float]]]:
    """Return the limits stated for each calibration; more than one contradict each other."""
    limits: dict[str, set[tuple[float, float]]] = {}
    for channel in channels:
        accuracy = channel.accuracy
        stated = accuracy.reading_limit_pct, accuracy.power_factor_limit_pct
        limits.setdefault(channel.calibration_id, set()).add(stated)
    return limits
