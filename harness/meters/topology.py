"""What each sensor measures, and which sensors measure parts of others.

`topology.csv` maps a driver and its label to the *part* of the machine that the sensor measures,
each row with its source. Whether one sensor contains another follows from the two parts:

    facility > rack > pdu > wall > node > psu (input) > psu-output > everything inside
    psu-rail: one voltage of a supply; which parts of the machine it feeds is not known
    psys    > package, core, uncore, dram        (graphics boards: not known)
    module  > package, core, uncore, dram, board, rail
    package > core, uncore of the same socket    (dram and boards stand beside it)
    board   > gpu of the same card

Two sensors of one part, like a socket seen by RAPL and by `amd_energy`, count once. Sensors that
the table does not know stand beside each other, and the pair is reported as unknown: their sum
may count energy twice.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

from harness.traces.channel import Channel

HEADER_FIELD = "subject"
"""Field of a channel's header that states what the channel measures."""
PCI_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
UNKNOWN, BATTERY = "unknown", "battery"
WHOLES = ("facility", "rack", "pdu", "wall", "node", "psu", "psu-output")
"""Parts that feed a whole machine, outermost first."""
CONTENTS: Mapping[str, frozenset[str]] = {
    "psys": frozenset({"package", "core", "uncore", "dram"}),
    "module": frozenset({"package", "core", "uncore", "dram", "board", "gpu", "rail"}),
    "package": frozenset({"core", "uncore"}),
    "board": frozenset({"gpu"}),
}
"""What a part inside the machine contains."""
OPEN: Mapping[str, frozenset[str]] = {
    "psys": frozenset({"board", "gpu", "rail", "fan", "module"}),
    "psu-rail": frozenset(
        {"psys", "module", "package", "core", "uncore", "dram", "board", "gpu", "rail", "fan"}
    ),
}
"""What a part may or may not contain, depending on the board it sits on."""
ANY_INSTANCE = frozenset({("module", "board"), ("module", "gpu"), ("psys", "package")})
"""Pairs where the whole holds the part whatever the two are called."""
MAX_POWER_W: Mapping[str, float] = {
    "node": 100e3,
    "psu": 20e3,
    "psu-output": 20e3,
    "psys": 20e3,
    "module": 10e3,
    "package": 3e3,
    "core": 3e3,
    "uncore": 3e3,
    "dram": 3e3,
    "board": 6e3,
    "gpu": 6e3,
    "rail": 3e3,
    "psu-rail": 20e3,
    "fan": 3e3,
}
"""Power that no such part draws, several times the largest product in 2026: an error value [W]."""
SAME_CARDS = (
    frozenset({"amdgpu", "amdsmi"}),
    frozenset({"nvml", "nouveau"}),
    frozenset({"xe", "i915"}),
)
"""Drivers that may show the same boards; only a PCI address tells whether they do."""
KIND_ORDER = ("counter", "mean", "instant", "estimate")
"""Of two sensors of one part the earlier kind counts: it misses less between two reads."""


class Relation(Enum):
    """How the first of two sensors stands to the second."""

    SAME = "same"
    CONTAINS = "contains"
    WITHIN = "within"
    APART = "apart"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a sensor measures.

    Attributes:
        part: Kind of part, like `package`, `board` or `node`; `unknown` if the table has no row.
        instance: Which one: a socket number, a PCI address, a device. `0:die-1` lies in `0`.
        driver: Driver that provides the sensor.
        label: The driver's own name of the sensor.
    """

    part: str
    instance: str = ""
    driver: str = ""
    label: str = ""

    @property
    def boundary(self) -> str:
        """Boundary of the channel, as its header states it."""
        return "rail" if self.part in (UNKNOWN, "psu-rail") else self.part

    def header(self) -> dict[str, Any]:
        """Return the field of the channel's header."""
        return {HEADER_FIELD: asdict(self)}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `topology.csv`.

    Attributes:
        driver: Regular expression of the driver's name.
        label: Regular expression of the label.
        part: Kind of part that the sensor measures.
        instance: Template of the instance; see `classify`.
        source: Document or driver source that says so.
    """

    driver: re.Pattern[str]
    label: re.Pattern[str]
    part: str
    instance: str
    source: str


@functools.cache
def table() -> tuple[Row, ...]:
    """Return the rows of `topology.csv`; the first that matches decides."""
    with Path(__file__).with_name("topology.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Row(
                re.compile(row["driver"]),
                re.compile(row["label"], re.IGNORECASE),
                row["part"],
                row["instance"],
                row["source"],
            )
            for row in csv.DictReader(file)
        )


def classify(driver: str, label: str, *, device: str = "", pci: str = "") -> Subject:
    """Return what a sensor measures, by its driver and label.

    Args:
        driver: Name of the driver.
        label: The driver's name of the sensor; may be empty.
        device: What tells devices of one driver apart: a hwmon folder, a socket number.
        pci: PCI address of the device; `device` is used where it is unknown.
    """
    label = label.strip()
    for row in table():
        driver_match = row.driver.fullmatch(driver)
        label_match = row.label.fullmatch(label)
        if driver_match and label_match:
            groups = {**driver_match.groupdict(), **label_match.groupdict()}
            places = {"device": device, "pci": pci or device, "label": label.lower()}
            return Subject(row.part, row.instance.format(**groups, **places), driver, label)
    return Subject(UNKNOWN, f"{device}:{label}", driver, label)


def subject_of(channel: Channel) -> Subject:
    """Return what a channel measures: as its header states it, else by its boundary."""
    stated = channel.extra.get(HEADER_FIELD)
    if isinstance(stated, Mapping):
        texts = {key: str(stated.get(key, "")) for key in ("part", "instance", "driver", "label")}
        return Subject(**texts)
    return Subject(channel.boundary)


def is_stated(channel: Channel) -> bool:
    """Return whether the channel's header states what it measures."""
    return isinstance(channel.extra.get(HEADER_FIELD), Mapping)


