"""Read power and energy sensors of hwmon (Linux Documentation/hwmon/sysfs-interface.rst)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness.core.errors import UsageError
from harness.meters.arrangement import arrange, placed
from harness.meters.base import Note, NoteKind, ReadFailed, Reading, Unavailable, whole_read
from harness.meters.context import CLOCK, POWER_LIMIT, TEMPERATURE, Context
from harness.meters.readings import counter_fault, power_fault
from harness.meters.sysfs import NumberFile, text, whole
from harness.meters.topology import (
    BATTERY,
    PCI_ADDRESS,
    UNKNOWN,
    Subject,
    classify,
)
from harness.traces.calibration import calibration_id
from harness.traces.channel import MAY_BE_ZERO, SUPPLIES, Accuracy, Channel, Kind
from harness.traces.instruments import instrument

MICRO = 1e-6
"""hwmon counts in microwatts and microjoules."""
SOURCES: tuple[tuple[str, Kind], ...] = (
    ("energy{n}_input", "counter"),
    ("power{n}_average", "mean"),
    ("power{n}_input", "instant"),
)
"""Files of one sensor, the one that misses least first."""
INA3221_INPUTS = (1, 2, 3)
"""Inputs of an INA3221, which gives volts and amperes but no watts."""
CONTEXT_FILES = (
    (TEMPERATURE, "temp1_input", 1e-3),
    (CLOCK, "freq1_input", 1e-6),
    (POWER_LIMIT, "power1_cap", MICRO),
)
"""Files of a board's temperature [m deg C], shader clock [Hz] and power limit [uW]."""
ABSENT_LABELS = frozenset({"NC", "sum of shunt voltages"})
"""Labels of inputs that are not connected."""
WATT_HINT = "power1_input, power1_average or energy1_input"


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor of one device.

    Attributes:
        device: The hwmon folder, like `hwmon3`.
        base: Name of its files without the ending, like `power1`.
        paths: The file to read; for an INA3221 the files of volts and amperes, whose product
            is the power.
        kind: What a reading is.
        subject: What it measures.
        averaging_s: Length of the moving mean that it gives [s]; None where it states none.
        answers: Whether it could be read when it was probed.
    """

    device: str
    base: str
    paths: tuple[Path, ...]
    kind: Kind
    subject: Subject
    averaging_s: float | None = None
    answers: bool = True

    @property
    def id(self) -> str:
        """Name of its channel."""
        driver = self.subject.driver.partition("-apu")[0]
        name = f"{self.device}-{driver}-{self.subject.label or self.base}"
        return re.sub(r"[^A-Za-z0-9._-]", "_", name)

    @property
    def accuracy_file(self) -> Path:
        """File where a driver may state the sensor's accuracy."""
        return self.paths[0].with_name(f"{self.base}_accuracy")


