"""Read NVIDIA boards through NVML (extra `nvidia`)."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from harness.meters.base import Note, NoteKind, Reading, Unavailable, whole_read
from harness.meters.context import (
    CLOCK,
    POWER_CAPPED,
    POWER_LIMIT,
    SLOWED_BY_HEAT,
    TEMPERATURE,
    Context,
)
from harness.meters.readings import counter_fault, power_fault
from harness.meters.topology import classify
from harness.traces.calibration import pseudonym
from harness.traces.channel import Accuracy, Channel
from harness.traces.instruments import instrument

MILLI = 1e-3
"""NVML counts in milliwatts and millijoules."""
UPDATE_S = 0.1
"""Longest time between two updates of the energy counter [s] (20 to 100 ms: Yang et al. 2024)."""
SAMPLED_PCT = 35.0
"""Limit of instant board power [% of the reading]: what correcting for partial sampling gained."""
SAMPLED_SOURCE = (
    "NVML board power, 5 %, and only part of the time is sampled (25 % on A100 and H100): Yang et "
    "al. 2024, arXiv 2312.02741, where correcting for that took 35 % off the error on average"
)
SENSOR_GPU, CLOCK_SM = 0, 1
"""Arguments of NVML: NVML_TEMPERATURE_GPU, NVML_CLOCK_SM."""
REASON_POWER_CAP = 0x4
"""Bit of the reasons for reduced clocks: the power limit (nvmlClocksEventReasons)."""
REASONS_HEAT = 0x20 | 0x40 | 0x8
"""Bits of the reasons for reduced clocks: heat by software, by hardware, hardware slowdown."""
OLD_BINDINGS = "pip install -U nvidia-ml-py"


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes:
        id: Name of its channel.
        handle: NVML's handle of it.
        counter: Whether it counts its energy.
        uuid: NVML's identity of it; only a pseudonym of it leaves this module.
        pci: PCI address; empty where the driver does not state it.
    """

    id: str
    handle: Any
    counter: bool
    uuid: str
    pci: str


