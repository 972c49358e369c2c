"""Notes beside a result: what a reader must know to judge the number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.energy.components import ChannelReadings, clock_error
from harness.energy.missing_nodes import modelled_nodes, stated_nodes
from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.formats.defects import SENSOR_DEFECTS, DefectCode
from harness.scoring.endpoint.nodes import measured_nodes, sees_all_nodes
from harness.scoring.repeat_prior import repeat_pairs
from harness.scoring.repeated_runs import MIN_RUNS_FOR_RANK
from harness.traces.channel import Channel
from harness.traces.clean import FAILED, NEGATIVE
from harness.uncertainty.components import BetweenRunScatter

NOTED_DEFECTS = (
    DefectCode.SCENARIO_INFERRED,
    DefectCode.SCENARIO_DIFFERS,
    DefectCode.COUNT_DERIVED,
    DefectCode.COUNT_MISSING,
    DefectCode.ROUND_DIFFERS,
    DefectCode.LOCAL_TIME,
    DefectCode.CSV_DIALECT,
    DefectCode.WINDOWS_DIFFER,
    DefectCode.SCORE_SCALE,
    DefectCode.PROCESSES_LEFT,
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
        *dict.fromkeys(note for run in runs for note in _reading_notes(entry, run)),
        *dict.fromkeys(note for run in runs for note in _node_notes(run)),
        *dict.fromkeys(note for run in counted for note in _unmetered_notes(entry, run)),
        *dict.fromkeys(note for run in runs for note in _witness_notes(run)),
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
        yield "no run has both a window and usable readings in it"
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
    for source in dict.fromkeys(channel.declared_source for channel in channels):
        if source:
            yield f"read from {shorten(source)}, and not from the machine's own sensors"
    assumed_kinds = {channel.kind for channel in channels if channel.accuracy.assumed}
    if assumed_kinds - {"estimate"}:
        yield "the meter is unknown: the widest limit of its class is assumed"
    if "estimate" in assumed_kinds:
        yield (
            "modelled by watts that nobody declared for this machine: "
            "the limit is that of all machines"
        )
    yield from conversion_notes(reading for run in runs for reading in run.readings)
    for calibration, limits in _limits_by_calibration(channels).items():
        if len(limits) > 1:
            yield (
                f"calibration {calibration} is given {len(limits)} sets of limits: "
                "each channel keeps its own"
            )


def _node_notes(run: RunEnergy) -> Iterator[str]:
    """Yield the nodes that are modelled beside measured ones."""
    measured = [(item, item.energy) for item in run.readings if item.energy is not None]
    for node in modelled_nodes(measured):
        yield f"{node} is modelled, not measured: its part of the interval is wide"


def _unmetered_notes(entry: Entry, run: RunEnergy) -> Iterator[str]:
    """Yield that meters saw only some nodes of the system behind an endpoint."""
    if run.run.evidence.endpoint is None or sees_all_nodes(run):
        return
    measured_count, node_count = len(measured_nodes(run)), stated_nodes(entry)
    if measured_count < node_count:
        yield (
            f"meters saw {measured_count} of {node_count} nodes: every figure is of what they saw; "
            "the estimate over all nodes stands apart"
        )


def _witness_notes(run: RunEnergy) -> Iterator[str]:
    """Yield what a batch system counted for the job step, as context beside the result."""
    witness = run.run.evidence.extra.get("slurm_step_energy")
    if not isinstance(witness, Mapping):
        return
    energy_j, start_ns, stop_ns = (
        witness.get(name) for name in ("energy_j", "start_ns", "stop_ns")
    )
    if isinstance(energy_j, int) and isinstance(start_ns, int) and isinstance(stop_ns, int):
        yield (
            f"Slurm counts {energy_j} J for the job step in the {(stop_ns - start_ns) / NS:.1f} s"
            " that hold the window: context, not part of the sum"
        )


def _reading_notes(entry: Entry, run: RunEnergy) -> Iterator[str]:
    """Yield the notes on the readings of one run."""
    for readings in run.readings:
        yield from _checked_notes(readings)
        yield from _sampling_notes(readings)
        yield from _displacement_notes(entry, readings)
        if readings.trace.channel.clock_error_s is None and readings.energy is not None:
            yield clock_error(readings.trace.channel, entry).source.replace(
                "unknown clock", "clock error unknown"
            )


def _checked_notes(readings: ChannelReadings) -> Iterator[str]:
    """Yield what the check of the readings left out, or refused."""
    channel_id = readings.trace.channel.id
    if readings.fault is not None:
        yield f"{channel_id} yields no energy: {readings.fault}"
    reasons = Counter(reading.reason for reading in readings.checked.left_out)
    for reason, count in reasons.items():
        plural = "s" if count > 1 else ""
        yield f"{channel_id}: {count} reading{plural} left out: {reason}"
    failed = [item for item in readings.trace.dropped if item.reason in (FAILED, NEGATIVE)]
    if failed:
        plural = "s" if len(failed) > 1 else ""
        quoted = shorten(failed[0].raw, 40)
        yield f"{channel_id}: {len(failed)} failed reading{plural} left out (first: {quoted})"
    if readings.energy is not None and readings.energy.resets:
        times = "once" if readings.energy.resets == 1 else f"{readings.energy.resets} times"
        yield (
            f"{channel_id}: the counter began anew {times} inside the window; what it counted in "
            "that step is lost and was filled in"
        )


def _displacement_notes(entry: Entry, readings: ChannelReadings) -> Iterator[str]:
    """Yield where the load lies beside the window by more than the clock may be off."""
    if readings.energy is None:
        return
    displacement_s = readings.energy.displacement_s
    clock = clock_error(readings.trace.channel, entry)
    deviations = 2.0 if clock.base == "normal" else 1.0
    if abs(displacement_s) <= deviations * clock.scale_s:
        return
    side = "later" if displacement_s > 0 else "earlier"
    yield (
        f"{readings.trace.channel.id}: the readings show the load {abs(displacement_s):.1g} s "
        f"{side} than the window at both ends: late stamps, a clock further off than stated, "
        "another kind of reading, or load that rises and falls slowly; the interval does not hold "
        "that error"
    )


def _sampling_notes(readings: ChannelReadings) -> Iterator[str]:
    """Yield where sampling may miss a part of the load, or the readings of the window."""
    channel, channel_energy = readings.trace.channel, readings.energy
    if channel_energy is not None and channel_energy.may_alias:
        yield (
            f"{channel.id}: every second reading differs from those between: sampling may meet "
            "the period of the load (aliasing), and the interval does not hold that error"
        )
    elif channel_energy is not None and channel.kind == "instant":
        yield (
            f"instant readings, one in {channel_energy.interval_s:.2g} s: peaks between two of "
            "them, and load that repeats faster, are missed, and the interval does not hold that "
            "error"
        )
    if channel.sampled_share is not None and channel.sampled_share < 1:
        yield (
            f"{channel.id}: the meter samples {channel.sampled_share:.0%} of the time: load that "
            "repeats in step with it is missed, and the interval does not hold that error"
        )


def _completeness_notes(runs: Sequence[RunEnergy]) -> Iterator[str]:
    if any(run.estimated_j for run in runs):
        yield "part of the energy is estimated, not measured"
    lowest = min((run.coverage for run in runs), default=1.0)
    if lowest < 1:
        yield f"readings cover {lowest:.2%} of the window in the worst run; the rest is filled"


def conversion_notes(readings: Iterable[ChannelReadings]) -> Iterator[str]:
    """Yield how readings were converted to the energy behind power supplies."""
    stated, curves = set(), set()
    for reading in readings:
        if reading.trace.channel.supply is not None:
            curves.add(reading.factor)
        elif reading.factor != 1:
            stated.add(reading.factor)
    if stated:
        yield (
            f"readings times a declared conversion efficiency of {_range(stated)}: a peak at most, "
            "and the interval holds part load too"
        )
    if curves:
        yield f"readings times the efficiency of the supplies at their load, {_range(curves)}"


def _range(values: Set[float]) -> str:
    low, high = f"{min(values):.4g}", f"{max(values):.4g}"
    return low if low == high else f"{low} to {high}"


def is_converted(runs: Iterable[RunEnergy]) -> bool:
    """Whether readings of runs were multiplied by an efficiency."""
    return any(reading.factor != 1 for run in runs for reading in run.readings)


def _limits_by_calibration(channels: Iterable[Channel]) -> dict[str, set[tuple[float, float]]]:
    """Return the limits stated for each calibration; more than one contradict each other."""
    limits: dict[str, set[tuple[float, float]]] = {}
    for channel in channels:
        accuracy = channel.accuracy
        stated = accuracy.reading_limit_pct, accuracy.power_factor_limit_pct
        limits.setdefault(channel.calibration_id, set()).add(stated)
    return limits