class Hwmon:
    """Power and energy sensors of the board, the supply or the whole machine (hwmon).

    Attributes:
        root: Folder with the hwmon devices.
        only: Regular expression of the channels to take.
        unknown: Whether to take batteries and sensors that the table does not know: yes or no.
        notes: What was left out, and why; valid once probed.
    """

    simulated = False
    automatic: ClassVar[Mapping[str, str]] = {"unknown": "no"}
    source_options: ClassVar[Sequence[str]] = ("root",)

    def __init__(
        self, root: str = "/sys/class/hwmon", only: str = ".*", unknown: str = "yes"
    ) -> None:
        if unknown not in ("yes", "no"):
            raise UsageError(
                "is neither yes nor no", where="--meter hwmon:unknown", got=unknown, expected="no"
            )
        self.root, self.only, self.unknown = Path(root), only, unknown == "yes"
        self.notes: list[Note] = []
        self._sensors: dict[str, Sensor] = {}
        self._files: dict[str, tuple[NumberFile, ...]] = {}

    def probe(self) -> Sequence[Channel]:
        """Return one channel for each sensor; a sensor inside another is part of it.

        A sensor that does not answer now is kept: a sleeping board answers once it is used.

        Raises:
            Unavailable: There is no sensor, or `only` matches none.
        """
        self.notes = []
        try:
            pattern = re.compile(self.only)
        except re.error as error:
            raise Unavailable(
                "is not a regular expression", where="--meter hwmon:only", got=str(error)
            ) from None
        sensors = [s for s in self._find() if pattern.fullmatch(s.id) and self._is_wanted(s)]
        if not any(sensor.answers or sensor.subject.part == "board" for sensor in sensors):
            raise Unavailable(
                "no power sensor" if not sensors else "no power sensor answers",
                where=str(self.root),
                expected=WATT_HINT,
                fix="Load the driver of the supply or board (sudo modprobe acpi_power_meter), "
                "or use another meter.",
            )
        self._sensors = _unique(sensors)
        self._files = {
            id_: tuple(map(NumberFile, sensor.paths)) for id_, sensor in self._sensors.items()
        }
        supplies = sum(sensor.subject.part == "psu" for sensor in sensors)
        channels = [_channel(id_, s, supplies > 1) for id_, s in self._sensors.items()]
        return list(placed(channels, arrange(channels)))

    def read(self) -> Sequence[Reading]:
        """Return all sensors [W, J].

        Raises:
            ReadFailed: No sensor could be read.
        """
        return whole_read([self._read(id_) for id_ in self._files])

    def context(self) -> Context:
        """Return temperature, clock and power limit of each board, where the driver has them."""
        boards = {id_: s for id_, s in self._sensors.items() if s.subject.part == "board"}
        return {id_: dict(_context(sensor.paths[0].parent)) for id_, sensor in boards.items()}

    def _read(self, id_: str) -> Reading:
        sensor = self._sensors[id_]
        try:
            numbers = [file.read() for file in self._files[id_]]
        except ReadFailed as error:
            return Reading(id_, math.nan, fault=str(error))
        micro = math.prod(numbers)  # millivolts times milliamperes are microwatts
        if sensor.kind == "counter":
            fault = counter_fault(micro, "uJ")
        else:
            fault = power_fault(micro * MICRO, sensor.subject.part, micro)
        return Reading(id_, math.nan, fault=fault) if fault else Reading(id_, micro * MICRO)

    def _is_wanted(self, sensor: Sensor) -> bool:
        """Return whether to take a sensor: by default all, else those that are known to add up."""
        return self.unknown or sensor.subject.part not in (UNKNOWN, BATTERY)

    def _find(self) -> Iterator[Sensor]:
        """Yield all sensors of all devices, in the order of their numbers."""
        folders = self.root.glob("hwmon*") if self.root.is_dir() else ()
        for folder in sorted(folders, key=_number):
            sensors = list(self._sensors_in(folder, folder))
            if not sensors:  # before Linux 3.13 or so, files lay in the parent device
                sensors = list(self._sensors_in(folder, folder / "device"))
            yield from sensors

    def _sensors_in(self, folder: Path, files: Path) -> Iterator[Sensor]:
        """Yield the sensors whose files lie in one folder of a device."""
        driver = text(folder / "name") or text(files / "name") or "unnamed"
        bases = {path.name.partition("_")[0] for path in files.glob("power*_*")}
        bases |= {path.name.partition("_")[0] for path in files.glob("energy*_input")}
        numbers = sorted({int(base.lstrip("powerngy")) for base in bases if base[-1].isdigit()})
        pci = _pci_address(folder)
        for number in numbers:
            sensor = _sensor(driver, folder.name, files, number, pci)
            if sensor is None:
                continue
            if driver == "amdgpu" and _is_second_die(files, sensor):
                self.notes.append(
                    Note(
                        NoteKind.REMARK,
                        sensor.id,
                        "is the second die of a card whose first die reports the power of both",
                    )
                )
                continue
            yield sensor
        if driver == "ina3221" and not numbers:
            yield from _products(folder.name, files)


def _context(files: Path) -> Iterator[tuple[str, float]]:
    """Yield the context that the files of a board state."""
    for name, file, unit in CONTEXT_FILES:
        value = whole(files / file)
        if value is not None:
            yield name, value * unit