def relation(first: Subject, second: Subject) -> Relation:
    """Return how two sensors of one machine stand to each other."""
    if _contains(first, second):
        return Relation.CONTAINS
    if _contains(second, first):
        return Relation.WITHIN
    if _is_open(first, second) or _is_open(second, first):
        return Relation.UNKNOWN
    if first.part == second.part and first.instance and first.instance == second.instance:
        return Relation.SAME
    if first.part == second.part and _may_be_same(first, second):
        return Relation.UNKNOWN
    return Relation.APART


def _may_be_same(first: Subject, second: Subject) -> bool:
    """Return whether two sensors of one kind of part may measure the same one, unlike their names.

    Two node meters are of one machine, or of two of its halves. Two drivers of one maker's boards
    show the same boards where one of them does not state PCI addresses.
    """
    if first.part == "node":
        return bool(first.instance and second.instance)
    drivers = {first.driver, second.driver}
    if first.part != "board" or len(drivers) == 1:
        return False
    addresses = [PCI_ADDRESS.fullmatch(item.instance) for item in (first, second)]
    return not all(addresses) and any(drivers <= cards for cards in SAME_CARDS)


def _contains(whole: Subject, part: Subject) -> bool:
    if BATTERY in (whole.part, part.part):
        return False
    if whole.part in WHOLES:
        if part.part not in WHOLES:
            return True
        if whole.part == part.part:
            return _lies_in(whole.instance, part.instance)
        if (whole.part, part.part) == ("psu", "psu-output") and whole.instance:
            return _lies_in(whole.instance, part.instance)
        return WHOLES.index(whole.part) < WHOLES.index(part.part)
    if whole.part == part.part:
        return _lies_in(whole.instance, part.instance)
    if part.part not in CONTENTS.get(whole.part, ()):
        return False
    if whole.part == "psys" or (whole.part, part.part) in ANY_INSTANCE or not part.instance:
        return True
    return whole.instance == part.instance or _lies_in(whole.instance, part.instance)


def _lies_in(whole: str, part: str) -> bool:
    """Return whether an instance like `0:die-1` lies in one like `0`."""
    return bool(whole) and part.startswith(f"{whole}:")


def _is_open(first: Subject, second: Subject) -> bool:
    """Return whether nobody states if the first contains the second."""
    if first.part in (UNKNOWN, BATTERY):
        return second.part not in WHOLES or first.part == BATTERY
    return second.part in OPEN.get(first.part, ())


@dataclass(slots=True)
class Arrangement:
    """Channels of one machine as a tree.

    Attributes:
        parents: For each channel id, the channel that contains it; None at the top: these add up.
        duplicates: Pairs of channels that measure one part; the second is counted by the first.
        unknown: Pairs of top channels of which nobody knows whether one contains the other.
    """

    parents: dict[str, str | None] = field(default_factory=dict)
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)

    @property
    def top(self) -> list[str]:
        """Ids of the channels whose energies add up."""
        return [id_ for id_, parent in self.parents.items() if parent is None]


Overrides = Mapping[tuple[str, str], Relation]
"""What a run's own data says of two channels, by their ids; it stands above the table."""


def arrange(channels: Sequence[Channel], overrides: Overrides | None = None) -> Arrangement:
    """Find for each channel the one that contains it.

    Channels that state no subject keep the parent that their meter gave them.

    Args:
        channels: All channels of one machine, with unique ids.
        overrides: Relations found in the data of a run.
    """
    relations = _Relations(channels, overrides or {})
    ids = {channel.id for channel in channels}
    arrangement = Arrangement()
    for channel in channels:
        parent = relations.innermost(relations.holders(channel))
        if parent is None and channel.part_of in ids:
            parent = channel.part_of
        arrangement.parents[channel.id] = parent
    tops = {*arrangement.top}
    for first, second, kind in relations.same_or_unknown():
        pair = (first.id, second.id)
        if kind is Relation.SAME:
            arrangement.duplicates.append(pair if _is_preferred(first, second) else pair[::-1])
        elif tops.issuperset(pair):
            arrangement.unknown.append(pair)
    return arrangement


