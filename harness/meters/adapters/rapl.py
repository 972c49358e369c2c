"""RAPL through the powercap files of Linux (Documentation/power/powercap/powercap.rst)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.meters.sysfs import NumberFile, text, whole
from harness.traces.calibration import calibration_id
from harness.traces.channel import Channel
from harness.traces.instruments import instrument

UJ = 1e-6
"""Joules in one microjoule."""
TYPICAL_STEP_J = 61e-6
"""Energy unit of most processors [J], 2^-14 (Intel SDM vol. 3B, 16.10.1)."""


@dataclass(frozen=True, slots=True)
class Zone:
    """One powercap zone: `intel-rapl:0`, or `intel-rapl:0:1` inside it."""

    folder: Path
    name: str
    parent: str | None

    @property
    def id(self) -> str:
        """Name of its channel."""
        name = self.name if self.parent is None else f"{self.parent}-{self.name}"
        return re.sub(r"[^A-Za-z0-9._-]", "_", name)


class Rapl:
    """Energy counters of the processor (RAPL): packages, cores, memory, platform.

    root: where the powercap files lie
    """

    simulated = False

    def __init__(self, root: str = "/sys/class/powercap") -> None:
        self.root = Path(root)
        self._files: dict[str, NumberFile] = {}

    def probe(self) -> Sequence[Channel]:
        """One counter for each zone; inner zones are part of the outer one. Raises Unavailable."""
        zones = self._zones()
        if not zones:
            raise Unavailable(
                "no RAPL zone",
                where=str(self.root),
                expected="intel-rapl:0 or the like",
                fix="Load the driver: sudo modprobe intel_rapl_msr. Virtual machines rarely have it: "
                "use --meter estimator there.",
            )
        self._refuse_locked(zones)
        platform = next((zone for zone in zones if zone.name == "psys"), None)
        ids = _unique(zones)
        self._files = {id_: NumberFile(zone.folder / "energy_uj") for id_, zone in ids.items()}
        return [_channel(id_, zone, ids, platform) for id_, zone in ids.items()]

    def read(self) -> Sequence[Reading]:
        """All counters [J]."""
        readings = []
        for id_, file in self._files.items():
            try:
                value = file.read()
                readings.append(
                    Reading(id_, value * UJ)
                    if value >= 0
                    else Reading(id_, math.nan, fault=f"{value} uJ")
                )
            except ReadFailed as error:
                readings.append(Reading(id_, math.nan, fault=str(error)))
        if readings and all(math.isnan(reading.value) for reading in readings):
            raise ReadFailed(readings[0].fault)
        return readings

    def _zones(self) -> list[Zone]:
        """All zones in order, without those of the MMIO driver where the MSR driver shows the same."""
        zones: list[Zone] = []
        folders = self.root.glob("*:*") if self.root.is_dir() else ()
        for folder in sorted(folders, key=lambda path: ("mmio" in path.name, _numbers(path.name))):
            zone = _zone(folder)
            if zone is not None and not (
                "mmio" in folder.name and zone.name in {z.name for z in zones}
            ):
                zones.append(zone)
        return zones

    def _refuse_locked(self, zones: Sequence[Zone]) -> None:
        locked = [zone for zone in zones if not os.access(zone.folder / "energy_uj", os.R_OK)]
        if locked:
            raise Unavailable(
                "RAPL counters may be read by root only (since CVE-2020-8694)",
                where=str(locked[0].folder / "energy_uj"),
                got="permission denied",
                expected="a readable file",
                fix=f"Run once: sudo chmod a+r {self.root}/*/energy_uj",
            )


def _zone(folder: Path) -> Zone | None:
    """The zone of a powercap folder, or None where it counts nothing."""
    name, counter = text(folder / "name"), folder / "energy_uj"
    if name is None or not counter.exists():
        return None
    if name == "psys" and whole(counter) == 0:
        return None  # a platform counter that the firmware never set up
    above = folder.with_name(folder.name.rpartition(":")[0])
    return Zone(folder, name, text(above / "name") if folder.name.count(":") > 1 else None)


def _numbers(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]


def _unique(zones: Sequence[Zone]) -> dict[str, Zone]:
    """Zones by channel id; where two have one name, the zone's number tells them apart."""
    ids = [zone.id for zone in zones]
    return {
        id_
        if ids.count(id_) == 1
        else f"{id_}-{zone.folder.name.partition(':')[2].replace(':', '.')}": zone
        for id_, zone in zip(ids, zones, strict=True)
    }


def _channel(id_: str, zone: Zone, ids: dict[str, Zone], platform: Zone | None) -> Channel:
    by_folder = {z.folder.name: zone_id for zone_id, z in ids.items()}
    inside = (
        by_folder.get(zone.folder.name.rpartition(":")[0])
        if zone.parent and zone.name != "dram"
        else None
    )
    if inside is None and platform is not None and zone is not platform:
        inside = by_folder[platform.folder.name]
    largest = whole(zone.folder / "max_energy_range_uj")
    return Channel(
        id=id_,
        quantity="energy",
        unit="J",
        kind="counter",
        boundary="package" if zone.name.startswith("package") else zone.name,
        part_of=inside,
        meter="intel-rapl",
        calibration_id=calibration_id("rapl", id_),
        accuracy=instrument("intel-rapl").accuracy(),
        clock="system",
        clock_error_s=0.0,
        current="dc",
        counter_modulus_j=(largest + 1) * UJ if largest and largest > 0 else None,
        resolution=TYPICAL_STEP_J,
    )


METER = Rapl
