"""What the page of a result shows of its channels: the tree of boundaries, and the meters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.energy.components import ChannelReadings
from harness.energy.run import RunEnergy
from harness.site.numbers import significant
from harness.traces.channel import Channel

MAX_CHANNELS = 150
"""Channels on the page."""
KINDS = {
    "mean": "mean power over each interval",
    "instant": "power at instants",
    "counter": "energy counter",
    "estimate": "estimated by a model, not measured",
}
"""What the readings of a channel are."""


class Node(NamedTuple):
    """A channel in the tree of boundaries, with those inside it."""

    label: str
    detail: str
    energy: str
    children: list[Node]


def boundary_tree(runs: Sequence[RunEnergy]) -> list[Node]:
    """Return the channels of the first run that has some, each inside the one that contains it."""
    run = next((item for item in runs if item.run.traces), None)
    if run is None:
        return []
    energies = {reading.trace.channel.id: reading for reading in run.readings}
    channels = [trace.channel for trace in run.run.traces][:MAX_CHANNELS]
    channel_ids = {channel.id for channel in channels}
    inside: dict[str | None, list[Channel]] = {}
    for channel in channels:
        parent = channel.part_of if channel.part_of in channel_ids - {channel.id} else None
        inside.setdefault(parent, []).append(channel)

    def nodes(parent: str | None, path: frozenset[str]) -> Iterator[Node]:
        for channel in inside.get(parent, []):
            if channel.id in path:  # a loop of strangers
                continue
            below = list(nodes(channel.id, path | {channel.id}))
            yield Node(
                channel.id,
                f"{channel.boundary}, {KINDS[channel.kind]}",
                _channel_energy(energies.get(channel.id)),
                below,
            )

    return list(nodes(None, frozenset()))


def _channel_energy(reading: ChannelReadings | None) -> str:
    if reading is None:
        return "part of the one above, not added"
    if reading.energy is None:
        return f"no energy: {reading.fault}" if reading.fault else "no energy in the window"
    return f"{significant(reading.energy.energy_j * reading.factor, 6)} J"


def meter_rows(runs: Sequence[RunEnergy]) -> list[dict[str, str]]:
    """Return each meter with its limits and its calibration, once."""
    meters: dict[tuple[object, ...], dict[str, str]] = {}
    for run in runs:
        for reading in run.readings:
            channel = reading.trace.channel
            key = (channel.meter, channel.calibration_id, channel.accuracy.gain_mpe)
            meters.setdefault(key, _meter(channel, reading))
    return list(meters.values())[:MAX_CHANNELS]


def _meter(channel: Channel, reading: ChannelReadings) -> dict[str, str]:
    accuracy = channel.accuracy
    limits = f"±{100 * accuracy.gain_mpe:.3g} % of the reading"
    if accuracy.range_limit_w:
        limits += f", ±{significant(accuracy.range_limit_w, 3)} W"
    interval_s = reading.trace.interval_s
    clock = "unknown" if channel.clock_error_s is None else f"±{channel.clock_error_s:.3g} s"
    return {
        "meter": channel.meter,
        "calibration": channel.calibration_id,
        "kind": KINDS[channel.kind],
        "limits": limits + (" (assumed: the widest of its class)" if accuracy.assumed else ""),
        "source": accuracy.source,
        "interval": "–" if not interval_s else f"{significant(interval_s, 3)} s",
        "clock": clock,
    }