class _Relations:
    """Relations between channels, found once for each pair of subjects: these are few."""

    def __init__(self, channels: Sequence[Channel], overrides: Overrides) -> None:
        self.overrides = dict(overrides)
        for (first, second), kind in overrides.items():
            self.overrides.setdefault((second, first), OPPOSITE.get(kind, kind))
        self.order = {channel.id: number for number, channel in enumerate(channels)}
        self.by_id = {channel.id: channel for channel in channels}
        self.keys = {channel.id: _key(channel) for channel in channels}
        self.members: dict[_Key, list[Channel]] = {}
        for channel in channels:
            self.members.setdefault(self.keys[channel.id], []).append(channel)

    def between(self, first: str, second: str) -> Relation:
        """Return the relation of two channels, by their ids."""
        override = self.overrides.get((first, second))
        return override or _relation_of_keys(self.keys[first], self.keys[second])

    def holders(self, channel: Channel) -> list[str]:
        """Return the ids of the channels that contain a channel, or count in its place."""
        key = self.keys[channel.id]
        overridden = [first for first, second in self.overrides if second == channel.id]
        candidates = [self.by_id[id_] for id_ in overridden if id_ in self.by_id]
        for peer, members in self.members.items():
            if _relation_of_keys(peer, key) in (Relation.CONTAINS, Relation.SAME):
                candidates += members
        holders = {
            holder.id
            for holder in candidates
            if holder.id != channel.id
            and _holds(self.between(holder.id, channel.id), holder, channel)
        }
        return sorted(holders, key=self.order.__getitem__)

    def innermost(self, holders: Sequence[str]) -> str | None:
        """Return the holder that lies in most of the others: the direct parent."""

        def depth(id_: str) -> int:
            kinds = [self.between(id_, holder) for holder in holders if holder != id_]
            return kinds.count(Relation.WITHIN)

        return max(holders, key=depth, default=None)

    def same_or_unknown(self) -> Iterator[tuple[Channel, Channel, Relation]]:
        """Yield the pairs that measure one part, and those of which nobody knows."""
        pairs = {pair for pair in self.overrides if self.order.keys() >= {*pair}}
        for first, second in combinations_with_replacement(self.members, 2):
            if _relation_of_keys(first, second) in (Relation.SAME, Relation.UNKNOWN):
                pairs |= {
                    (left.id, right.id)
                    for left in self.members[first]
                    for right in self.members[second]
                    if left is not right
                }
        ordered = {tuple(sorted(pair, key=self.order.__getitem__)) for pair in pairs}
        for left_id, right_id in sorted(
            ordered, key=lambda pair: (self.order[pair[0]], self.order[pair[1]])
        ):
            kind = self.between(left_id, right_id)
            if kind in (Relation.SAME, Relation.UNKNOWN):
                yield self.by_id[left_id], self.by_id[right_id], kind


_Key = tuple[Subject, bool]
"""What decides the relations of a channel: its subject without the label; whether it estimates."""
OPPOSITE = {Relation.CONTAINS: Relation.WITHIN, Relation.WITHIN: Relation.CONTAINS}
"""The relation seen from the other side, where it is another one."""


def _key(channel: Channel) -> _Key:
    """Return the key of a channel; a model of the processors stands for all sockets."""
    subject = replace(subject_of(channel), label="")
    is_estimate = channel.kind == "estimate"
    return (replace(subject, instance="") if is_estimate else subject), is_estimate


@functools.lru_cache(maxsize=65536)
def _relation_of_keys(first: _Key, second: _Key) -> Relation:
    """Return the relation of two channels: an estimate is never added to a measurement of it."""
    (first_subject, first_estimates), (second_subject, second_estimates) = first, second
    if first_estimates != second_estimates and first_subject.part == second_subject.part:
        return Relation.WITHIN if first_estimates else Relation.CONTAINS
    return relation(first_subject, second_subject)


def _holds(kind: Relation, holder: Channel, channel: Channel) -> bool:
    return kind is Relation.CONTAINS or (kind is Relation.SAME and _is_preferred(holder, channel))


def _is_preferred(first: Channel, second: Channel) -> bool:
    """Return whether the first of two channels of one part is the one that counts.

    What misses nothing between two reads comes before a sample, a known meter before an unknown.
    """

    def rank(channel: Channel) -> tuple[int, bool, str]:
        return KIND_ORDER.index(channel.kind), channel.accuracy.assumed, channel.id

    return rank(first) < rank(second)


def placed(channels: Sequence[Channel], arrangement: Arrangement) -> Iterator[Channel]:
    """Yield the channels with the parents of an arrangement."""
    for channel in channels:
        yield replace(channel, part_of=arrangement.parents[channel.id])
