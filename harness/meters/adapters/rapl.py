"""Read RAPL energy counters through powercap (Linux Documentation/power/powercap/powercap.rst)."""

from __future__ import annotations

import math
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness.meters.arrangement import arrange, placed
from harness.meters.base import ReadFailed, Reading, Unavailable, whole_read
from harness.meters.context import THROTTLE_COUNT, Context
from harness.meters.readings import counter_fault
from harness.meters.sysfs import NumberFile, text, whole
from harness.meters.topology import Subject, classify
from harness.traces.calibration import calibration_id
from harness.traces.channel import Channel
from harness.traces.instruments import instrument

UJ = 1e-6
"""Joules in one microjoule."""
TYPICAL_STEP_J = 61e-6
"""Energy unit of most processors [J], 2^-14 (Intel SDM vol. 3B, 16.10.1)."""
UPDATE_S = 1e-3
"""How often the processor updates a counter [s] (Intel SDM vol. 3B, 16.10.2)."""
SERVER_PSYS_STEP_J = 1.0
"""Energy unit of the platform counter on Sapphire Rapids [J] (kernel commit 2d798d9f5967)."""
SERVER_PSYS_RANGE_UJ = 2**32 * 10**6 - 10**6
"""Range of a platform counter with that unit [uJ]; other counters have a smaller one."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A powercap zone: `intel-rapl:0`, or `intel-rapl:0:1` inside it.

    Attributes:
        folder: Its folder.
        name: The kernel's name of it, like `package-0` or `dram`.
        parent: Name of the zone around it; None at the top.
        subject: What it measures.
    """

    folder: Path
    name: str
    parent: str | None
    subject: Subject

    @property
    def number(self) -> str:
        """Number of the zone, like `0.1` for `intel-rapl:0:1`."""
        return self.folder.name.partition(":")[2].replace(":", ".")

    @property
    def id(self) -> str:
        """Name of its channel."""
        name = self.name if self.parent is None else f"{self.parent}-{self.name}"
        return re.sub(r"[^A-Za-z0-9._-]", "_", name)