class Nvml:
    """NVIDIA boards: their energy counter where they have one, else instant power.

    Attributes:
        devices: Numbers of the boards to take, like `0+1`; empty for all.
        notes: Boards that cannot be measured, and boards that the workload may not use.
    """

    simulated = False
    automatic: ClassVar[Mapping[str, str]] = {}

    def __init__(self, devices: str = "") -> None:
        self.devices = devices
        self.notes: list[Note] = []
        self._nvml: Any = None
        self._boards: tuple[Board, ...] = ()

    def probe(self) -> Sequence[Channel]:
        """Return one channel for each board whose power can be read.

        Raises:
            Unavailable: The driver or the package is missing, or no board can be measured.
        """
        self.notes = []
        self._nvml = _library()
        try:
            self._nvml.nvmlInit()
            count = int(self._nvml.nvmlDeviceGetCount())
        except self._nvml.NVMLError as error:
            raise Unavailable(
                "NVML does not answer",
                where="nvml",
                got=str(error),
                expected="an NVIDIA board and its driver",
                fix="Install the NVIDIA driver; `nvidia-smi` must list the boards.",
            ) from None
        boards = [self._board(index) for index in self._chosen(count)]
        self._boards = tuple(board for board in boards if board is not None)
        if not self._boards:
            raise Unavailable(
                "no NVIDIA board that can be measured",
                where="nvml",
                got="; ".join(note.message for note in self.notes) or "0 boards",
                fix="Use another meter.",
            )
        if not self._has_counter_call():
            self.notes.append(
                Note(
                    NoteKind.OUTDATED,
                    "nvml",
                    "the installed bindings know no energy counter, so power is sampled instead; "
                    f"for the counter: {OLD_BINDINGS}",
                )
            )
        self._note_visible_devices()
        return [_channel(board) for board in self._boards]

    def read(self) -> Sequence[Reading]:
        """Return the energy [J] or power [W] of each board.

        Raises:
            ReadFailed: No board could be read.
        """
        return whole_read([self._read(board) for board in self._boards])

    def context(self) -> Context:
        """Return temperature, clock, power limit and throttling of each board."""
        return {board.id: dict(self._context(board)) for board in self._boards}

    def _context(self, board: Board) -> Iterator[tuple[str, float]]:
        """Yield what the driver says of one board; what it does not support is left out."""
        functions: tuple[tuple[str, str, tuple[int, ...], float], ...] = (
            (TEMPERATURE, "nvmlDeviceGetTemperature", (SENSOR_GPU,), 1.0),
            (CLOCK, "nvmlDeviceGetClockInfo", (CLOCK_SM,), 1.0),
            (POWER_LIMIT, "nvmlDeviceGetEnforcedPowerLimit", (), MILLI),
        )
        for name, function, arguments, unit in functions:
            value = self._ask(function, board.handle, *arguments)
            if value is not None:
                yield name, value * unit
        reasons = self._ask("nvmlDeviceGetCurrentClocksEventReasons", board.handle)
        if reasons is None:  # its name before driver 535
            reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", board.handle)
        if reasons is not None:
            yield POWER_CAPPED, float(bool(reasons & REASON_POWER_CAP))
            yield SLOWED_BY_HEAT, float(bool(reasons & REASONS_HEAT))

    def _ask(self, function: str, *arguments: Any) -> int | None:
        """Return what a function of NVML answers, or None if board or binding lack it."""
        try:
            value: int = getattr(self._nvml, function)(*arguments)
        except (AttributeError, self._nvml.NVMLError):
            return None
        return value

    def _read(self, board: Board) -> Reading:
        try:
            milli = int(self._call(board.counter)(board.handle))
        except self._nvml.NVMLError as error:
            return Reading(board.id, math.nan, fault=str(error))
        if board.counter:
            fault = counter_fault(milli, "mJ")
        else:
            fault = power_fault(milli * MILLI, "board", milli)
        return (
            Reading(board.id, math.nan, fault=fault) if fault else Reading(board.id, milli * MILLI)
        )

    def _call(self, counter: bool) -> Callable[[Any], int]:
        """Return the function that reads energy [mJ] or power [mW]."""
        name = "TotalEnergyConsumption" if counter else "PowerUsage"
        function: Callable[[Any], int] = getattr(self._nvml, f"nvmlDeviceGet{name}")
        return function

    def _has_counter_call(self) -> bool:
        return hasattr(self._nvml, "nvmlDeviceGetTotalEnergyConsumption")

    def _chosen(self, count: int) -> list[int]:
        """Return the numbers of the boards that the user chose."""
        if not self.devices:
            return list(range(count))
        try:
            chosen = [int(part) for part in self.devices.split("+")]
        except ValueError:
            chosen = [-1]
        if any(not 0 <= index < count for index in chosen):
            raise Unavailable(
                "no such board",
                where="nvml:devices",
                got=self.devices,
                expected=f"numbers below {count}, like 0+1",
            )
        return chosen

    def _board(self, index: int) -> Board | None:
        """Return one board, or None, with a note, if neither energy nor power can be read."""
        id_ = f"gpu-{index}"
        try:
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            counter = self._has_counter_call() and self._answers(handle, counter=True)
            if not counter:
                self._call(counter=False)(handle)
            uuid = str(self._nvml.nvmlDeviceGetUUID(handle))
        except self._nvml.NVMLError as error:
            self.notes.append(
                Note(NoteKind.UNMEASURED, id_, f"reports neither energy nor power ({error})")
            )
            return None
        return Board(id_, handle, counter, uuid, self._pci_address(handle))

    def _answers(self, handle: Any, *, counter: bool) -> bool:
        try:
            self._call(counter)(handle)
        except self._nvml.NVMLError:
            return False
        return True

    def _pci_address(self, handle: Any) -> str:
        """Return the PCI address as sysfs writes it, like `0000:41:00.0`; "" if not stated."""
        try:
            bus_id = self._nvml.nvmlDeviceGetPciInfo(handle).busId
        except (AttributeError, self._nvml.NVMLError):
            return ""
        address = bus_id.decode() if isinstance(bus_id, bytes) else str(bus_id)
        domain, _, rest = address.lower().partition(":")
        return f"{domain[-4:]}:{rest}" if rest else ""

    def _note_visible_devices(self) -> None:
        """Note that the workload may use fewer boards than are measured."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None or self.devices:
            return
        usable = [part for part in visible.split(",") if part.strip() not in ("", "-1")]
        if len(usable) < len(self._boards):
            self.notes.append(
                Note(
                    NoteKind.BEYOND_WORKLOAD,
                    "nvml",
                    f"{len(self._boards)} boards are measured, but CUDA_VISIBLE_DEVICES={visible} "
                    f"lets the workload use {len(usable)}; to measure some only: "
                    "--meter nvml:devices=0+1 (numbers of nvidia-smi)",
                )
            )


def _library() -> Any:
    """Import the bindings of NVML."""
    try:
        import pynvml
    except ImportError:
        raise Unavailable(
            "the package nvidia-ml-py is not installed",
            where="nvml",
            fix="pip install 'joulemark[nvidia]'",
        ) from None
    return pynvml


def _channel(board: Board) -> Channel:
    subject = classify("nvml", "", device=board.id, pci=board.pci)
    return Channel(
        id=board.id,
        quantity="energy" if board.counter else "power",
        unit="J" if board.counter else "W",
        # Boards average power over 25 ms to 1 s, and some sample only part of that time. NVML
        # states neither, so a reading cannot count as the mean of a whole interval. "instant"
        # assumes least: the budget then covers what happens between readings.
        kind="counter" if board.counter else "instant",
        boundary=subject.boundary,
        meter="nvidia-nvml",
        calibration_id=f"nvml:{pseudonym(board.uuid)}",
        accuracy=_accuracy(board),
        clock="system",
        clock_error_s=0.0,
        current="dc",
        resolution=MILLI,
        update_interval_s=UPDATE_S if board.counter else None,
        extra=subject.header(),
    )


def _accuracy(board: Board) -> Accuracy:
    stated = instrument("nvidia-nvml").accuracy()
    if board.counter:
        return stated
    return replace(stated, reading_limit_pct=SAMPLED_PCT, source=SAMPLED_SOURCE)


METER = Nvml
