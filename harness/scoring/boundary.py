"""What the energy of an entry includes; tables never mix two kinds of it.

The *boundary* of a result is one of seven words. What it *includes* is finer: the platform
counter of a processor (psys) and the output of a power supply are kept apart from what they
resemble, because they measure something else:

- psys covers packages, memory and what else the maker of the board wired to it, which no document
  states. It is no measurement of the node: boards, drives and fans may lie outside, and the losses
  of the supply always do. Its boundary is that of the processor, package.
- The output of a supply lacks the losses of the supply, 5 to 20 % of the input. Its boundary is
  the node, as for the input.
"""

from __future__ import annotations

from typing import Literal

from harness.formats.base import Entry

Boundary = Literal["package", "board", "node", "wall", "rack", "facility", "rail"]

INCLUDED_OUTERMOST_FIRST: dict[str, Boundary] = {
    "facility": "facility",
    "rack": "rack",
    "wall": "wall",
    "node": "node",
    "supply-output": "node",
    "board": "board",
    "psys": "package",
    "package": "package",
    "rail": "rail",
}
"""What energies may include, with the boundary of each."""
_PLACES = {
    "facility": "facility",
    "rack": "rack",
    "pdu": "rack",
    "wall": "wall",
    "outlet": "wall",
    "node": "node",
    "platform": "node",
    "psu": "node",
    "psu-output": "supply-output",
    "psys": "psys",
    "battery": "node",
    "supply": "node",
    "board": "board",
    "gpu": "board",
    "module": "board",
    "package": "package",
    "socket": "package",
    "cpu": "package",
}
"""What the places include that channels name; any other place is a rail inside a part."""
BESIDE = "interconnect"
"""Switches of a training system stand beside its nodes and do not make another boundary."""


def included(entry: Entry) -> tuple[str, ...]:
    """Return what the channels that are summed include, outermost first."""
    channels = (trace.channel for run in entry.runs for trace in run.outer)
    places = {channel.boundary for channel in channels} - {BESIDE}
    names = {_PLACES.get(place, "rail") for place in places}
    return tuple(name for name in INCLUDED_OUTERMOST_FIRST if name in names)


def boundary(entry: Entry) -> Boundary | None:
    """Return the outermost boundary that is summed; ``None`` where nothing was measured."""
    return outermost(included(entry))


def outermost(names: tuple[str, ...]) -> Boundary | None:
    """Return the boundary of what `included` returned; ``None`` where it is empty."""
    return INCLUDED_OUTERMOST_FIRST[names[0]] if names else None
