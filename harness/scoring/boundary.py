"""What the energy of an entry includes; tables never mix two boundaries."""

from __future__ import annotations

from typing import Literal

from harness.formats.base import Entry

Boundary = Literal["package", "board", "node", "wall", "rack", "facility", "rail"]

OUTERMOST_FIRST: tuple[Boundary, ...] = (
    "facility",
    "rack",
    "wall",
    "node",
    "board",
    "package",
    "rail",
)
_NAMES: dict[str, Boundary] = {
    "facility": "facility",
    "rack": "rack",
    "pdu": "rack",
    "wall": "wall",
    "outlet": "wall",
    "node": "node",
    "platform": "node",
    "psu": "node",
    "psu-output": "node",
    "psys": "node",
    "battery": "node",
    "supply": "node",
    "board": "board",
    "gpu": "board",
    "module": "board",
    "package": "package",
    "socket": "package",
    "cpu": "package",
}
"""Boundary of the places that channels name; any other place is a rail inside a part."""
BESIDE = "interconnect"
"""Switches of a training system stand beside its nodes and do not make another boundary."""


def boundaries(entry: Entry) -> tuple[Boundary, ...]:
    """Return the boundaries of the channels that are summed, outermost first."""
    channels = (trace.channel for run in entry.runs for trace in run.outer)
    places = {channel.boundary for channel in channels} - {BESIDE}
    names = {_NAMES.get(place, "rail") for place in places}
    return tuple(name for name in OUTERMOST_FIRST if name in names)


def boundary(entry: Entry) -> Boundary | None:
    """Return the outermost boundary that is summed; ``None`` where nothing was measured."""
    return next(iter(boundaries(entry)), None)
