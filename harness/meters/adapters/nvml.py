"""Read NVIDIA boards through NVML (extra `nvidia`)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from harness.meters.base import Note, NoteKind, Unavailable
from harness.meters.boards import Board, BoardFailed, BoardMeter, refuse
from harness.meters.context import (
    CLOCK,
    POWER_CAPPED,
    POWER_LIMIT,
    SLOWED_BY_HEAT,
    TEMPERATURE,
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
COUNTER_CALL, POWER_CALL = "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetPowerUsage"
"""Functions of NVML that read energy [mJ] and power [mW]."""
OLD_BINDINGS = "pip install -U nvidia-ml-py"


class Nvml(BoardMeter):
    """NVIDIA boards: their energy counter where they have one, else instant power.

    Attributes:
        devices: Numbers of the boards to take, like `0+1`; empty for all.
        notes: Boards that cannot be measured, and boards that the workload may not use.
    """

    automatic: ClassVar[Mapping[str, str]] = {}

    def __init__(self, devices: str = "") -> None:
        super().__init__()
        self.devices = devices
        self._nvml: Any = None

    def probe(self) -> Sequence[Channel]:
        """Return one channel for each board whose power can be read.

        Raises:
            Unavailable: The driver or the package is missing, or no board can be measured.
        """
        channels = self.choose()
        if not channels:
            raise Unavailable(
                "no NVIDIA board that can be measured",
                where="nvml",
                got="; ".join(note.message for note in self.notes) or "0 boards",
                fix="Use another meter.",
            )
        if not hasattr(self._nvml, COUNTER_CALL):
            message = (
                "the installed bindings know no energy counter, so power is sampled instead; "
                f"for the counter: {OLD_BINDINGS}"
            )
            self.notes.append(Note(NoteKind.OUTDATED, "nvml", message))
        self._note_visible_devices(len(channels))
        return channels

    def find(self) -> Sequence[Board]:
        """Return the chosen boards.

        Raises:
            Unavailable: The driver or the package is missing, or a chosen board does not exist.
        """
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
        return [board for board in boards if board is not None]

    def energy_j(self, board: Board) -> float:
        """Return the energy counter [J].

        Raises:
            BoardFailed: There is none, or it gives no number.
        """
        milli = self._value(COUNTER_CALL, board.handle)
        refuse(counter_fault(milli, "mJ"))
        return milli * MILLI

    def power_w(self, board: Board) -> float:
        """Return the power [W].

        Raises:
            BoardFailed: The board does not report it, or gives no number.
        """
        milli = self._value(POWER_CALL, board.handle)
        refuse(power_fault(milli * MILLI, "board", milli))
        return milli * MILLI

    def describe(self, board: Board) -> Channel:
        """Return the channel of a board."""
        return _channel(board)

    def context_of(self, board: Board) -> Iterator[tuple[str, float]]:
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

    def _value(self, function: str, handle: Any) -> int:
        """Return what a function of NVML answers about a board.

        Raises:
            BoardFailed: Board or bindings lack it, or the board is lost.
        """
        try:
            return int(getattr(self._nvml, function)(handle))
        except AttributeError:
            raise BoardFailed(f"the bindings have no {function}") from None
        except self._nvml.NVMLError as error:
            raise BoardFailed(str(error)) from None

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
        """Return one board; None, with a note, if it does not answer at all."""
        id_ = f"gpu-{index}"
        try:
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            uuid = str(self._nvml.nvmlDeviceGetUUID(handle))
        except self._nvml.NVMLError as error:
            self.notes.append(self.unmeasured(Board(id_, None, "", ""), str(error)))
            return None
        return Board(id_, handle, self._pci_address(handle), uuid)

    def _pci_address(self, handle: Any) -> str:
        """Return the PCI address as sysfs writes it, like `0000:41:00.0`; "" if not stated."""
        try:
            bus_id = self._nvml.nvmlDeviceGetPciInfo(handle).busId
        except (AttributeError, self._nvml.NVMLError):
            return ""
        address = bus_id.decode() if isinstance(bus_id, bytes) else str(bus_id)
        domain, _, rest = address.lower().partition(":")
        return f"{domain[-4:]}:{rest}" if rest else ""

    def _note_visible_devices(self, measured: int) -> None:
        """Note that the workload may use fewer boards than are measured."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is None or self.devices:
            return
        usable = [part for part in visible.split(",") if part.strip() not in ("", "-1")]
        if len(usable) < measured:
            self.notes.append(
                Note(
                    NoteKind.BEYOND_WORKLOAD,
                    "nvml",
                    f"{measured} boards are measured, but CUDA_VISIBLE_DEVICES={visible} "
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
        calibration_id=f"nvml:{pseudonym(board.identity)}",
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
