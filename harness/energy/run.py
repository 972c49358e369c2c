"""Energy of one run: its channels, its rated parts, and the nodes that nobody measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.energy.components import (
    UNKNOWN_CLOCK_S,
    ChannelReadings,
    clock_error,
    comparison_components,
    metered_energies,
    window_components,
)
from harness.energy.conversion import conversion
from harness.energy.integrate import energy
from harness.energy.missing_nodes import MissingNodes, missing_nodes, model_limits, stated_nodes
from harness.energy.reading_checks import CheckedReadings, check_readings
from harness.formats.base import Entry, Rated, Run
from harness.traces.channel import Channel
from harness.traces.trace import Trace, Window
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import MeteredEnergy, UncertaintyComponent

__all__ = ["UNKNOWN_CLOCK_S", "ChannelReadings", "RunEnergy", "exceeds", "run_energy"]

MAX_RELATIVE_LIMIT = 0.95
"""A meter is taken to be wrong by no more than this share of its reading."""
PART_SLACK = 0.05
"""Relative difference of two meters that their averaging and stamps explain."""


@dataclass(frozen=True, slots=True)
class RunEnergy:
    """Energy of one run.

    Attributes:
        run: The run.
        readings: Its summed channels: those that are not part of another.
        energy_j: Best estimate [J]; None where no readings speak of the window, or those of a
            channel are no measurement.
        estimated_j: Part of it that is rated, of nodes that nobody measured, or of nodes that are
            modelled beside measured ones [J].
        coverage: Share of the window between the first and the last reading, of the worst channel.
        gap_share: Share of the window inside gaps, of the worst channel.
        largest_gap_s: Longest time between two readings in the window [s].
        filled_j: Energy that no reading covers [J].
        nodes: Measured and expected nodes.
        parts: What each meter and each declaration contributes.
        terms: Uncertainty components of the window.
        channels_j: Energy in the window of each channel, summed or part of another, by its id [J].
    """

    run: Run
    readings: tuple[ChannelReadings, ...]
    energy_j: float | None
    estimated_j: float
    coverage: float
    gap_share: float
    largest_gap_s: float
    filled_j: float
    nodes: tuple[int, int]
    parts: tuple[MeteredEnergy, ...] = ()
    terms: tuple[UncertaintyComponent, ...] = ()
    channels_j: Mapping[str, float] = field(default_factory=dict)


def run_energy(entry: Entry, run: Run) -> RunEnergy:
    """Return the energy of one run of an entry."""
    # 1. The energy of each channel that is not part of another.
    window = run.window if run.window is not None and run.window.seconds > 0 else None
    readings = tuple(_channel_readings(trace, window, entry) for trace in run.outer)
    channels_j = _all_energies(run, window, readings)
    readings = tuple(_with_larger_part(item, run, channels_j) for item in readings)
    measured = [(item, item.energy) for item in readings if item.energy is not None]
    measured_nodes = {
        item.trace.channel.node for item, _ in measured if item.trace.channel.boundary == "node"
    }
    expected_nodes = 0
    if measured_nodes:
        expected_nodes = max(stated_nodes(entry), len(measured_nodes))
    nodes = len(measured_nodes), expected_nodes
    faulty = any(item.fault is not None for item in readings)
    # A live run recorded every channel of its sum: what one lacks is lost, and no part of it.
    partial = entry.is_native and len(measured) < len(readings)
    if window is None or not measured or faulty or partial:
        return RunEnergy(run, readings, None, 0.0, 0.0, 0.0, 0.0, 0.0, nodes, channels_j=channels_j)
    # 2. Parts that nobody measured: declared by their rated power, or nodes like the others.
    parts = metered_energies(measured, window.seconds)
    components = window_components(measured, entry)
    rated_j = 0.0
    for part in run.rated:
        part_j = part.power_w * window.seconds
        rated_j += part_j
        parts.append(MeteredEnergy(f"rated|{entry.id}", part_j, 0.0, source=part.source))
        components.append(_rated_component(entry, part, part_j))
    unmeasured = MissingNodes()
    if run.evidence.endpoint is None:  # of an endpoint the estimate over all nodes stands apart
        unmeasured = missing_nodes(measured, expected_nodes, entry.id)
    modelled = model_limits(measured, entry.id)
    components += modelled.components
    components += comparison_components(measured, window, f"{entry.id}|{run.id}")
    # 3. The sum, with the worst coverage of its channels.
    budget = Budget("", (*parts, *unmeasured.parts), (*components, *unmeasured.components))
    coverage = 0.0
    if len(measured) == len(readings):
        coverage = min(channel_energy.coverage for _, channel_energy in measured)
    return RunEnergy(
        run=run,
        readings=readings,
        energy_j=budget.declared_value,
        estimated_j=rated_j + unmeasured.energy_j + modelled.energy_j,
        coverage=coverage,
        gap_share=max(channel_energy.gap_share for _, channel_energy in measured),
        largest_gap_s=max(channel_energy.largest_gap_s for _, channel_energy in measured),
        filled_j=math.fsum(
            channel_energy.filled_j * item.factor for item, channel_energy in measured
        ),
        nodes=nodes,
        parts=budget.metered,
        terms=budget.components,
        channels_j=channels_j,
    )


def _all_energies(
    run: Run, window: Window | None, outer: Sequence[ChannelReadings]
) -> dict[str, float]:
    """Return the energy of every channel that speaks of the window, by its id [J]."""
    energies = {item.trace.channel.id: item.energy.energy_j for item in outer if item.energy}
    if window is None:
        return energies
    for trace in run.traces:
        if trace.channel.part_of is not None:
            part = energy(trace, window)
            if part is not None:
                energies[trace.channel.id] = part.energy_j
    return energies


def exceeds(part_j: float, part: Channel, whole_j: float, whole: Channel, slack: float) -> bool:
    """Tell whether a part measured more than its whole, beyond the limits of both meters.

    Args:
        part_j: Energy of the part [J].
        part: Its channel.
        whole_j: Energy of the whole [J].
        whole: Its channel.
        slack: Relative difference of two meters that their averaging and stamps explain.
    """
    return part_j * (1 - _relative_limit(part)) > whole_j * (1 + _relative_limit(whole) + slack)


def _relative_limit(channel: Channel) -> float:
    return min(channel.accuracy.reading_limit_pct / 100, MAX_RELATIVE_LIMIT)


def _with_larger_part(
    readings: ChannelReadings, run: Run, channels_j: Mapping[str, float]
) -> ChannelReadings:
    """Refuse the energy of a channel that is less than that of something inside it."""
    whole = readings.trace.channel
    if readings.energy is None:
        return readings
    inside, whole_j = {whole.id}, readings.energy.energy_j
    parts = [trace.channel for trace in run.traces if trace.channel.part_of is not None]
    for _ in parts:  # as deep as the tree can be
        inside |= {part.id for part in parts if part.part_of in inside}
    for part in parts:
        if part.id not in inside or part.id not in channels_j:
            continue
        part_j = channels_j[part.id]
        if exceeds(part_j, part, whole_j, whole, PART_SLACK):
            fault = f"it shows {whole_j:.4g} J, and its part {part.id} {part_j:.4g} J"
            checked = replace(readings.checked, fault=fault)
            return replace(readings, energy=None, checked=checked)
    return readings


def _channel_readings(trace: Trace, window: Window | None, entry: Entry) -> ChannelReadings:
    """Check the readings of a channel, and integrate those that may be summed."""
    if window is None:
        return ChannelReadings(trace, None, CheckedReadings(trace))
    checked = check_readings(trace, window)
    if checked.fault is not None:
        return ChannelReadings(trace, None, checked)
    clock = clock_error(trace.channel, entry)
    channel_energy = energy(checked.trace, window, clock)
    return ChannelReadings(trace, channel_energy, checked, conversion(checked.trace, window))


def _rated_component(entry: Entry, part: Rated, part_j: float) -> UncertaintyComponent:
    """Return how far a rated part may be off.

    U(idle share, 1) of its power, the declared value the upper end.
    """
    span_j = part_j * (1 - part.idle_share)
    return UncertaintyComponent(
        "rated parts", -span_j, -span_j, "uniform", f"rated|{entry.id}", part.source
    )
