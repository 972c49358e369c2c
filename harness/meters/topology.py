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
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
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
    if {first.part, second.part} == {"board", "gpu"} and _may_be_one_card(first, second):
        return Relation.UNKNOWN
    return Relation.APART


def _may_be_one_card(first: Subject, second: Subject) -> bool:
    """Return whether a board and a chip may be of one card: of one maker, without PCI addresses."""
    makers = {subject.driver.partition("_")[0] for subject in (first, second)}
    addresses = [
        PCI_ADDRESS.fullmatch(subject.instance.partition(":gt")[0]) for subject in (first, second)
    ]
    is_one_maker = len(makers) == 1 or any(makers <= cards for cards in SAME_CARDS)
    return "" not in makers and is_one_maker and not all(addresses)


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
