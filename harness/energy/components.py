"""Uncertainty components of one run.

What its meters may err, and what sampling leaves of its window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.energy.edges import Edge
from harness.energy.integrate import ChannelEnergy
from harness.traces.trace import Trace
from harness.uncertainty.budget import MeteredEnergy, UncertaintyComponent

UNKNOWN_CLOCK_S = 0.1
"""Standard error of a clock of which nothing is known but that it is set by NTP [s]; marked as
assumed."""
EFFICIENCY_LIMIT = 0.02
"""Relative limit of a declared conversion efficiency: 80 PLUS classes lie two points apart at half
load."""
SOURCE = "docs/explanation/methodology.md, one run"


@dataclass(frozen=True, slots=True)
class ChannelReadings:
    """The readings of one summed channel, and the energy they show in the window of a run.

    Attributes:
        trace: The readings.
        energy: Their energy in the window; None where they do not speak of it.
    """

    trace: Trace
    energy: ChannelEnergy | None

    @property
    def factor(self) -> float:
        """Conversion efficiency that was declared for the channel, or 1."""
        return self.trace.channel.conversion_efficiency or 1.0


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
                efficiency_limit=EFFICIENCY_LIMIT if channel.conversion_efficiency else 0.0,
                source=accuracy.source,
            )
        )
    return parts


def sampling_components(measured: Measured) -> list[UncertaintyComponent]:
    """Return edges, gaps, sampling and rounding of all channels.

    Their errors are independent between channels.
    """
    names = (
        ("window edges", "u_edge_j"),
        ("gaps", "u_gap_j"),
        ("sampling", "u_sampling_j"),
        ("quantisation", "u_quantisation_j"),
    )
    components = []
    for name, attribute in names:
        each = [getattr(energy, attribute) * readings.factor for readings, energy in measured]
        scale = math.hypot(*each)
        if scale:
            components.append(UncertaintyComponent.symmetric(name, scale, source=SOURCE))
    return components


def clock_components(measured: Measured, entry_id: str) -> list[UncertaintyComponent]:
    """Return the error of each channel's clock.

    Channels that one clock stamps share it by its key.
    """
    components = []
    for readings, channel_energy in measured:
        declared_s = readings.trace.channel.clock_error_s
        error_s = UNKNOWN_CLOCK_S if declared_s is None else declared_s
        up, down = clock_slopes(channel_energy, error_s)
        scale = error_s * readings.factor
        if not scale or not (up or down):
            continue
        source = "largest difference of the two clocks"
        if declared_s is None:
            source = "unknown clock, 0.1 s assumed"
        key = f"clock|{_clock(readings.trace, entry_id)}"
        components.append(
            UncertaintyComponent(
                "clock", up * scale, down * scale, correlation_key=key, source=source
            )
        )
    return components


def _clock(trace: Trace, entry_id: str) -> str:
    """Name the clock of a trace; a clock that nobody names is shared with no other entry."""
    clock = trace.channel.clock
    return f"unknown of {entry_id}" if clock == "unknown" else clock


def clock_slopes(channel_energy: ChannelEnergy, error_s: float) -> tuple[float, float]:
    """Return the mean energy lost per second [W] by a clock that is late, and by one that is early.

    Load at an edge is swapped for what lies outside it. While load begins and ends in the cells
    that cross the edges, power held from inside loses nothing, and what is taken off such a cell
    comes back at the other edge. Where nothing was recorded outside, the power there is unknown:
    the component is symmetric with the full power inside, and brings no correction.

    Args:
        channel_energy: Energy of the channel in the window.
        error_s: Standard error of the clock [s].
    """
    (first, last), (before, after) = channel_energy.inside_w, channel_energy.outside_w
    if before is None or after is None:
        return max(first, last), -max(first, last)
    if not channel_energy.edges:
        # Readings of an instant: a start that moves loses nothing while load rises, an end loses
        # all.
        interval_s = channel_energy.interval_s
        share = (1 + min(1.0, error_s / interval_s)) / 2 if interval_s else 1.0
        return share * (first - before), share * (last - after)
    start, end = channel_energy.edges
    start_in, start_out = _edge_slopes(start, error_s)
    end_in, end_out = _edge_slopes(end, error_s)
    rise, fall = first - before, last - after
    return start_in * rise + end_out * fall, start_out * rise + end_in * fall


def _edge_slopes(edge: Edge, error_s: float) -> tuple[float, float]:
    """Return the share of a clock error that an edge loses to load moving in, and moving out."""
    beyond = _excess(edge.part_s, error_s)
    return (1.0, beyond - 1.0) if edge.outside else (beyond, 0.0)


def _excess(part_s: float, error_s: float) -> float:
    """Return E max(0, |d| - part) / E |d| of a normal error d."""
    if error_s <= 0:
        return 0.0
    r = part_s / error_s
    return max(0.0, math.exp(-r * r / 2) - r * math.sqrt(math.pi / 2) * math.erfc(r / math.sqrt(2)))