def _number(folder: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", folder.name)]


def _pci_address(folder: Path) -> str:
    """Return the PCI address of the device behind a hwmon folder, or ""."""
    try:
        name = (folder / "device").resolve().name
    except OSError:
        return ""
    return name if PCI_ADDRESS.fullmatch(name) else ""


def _sensor(driver: str, device: str, files: Path, number: int, pci: str) -> Sensor | None:
    """Return the sensor of one number: of its files the first that can be read."""
    paths = [(files / name.format(n=number), kind) for name, kind in SOURCES]
    paths = [(path, kind) for path, kind in paths if path.exists()]
    if not paths:
        return None
    readable = [(path, kind) for path, kind in paths if whole(path) is not None]
    path, kind = (readable or paths)[0]
    base = path.name.partition("_")[0]
    interval_ms = whole(files / f"{base}_average_interval")
    per_second = 1e6 if driver.startswith("occ") else 1e3  # occ.rst: in microseconds
    return Sensor(
        device=device,
        base=base,
        paths=(path,),
        kind=kind,
        subject=_subject(driver, device, files, base, pci),
        averaging_s=interval_ms / per_second if kind == "mean" and interval_ms else None,
        answers=bool(readable),
    )


def _subject(driver: str, device: str, files: Path, base: str, pci: str) -> Subject:
    """Return what a sensor measures, from its driver, its label and what else the driver says."""
    label = text(files / f"{base}_label") or ""
    if driver == "power_meter":
        label = label or text(files / f"{base}_oem_info") or ""
        if whole(files / f"{base}_is_battery"):
            driver = "power_meter-battery"
    elif driver == "amdgpu" and text(files / "in1_label") == "vddnb":
        driver = "amdgpu-apu"  # amdgpu_pm.c: only APUs have vddnb
    return classify(driver, label, device=device, pci=pci)


def _is_second_die(files: Path, sensor: Sensor) -> bool:
    """Return whether a card is the second die of an MI200 (aldebaran_ppt.c: all limits are 0)."""
    limits = [whole(files / f"{sensor.base}_{name}") for name in ("cap", "cap_max")]
    return limits == [0, 0] and whole(sensor.paths[0]) in (0, None)


def _products(device: str, files: Path) -> Iterator[Sensor]:
    """Yield the inputs of an INA3221, whose power is volts times amperes."""
    for number in INA3221_INPUTS:
        paths = (files / f"in{number}_input", files / f"curr{number}_input")
        label = text(files / f"in{number}_label") or ""
        if label in ABSENT_LABELS or not all(path.exists() for path in paths):
            continue
        yield Sensor(
            device=device,
            base=f"in{number}",
            paths=paths,
            kind="instant",
            subject=classify("ina3221", label, device=device),
            answers=all(whole(path) is not None for path in paths),
        )


def _unique(sensors: Sequence[Sensor]) -> dict[str, Sensor]:
    """Return sensors by channel id; where two have one label, their files tell them apart."""
    counts = Counter(sensor.id for sensor in sensors)
    return {
        sensor.id if counts[sensor.id] == 1 else f"{sensor.id}-{sensor.base}": sensor
        for sensor in sensors
    }


def _channel(id_: str, sensor: Sensor, may_be_zero: bool) -> Channel:
    """Return the channel of a sensor.

    Args:
        id_: Its id.
        sensor: The sensor.
        may_be_zero: Whether a supply may rest at 0 W, because another carries the load.
    """
    counter = sensor.kind == "counter"
    part = sensor.subject.part
    is_supply = part in SUPPLIES
    extra = sensor.subject.header()
    if is_supply and may_be_zero:
        extra[MAY_BE_ZERO] = True
    return Channel(
        id=id_,
        quantity="energy" if counter else "power",
        unit="J" if counter else "W",
        kind=sensor.kind,
        boundary=sensor.subject.boundary,
        meter="psu-pmbus" if is_supply else "unknown-sensor",
        calibration_id=calibration_id("hwmon", id_),
        accuracy=_accuracy(sensor, is_supply),
        averaging_s=sensor.averaging_s,
        clock="system",
        clock_error_s=_clock_error_s(sensor),
        current="ac" if part in ("node", "psu") else "dc",
        resolution=MICRO if len(sensor.paths) == 1 else None,
        extra=extra,
    )


def _clock_error_s(sensor: Sensor) -> float | None:
    """Return how late a reading may be [s]: half of a moving mean; unknown if it states none."""
    if sensor.kind != "mean":
        return 0.0
    return None if sensor.averaging_s is None else sensor.averaging_s / 2


def _accuracy(sensor: Sensor, is_supply: bool) -> Accuracy:
    """Return the limits of error that the driver states, or those of the class of sensor."""
    if is_supply:
        return instrument("psu-pmbus").accuracy()
    unknown = instrument("unknown-sensor").accuracy()
    limit_pct = _limit_pct(text(sensor.accuracy_file) or "")
    if limit_pct is None:
        return unknown
    return replace(
        unknown,
        reading_limit_pct=limit_pct,
        source=f"{sensor.base}_accuracy of {sensor.subject.driver}",
        assumed=False,
    )


def _limit_pct(stated: str) -> float | None:
    """Return the limit of error [%] that an accuracy like `95.0%` states; it says what is right."""
    try:
        value = float(stated.rstrip("%"))
    except ValueError:
        return None
    limit = 100 - value if value > 50 else value
    return limit if 0 < limit < 100 else None


METER = Hwmon
