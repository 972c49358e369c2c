"""Uncertainty components of one run.

What its meters may err, and what sampling leaves of its window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.timestamps import NS
from harness.energy.clock import ClockError
from harness.energy.conversion import NO_CONVERSION, Conversion
from harness.energy.cumulative import energy_between
from harness.energy.edges import Edge
from harness.energy.integrate import ChannelEnergy
from harness.energy.reading_checks import CheckedReadings
from harness.formats.base import Entry
from harness.traces.channel import Channel
from harness.traces.trace import Floats, Trace, Window
from harness.uncertainty.components import MeteredEnergy, UncertaintyComponent

UNKNOWN_CLOCK_S = 1.0
"""Bound of the error of a clock of which nothing is known [s]; marked as assumed."""
ROUND_CLOCK_S = {"mlperf-inference": 0.8}
"""Bound of the clock error that the checks of a round allow [s]: stamps of both machines in MLPerf
inference power (`power_checker.py`, 0.2 to 0.8 s over the rounds)."""
SOURCE = "joulemark's methodology, section 2 (one run)"
SHIFTS = 41
"""Shifts of the window that are tried between the bounds of a comparison of clocks."""
INTERVAL_SHARE = 0.95
"""Share of a uniform distribution that an interval of 95 % holds on each side of its middle."""
MAX_RECTANGLES = 2
"""Rectangular errors of one name that are drawn one by one."""
EDGE_NAMES = {
    "between": (
        "edge, two readings of the trace",
        "power inside and power outside are both bounds",
    ),
    "surplus": (
        "edge, two readings of the trace",
        "load that went on, or swings faster than the readings",
    ),
    "gap": ("gap over an edge", "powers on both sides of the gap are bounds"),
    "nearest": ("edge step between readings", "a step of load within one interval"),
}
"""Name and source of the rectangular error of an edge, by the rule that found it."""


@dataclass(frozen=True, slots=True)
class ChannelReadings:
    """The readings of one summed channel, and the energy they show in the window of a run.

    Attributes:
        trace: The readings as they were recorded.
        energy: Their energy in the window; None where they do not speak of it, or are no
            measurement.
        checked: Readings that were summed, after `harness.energy.reading_checks`.
        conversion: What turns them into the energy behind the power supplies.
    """

    trace: Trace
    energy: ChannelEnergy | None
    checked: CheckedReadings
    conversion: Conversion = NO_CONVERSION

    @property
    def fault(self) -> str | None:
        """Why the readings yield no energy; None where they do."""
        return self.checked.fault

    @property
    def factor(self) -> float:
        """Conversion efficiency that was applied, or 1."""
        return self.conversion.factor


Measured = Sequence[tuple[ChannelReadings, ChannelEnergy]]
"""Channels that speak of a window, each with its energy."""


def metered_energies(measured: Measured, seconds: float) -> list[MeteredEnergy]:
    """Return what each channel measured in a window, with the limits of its meter.

    Args:
        measured: Channels with their energies.
        seconds: Length of the window [s].
    """
    parts = []
    for readings, channel_energy in measured:
        channel = readings.trace.channel
        accuracy = channel.accuracy
        parts.append(
            MeteredEnergy(
                correlation_key=channel.calibration_id,
                energy=channel_energy.energy_j * readings.factor,
                gain_mpe=accuracy.gain_mpe,
                offset_mpe_j=accuracy.range_limit_w * seconds * readings.factor,
                efficiency_limit=readings.conversion.limit,
                source=accuracy.source,
            )
        )
    return parts


def clock_error(channel: Channel, entry: Entry) -> ClockError:
    """Return what is known of the clock of a channel against that of the window."""
    if channel.clock_error_s is not None:
        return ClockError(channel.clock_error_s, "normal", "largest difference of the two clocks")
    bound_s = ROUND_CLOCK_S.get(entry.family)
    if bound_s is not None:
        return ClockError(bound_s, "uniform", f"unknown clock, the round allows {bound_s:g} s")
    return ClockError(UNKNOWN_CLOCK_S, "uniform", f"unknown clock, {UNKNOWN_CLOCK_S:g} s assumed")


def window_components(measured: Measured, entry: Entry) -> list[UncertaintyComponent]:
    """Return what each channel leaves uncertain of its energy in the window.

    Errors that a rule makes in every run alike carry a key of the entry, so that they stay in the
    mean of several runs; what is new in each run has none.

    Args:
        measured: Channels with their energies.
        entry: The entry, which shares keyed components between its runs.
    """
    clocks = [_clock_component(readings, energy, entry) for readings, energy in measured]
    return [
        *_random_components(measured),
        *_systematic_components(measured, entry.id),
        *_part_load_components(measured, entry.id),
        *(component for component in clocks if component is not None),
    ]


def _random_components(measured: Measured) -> list[UncertaintyComponent]:
    """Return the errors that are new in each run; they are independent between channels."""
    squares = {"power near the edges": 0.0, "gaps": 0.0, "sampling": 0.0, "rounding noise": 0.0}
    lag_square = 0.0
    for readings, channel_energy in measured:
        square = readings.factor**2
        edge_variance = sum(edge.u_j**2 for edge in channel_energy.edges)
        squares["power near the edges"] += edge_variance * square
        squares["gaps"] += channel_energy.u_gap_j**2 * square
        squares["sampling"] += channel_energy.u_sampling_j**2 * square
        squares["rounding noise"] += channel_energy.rounding.u_j**2 * square
        lag_square += sum(width**2 for width in channel_energy.lag_half_widths_j) * square
    components = [
        UncertaintyComponent.symmetric(name, math.sqrt(variance), source=SOURCE)
        for name, variance in squares.items()
        if variance
    ]
    if lag_square:
        scale = math.sqrt(lag_square / 3)
        components.append(UncertaintyComponent.symmetric("counter lag", scale, source=SOURCE))
    return components


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """A rectangular error of one channel that is the same in every run.

    Attributes:
        key: What it is of: side and channel.
        half_width_j: Its half-width [J].
        source: Where it comes from.
    """

    key: str
    half_width_j: float
    source: str


def _systematic_components(measured: Measured, entry_id: str) -> list[UncertaintyComponent]:
    """Return the rectangular errors that are the same in every run."""
    by_name: dict[str, list[_Rectangle]] = {}
    for readings, channel_energy in measured:
        channel_id, factor = readings.trace.channel.id, readings.factor
        for side, edge in zip(("start", "end"), channel_energy.edges, strict=True):
            name, source = EDGE_NAMES.get(edge.rule, ("window edges", SOURCE))
            key = f"{side}|{channel_id}"
            if edge.rule == "nearest":
                # readings that meet the edge at another distance err on their own
                key += f"|{_phase(edge, channel_energy.interval_s)}"
            width_j = edge.half_width_j * factor
            by_name.setdefault(name, []).append(_Rectangle(key, width_j, source))
        width_j = channel_energy.rounding.half_width_j * factor
        rounding = _Rectangle(channel_id, width_j, "readings too steady to move over the display")
        by_name.setdefault("quantisation", []).append(rounding)
    components = []
    for name, rectangles in by_name.items():
        components += _sum_rectangles(name, [r for r in rectangles if r.half_width_j], entry_id)
    return components


def _sum_rectangles(
    name: str, rectangles: list[_Rectangle], entry_id: str
) -> list[UncertaintyComponent]:
    """Return one component for each of a few rectangular errors; the sum of many is normal."""
    if not rectangles:
        return []
    if len(rectangles) > MAX_RECTANGLES:
        scale = math.hypot(*(item.half_width_j for item in rectangles)) / math.sqrt(3)
        key = f"{name}|{entry_id}"
        source = rectangles[0].source
        return [UncertaintyComponent.symmetric(name, scale, "normal", key, source)]
    return [
        UncertaintyComponent.symmetric(
            name, item.half_width_j, "uniform", f"{name}|{item.key}|{entry_id}", item.source
        )
        for item in rectangles
    ]


def _phase(edge: Edge, interval_s: float) -> int:
    """Return where between two readings an edge lies, in eighths of an interval."""
    return int(8 * edge.part_s / interval_s) % 8 if interval_s else 0


def _part_load_components(measured: Measured, entry_id: str) -> list[UncertaintyComponent]:
    """Return how far below their stated efficiency the supplies of an entry may have run."""
    span_j = math.fsum(
        channel_energy.energy_j * readings.factor * readings.conversion.below
        for readings, channel_energy in measured
    )
    if not span_j:
        return []
    name = "supplies at part load"
    source = "80 PLUS curves; a stated efficiency is the peak at most"
    return [UncertaintyComponent(name, -span_j, -span_j, "uniform", f"{name}|{entry_id}", source)]


def _clock_component(
    readings: ChannelReadings, channel_energy: ChannelEnergy, entry: Entry
) -> UncertaintyComponent | None:
    """Return the error of a channel's clock; channels of one clock share it by its key."""
    if not channel_energy.clock_effect_j:
        return None
    effect: Sequence[float] = channel_energy.clock_effect_j
    if readings.factor != 1:
        effect = [effect_j * readings.factor for effect_j in effect]
    source = clock_error(readings.trace.channel, entry).source
    key = f"clock|{_clock(readings.trace, entry.id)}"
    return UncertaintyComponent.tabulated("clock", effect, "normal", key, source)


