"""Power and energy sensors of the hwmon class of Linux (Documentation/hwmon/sysfs-interface.rst)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.meters.sysfs import NumberFile, text, whole
from harness.traces.calibration import calibration_id
from harness.traces.channel import Accuracy, Channel, Kind
from harness.traces.instruments import instrument

MICRO = 1e-6
"""hwmon counts in microwatts and microjoules."""
BOUNDARIES = (
    ("node", r"power_meter|apm_xgene"),
    ("psu", r"pmbus|corsairpsu|.*psu.*|ibm-cffps|dps\d+.*|acbel.*|fsp.*|inspur-ipsps.*|crps"),
    ("package", r"amd_energy|fam15h_power|zenpower"),
    ("board", r"amdgpu|nouveau|xe|i915"),
)
"""Where a driver measures; from the outside in. What is not listed is a rail of the board."""
ORDER = ("node", "psu", "psu-output", "package", "board", "rail")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor file of one device. base: like `power1`; of: number of the device"""

    path: Path
    driver: str
    device: str
    base: str
    label: str | None
    kind: Kind
    interval_s: float | None = None

    @property
    def id(self) -> str:
        """Name of its channel."""
        return re.sub(
            r"[^A-Za-z0-9._-]", "_", f"{self.device}-{self.driver}-{self.label or self.base}"
        )

    @property
    def boundary(self) -> str:
        """Where it measures."""
        if self.output:
            return "psu-output"
        return next(
            (where for where, names in BOUNDARIES if re.fullmatch(names, self.driver)), "rail"
        )

    @property
    def output(self) -> bool:
        """Whether it is the output of a supply, whose input is measured too."""
        return (self.label or "").lower().startswith("pout")


class Hwmon:
    """Power and energy sensors of the board, the supply or the whole node (hwmon).

    root: where the hwmon folders lie; only: a regular expression of the channels to take
    """

    simulated = False

    def __init__(self, root: str = "/sys/class/hwmon", only: str = ".*") -> None:
        self.root, self.only = Path(root), only
        self._files: dict[str, NumberFile] = {}

    def probe(self) -> Sequence[Channel]:
        """One channel for each sensor; what lies inside another is part of it. Raises Unavailable."""
        try:
            sensors = [s for s in self._sensors() if re.fullmatch(self.only, s.id)]
        except re.error as error:
            raise Unavailable(
                "is not a regular expression", where="--meter hwmon:only", got=str(error)
            ) from None
        if not sensors:
            raise Unavailable(
                "no power sensor",
                where=str(self.root),
                expected="power1_input, power1_average or energy1_input",
                fix="Load the driver of the supply or board (sudo modprobe acpi_power_meter), or use another meter.",
            )
        self._files = {sensor.id: NumberFile(sensor.path) for sensor in sensors}
        outermost = min((s.boundary for s in sensors), key=ORDER.index)
        holder = next(s for s in sensors if s.boundary == outermost)
        return [_channel(s, None if s.boundary == outermost else holder.id) for s in sensors]

    def read(self) -> Sequence[Reading]:
        """All sensors [W, J]."""
        readings = []
        for id_, file in self._files.items():
            try:
                readings.append(Reading(id_, file.read() * MICRO))
            except ReadFailed as error:
                readings.append(Reading(id_, math.nan, fault=str(error)))
        if readings and all(math.isnan(reading.value) for reading in readings):
            raise ReadFailed(readings[0].fault)
        return readings

    def _sensors(self) -> Iterator[Sensor]:
        folders = self.root.glob("hwmon*") if self.root.is_dir() else ()
        for folder in sorted(
            folders, key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)]
        ):
            driver = text(folder / "name") or "unnamed"
            bases: set[str] = set()
            for suffix, kind in (
                ("energy*_input", "counter"),
                ("power*_average", "mean"),
                ("power*_input", "instant"),
            ):
                for path in sorted(folder.glob(suffix)):
                    base = path.name.partition("_")[0]
                    if base not in bases and whole(path) is not None and not _same(base, bases):
                        bases.add(base)
                        yield _sensor(folder, driver, base, kind, path)  # type: ignore[arg-type]


def _same(base: str, bases: set[str]) -> bool:
    """Whether a counter of the same number is bases, which misses nothing between two reads."""
    return base.replace("power", "energy") in bases


def _sensor(
    folder: Path, driver: str, base: str, kind: Literal["counter", "mean", "instant"], path: Path
) -> Sensor:
    interval_ms = whole(folder / f"{base}_average_interval")
    return Sensor(
        path,
        driver,
        folder.name,
        base,
        text(folder / f"{base}_label"),
        kind,
        interval_ms / 1000 if kind == "mean" and interval_ms else None,
    )


def _channel(sensor: Sensor, part_of: str | None) -> Channel:
    counter = sensor.kind == "counter"
    return Channel(
        id=sensor.id,
        quantity="energy" if counter else "power",
        unit="J" if counter else "W",
        kind=sensor.kind,
        boundary=sensor.boundary,
        part_of=part_of,
        meter="psu-pmbus" if sensor.boundary.startswith("psu") else "unknown-sensor",
        calibration_id=calibration_id("hwmon", sensor.id),
        accuracy=_accuracy(sensor),
        clock="system",
        clock_error_s=sensor.interval_s and sensor.interval_s / 2,
        current="ac" if sensor.boundary in ("node", "psu") else "dc",
        resolution=MICRO,
    )


def _accuracy(sensor: Sensor) -> Accuracy:
    if sensor.boundary.startswith("psu"):
        return instrument("psu-pmbus").accuracy()
    unknown = instrument("unknown-sensor").accuracy()
    limit = _limit_pct(text(sensor.path.with_name(f"{sensor.base}_accuracy")) or "")
    if limit is None:
        return unknown
    return replace(
        unknown,
        reading_limit_pct=limit,
        source=f"{sensor.base}_accuracy of {sensor.driver}",
        assumed=False,
    )


def _limit_pct(stated: str) -> float | None:
    """Limit of error [%] from an accuracy like `95.0%`, which says how much is right; None where it says nothing."""
    try:
        value = float(stated.rstrip("%"))
    except ValueError:
        return None
    limit = 100 - value if value > 50 else value
    return limit if 0 < limit < 100 else None


METER = Hwmon