class Rapl:
    """Energy counters of the processor (RAPL): packages, cores, memory, platform.

    Attributes:
        root: Folder with the powercap zones.
        processors: Folder with the kernel's view of the processors.
    """

    simulated = False
    automatic: ClassVar[Mapping[str, str]] = {}
    source_options: ClassVar[Sequence[str]] = ("root",)

    def __init__(
        self, root: str = "/sys/class/powercap", processors: str = "/sys/devices/system/cpu"
    ) -> None:
        self.root, self.processors = Path(root), Path(processors)
        self._files: dict[str, NumberFile] = {}

    def probe(self) -> Sequence[Channel]:
        """Return one counter for each zone; a zone inside another is part of it.

        Raises:
            Unavailable: There is no zone, or the counters cannot be read.
        """
        zones = self._zones()
        if not zones:
            raise self._no_zone()
        self._refuse_locked(zones)
        by_id = _unique(zones)
        self._files = {id_: NumberFile(zone.folder / "energy_uj") for id_, zone in by_id.items()}
        channels = [_channel(id_, zone) for id_, zone in by_id.items()]
        return list(placed(channels, arrange(channels)))

    def read(self) -> Sequence[Reading]:
        """Return all counters [J].

        Raises:
            ReadFailed: No counter could be read.
        """
        return whole_read([self._read(id_, file) for id_, file in self._files.items()])

    def context(self) -> Context:
        """Return how often the packages were throttled by heat since boot (Intel)."""
        files = self.processors.glob("cpu*/thermal_throttle/package_throttle_count")
        counts = [whole(file) or 0 for file in files]
        return {"processors": {THROTTLE_COUNT: float(max(counts))}} if counts else {}

    def _read(self, id_: str, file: NumberFile) -> Reading:
        try:
            count = file.read()
        except ReadFailed as error:
            return Reading(id_, math.nan, fault=str(error))
        fault = counter_fault(count, "uJ")
        return Reading(id_, math.nan, fault=fault) if fault else Reading(id_, count * UJ)

    def _zones(self) -> list[Zone]:
        """Return all zones in order, without MMIO copies of zones that the MSR driver shows."""
        zones: list[Zone] = []
        folders = self.root.glob("*:*") if self.root.is_dir() else ()
        for folder in sorted(folders, key=lambda path: ("mmio" in path.name, _numbers(path.name))):
            zone = _zone(folder)
            if zone is None:
                continue
            is_twin = "mmio" in folder.name and zone.name in {earlier.name for earlier in zones}
            if not is_twin:
                zones.append(zone)
        return zones

    def _no_zone(self) -> Unavailable:
        """Return the error of a machine without zones, with the remedy that fits."""
        if sys.platform == "win32":
            return Unavailable(
                "RAPL is read on Linux only",
                where="rapl",
                got="Windows",
                fix="Windows is not supported: measure under Linux, or import a logger's trace.",
            )
        links = self.root.glob("*") if self.root.is_dir() else ()
        dangling = [link for link in links if link.is_symlink() and not link.exists()]
        if dangling:
            return Unavailable(
                "RAPL zones are links to nowhere: a container hides the folder they point to",
                where=str(sorted(dangling)[0]),
                got=f"a link to {os.readlink(sorted(dangling)[0])}",
                expected="a folder",
                fix="Mount it: docker run -v /sys/devices/virtual/powercap:"
                "/sys/devices/virtual/powercap:ro (Podman: --security-opt unmask=/sys/devices/"
                "virtual/powercap).",
            )
        return Unavailable(
            "no RAPL zone",
            where=str(self.root),
            expected="intel-rapl:0 or the like",
            fix="Load the driver: sudo modprobe intel_rapl_msr. Virtual machines rarely have it: "
            "use --meter estimator there.",
        )

    def _refuse_locked(self, zones: Sequence[Zone]) -> None:
        """Raise Unavailable if a counter may be read by root only."""
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
    """Return the zone of a powercap folder, or None if it counts nothing."""
    name, counter = text(folder / "name"), folder / "energy_uj"
    if name is None or not counter.exists():
        return None
    if name == "psys" and whole(counter) == 0:
        return None  # a platform counter that the firmware never set up
    if folder.name.count(":") < 2:
        return Zone(folder, name, None, classify("powercap", name, device=folder.name))
    parent = text(folder.with_name(folder.name.rpartition(":")[0]) / "name")
    socket = classify("powercap", parent or "", device=folder.name).instance
    return Zone(folder, name, parent, classify("powercap", name, device=socket))


def _numbers(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", name)]


def _unique(zones: Sequence[Zone]) -> dict[str, Zone]:
    """Return zones by channel id. Zones of one name are told apart by their numbers."""
    counts = Counter(zone.id for zone in zones)
    by_id = {}
    for zone in zones:
        if counts[zone.id] == 1:
            by_id[zone.id] = zone
        else:
            subject = replace(zone.subject, instance=f"{zone.subject.instance}#{zone.number}")
            by_id[f"{zone.id}-{zone.number}"] = replace(zone, subject=subject)
    return by_id


def _channel(id_: str, zone: Zone) -> Channel:
    range_uj = whole(zone.folder / "max_energy_range_uj") or 0
    is_server_psys = zone.name == "psys" and range_uj >= SERVER_PSYS_RANGE_UJ
    return Channel(
        id=id_,
        quantity="energy",
        unit="J",
        kind="counter",
        boundary=zone.name if zone.subject.part == "unknown" else zone.subject.boundary,
        meter="intel-rapl",
        calibration_id=calibration_id("rapl", id_),
        accuracy=instrument("intel-rapl").accuracy(),
        clock="system",
        clock_error_s=0.0,
        current="dc",
        counter_modulus_j=(range_uj + 1) * UJ if range_uj > 0 else None,
        resolution=SERVER_PSYS_STEP_J if is_server_psys else TYPICAL_STEP_J,
        update_interval_s=UPDATE_S,
        extra=zone.subject.header(),
    )


METER = Rapl
