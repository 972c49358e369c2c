"""What was watched, as the document of `watch --json` (schema `watch`)."""

from __future__ import annotations

from typing import Any

from harness.core.schemas import SCHEMA_VERSION
from harness.live.monitor.watch import ChannelState, Snapshot
from harness.meters.topology import subject_of


def watch_document(snapshot: Snapshot) -> dict[str, Any]:
    """Return the document of a moment."""
    return {
        "schema_version": SCHEMA_VERSION,
        "seconds": snapshot.seconds,
        "power_w": snapshot.power_w,
        "energy_j": snapshot.energy_j,
        "channels": [_channel(state) for state in snapshot.channels],
        "notes": list(snapshot.notes),
    }


def _channel(state: ChannelState) -> dict[str, Any]:
    channel = state.channel
    return {
        "id": channel.id,
        "meter": state.meter,
        "kind": channel.kind,
        "boundary": channel.boundary,
        "part": subject_of(channel).part,
        "part_of": channel.part_of,
        "summed": state.counts,
        "power_w": state.power_w,
        "energy_j": state.energy_j,
        "unknown_s": state.lost_s,
        "failures": state.failures,
        "fault": state.fault,
    }