def comparison_components(
    measured: Measured, window: Window, run_id: str
) -> list[UncertaintyComponent]:
    """Return what comparisons of clocks leave uncertain where another machine stamped the window.

    Half a round trip bounds the error, and nothing tells where in the bounds it lies. Load that
    ends with the window makes every shift lower the energy: then the energy that was found is the
    upper bound. Half of the draws keep to each side. The 95 % interval holds both bounds. An error
    of one comparison moves the edges of several machines, so that all reach their bounds together.

    Args:
        measured: Channels with their energies.
        window: The window of the run.
        run_id: The run, whose clocks were compared anew.
    """
    components = []
    for readings, _ in measured:
        channel = readings.trace.channel
        if channel.edge_bounds_s is None or not any(channel.edge_bounds_s):
            continue
        low_j, high_j = _shift_bounds(readings.checked.trace, window, channel.edge_bounds_s)
        scale = readings.factor / INTERVAL_SHARE
        largest_s = max(channel.edge_bounds_s)
        components.append(
            UncertaintyComponent(
                "clocks of the machines",
                high_j * scale,
                low_j * scale,
                "uniform",
                f"clocks|{run_id}",
                f"clocks compared to within {largest_s:.2g} s: half a round trip, and drift",
            )
        )
    return components


def _shift_bounds(
    trace: Trace, window: Window, bounds_s: tuple[float, float]
) -> tuple[float, float]:
    """Return the lowest and the highest change of the energy by shifts of the window [J].

    Clocks are compared anew near each end, so both ends may be off in either direction.
    """
    start_j = -_gained(trace, window.start_ns, bounds_s[0])
    stop_j = _gained(trace, window.stop_ns, bounds_s[1])
    return float(start_j.min() + stop_j.min()), float(start_j.max() + stop_j.max())


def _gained(trace: Trace, edge_ns: int, bound_s: float) -> Floats:
    """Return the energy from an edge to each of some instants around it, earlier ones first [J]."""
    cuts_ns = edge_ns + np.rint(np.linspace(-bound_s, bound_s, SHIFTS) * NS).astype(np.int64)
    steps_j = energy_between(trace, cuts_ns)
    cumulative_j = np.concatenate([[0.0], np.cumsum(steps_j)])
    return np.asarray(cumulative_j - cumulative_j[SHIFTS // 2])


def _clock(trace: Trace, entry_id: str) -> str:
    """Name the clock of a trace; a clock that nobody names is shared with no other entry."""
    clock = trace.channel.clock
    return f"unknown of {entry_id}" if clock == "unknown" else clock
