"""Meters of equipment that all machines of a job share: switches, a rack's distributor.

Rank 0 samples them, once for the job. A switch stands beside the machines; a distributor, a rack
or a facility contains them, so that their own meters are part of it and are not added again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.core.errors import UsageError
from harness.meters.topology import subject_of
from harness.traces.channel import Channel
from harness.traces.trace import Trace

PREFIX = "shared-"
"""Begin of the names of the journals and channels of shared equipment."""
FIELD = "shared"
"""Field of a channel's header that says so."""
CONTAINING = frozenset({"facility", "rack", "pdu", "wall"})
"""Parts that feed the machines."""


def is_shared(channel: Channel) -> bool:
    """Return whether a channel measures equipment that all machines share."""
    return channel.extra.get(FIELD) is True


def shared_channel(channel: Channel) -> Channel:
    """Return the channel of shared equipment: of no machine, with a name of its own."""
    parent = f"{PREFIX}{channel.part_of}" if channel.part_of else None
    extra = {**channel.extra, FIELD: True}
    return replace(channel, id=f"{PREFIX}{channel.id}", node=None, part_of=parent, extra=extra)


def with_shared(traces: Sequence[Trace]) -> list[Trace]:
    """Make the channels of the machines part of the shared equipment that feeds them.

    Args:
        traces: Traces of all machines, and of shared equipment.
    """
    feeding = [
        trace.channel.id
        for trace in traces
        if is_shared(trace.channel)
        and trace.channel.part_of is None
        and subject_of(trace.channel).part in CONTAINING
    ]
    if not feeding:
        return list(traces)
    placed = []
    for trace in traces:
        if is_shared(trace.channel) or trace.channel.part_of is not None:
            placed.append(trace)
        else:
            placed.append(replace(trace, channel=replace(trace.channel, part_of=feeding[0])))
    return placed


def refuse_several(channels: Sequence[Channel]) -> None:
    """Refuse several shared meters that feed machines: which of them feeds which is unknown.

    Raises:
        UsageError: There are several.
    """
    feeding = [item.id for item in channels if subject_of(item).part in CONTAINING]
    if len(feeding) > 1:
        raise UsageError(
            "several shared meters feed machines, and it is unknown which machines each feeds",
            where="--shared-meter",
            got=", ".join(feeding),
            expected="one, or switches only",
            fix="Name the meter of each machine by --meter on that machine.",
        )
