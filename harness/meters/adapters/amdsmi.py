"""Read AMD boards through AMD SMI, whose Python package comes with ROCm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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

MICRO = 1e-6
"""The energy counter's resolution is in microjoules."""
UPDATE_S = 0.01
"""Longest time between two updates of the energy counter [s]."""
ACCUMULATOR_FIELDS = ("energy_accumulator", "power")
"""Names of the counter in the answer: today's, and that of ROCm before 6.0."""
HEAT_VIOLATIONS = (
    "active_prochot_thrm",
    "active_socket_thrm",
    "active_vr_thrm",
    "active_hbm_thrm",
)
"""Fields that say whether heat of the processor, socket, regulators or memory slows it down."""
NO_POWER = 0xFFFF
"""Power that stands for "not available" [W]."""
NOT_AVAILABLE = "not available"
POWER_FIELDS = ("current_socket_power", "average_socket_power", "socket_power")
"""Names of board power [W]: MI300 has the first, older boards the second."""
SOURCE = "no limit stated by AMD; that of board sensors of unknown type is assumed"


class Amdsmi(BoardMeter):
    """AMD boards: their energy counter where they have one, else socket power (ROCm's AMD SMI).

    On MI200 the first die of a card reports both; on MI300 the first partition reports the board.

    Attributes:
        notes: Boards that cannot be measured.
    """

    automatic: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._smi: Any = None

    def probe(self) -> Sequence[Channel]:
        """Return one channel for each board whose power can be read.

        Raises:
            Unavailable: The driver or the package is missing, or no board can be measured.
        """
        channels = self.choose()
        if not channels:
            raise Unavailable(
                "no AMD board that can be measured",
                where="amdsmi",
                got="; ".join(note.message for note in self.notes) or "0 boards",
                fix="Use another meter.",
            )
        return channels

    def find(self) -> Sequence[Board]:
        """Return all boards, second dies and partitions.

        Raises:
            Unavailable: The driver or the package is missing.
        """
        self._smi = _library()
        try:
            self._smi.amdsmi_init()
            handles = list(self._smi.amdsmi_get_processor_handles())
        except self._smi.AmdSmiException as error:
            raise Unavailable(
                "AMD SMI does not answer",
                where="amdsmi",
                got=str(error),
                expected="an AMD board and its driver",
                fix="Load the driver (sudo modprobe amdgpu); `amd-smi list` must list the boards.",
            ) from None
        return [self._board(number, handle) for number, handle in enumerate(handles)]

    def energy_j(self, board: Board) -> float:
        """Return the energy counter [J].

        Raises:
            BoardFailed: There is none, or it gives no number.
        """
        answer = self._answer("amdsmi_get_energy_count", board.handle)
        for field in ACCUMULATOR_FIELDS:
            count = answer.get(field)
            # The counter of the second die of an MI200 stays at 0.
            if isinstance(count, int) and count and not counter_fault(count, ""):
                return count * float(answer["counter_resolution"]) * MICRO
        raise BoardFailed(NOT_AVAILABLE)

    def power_w(self, board: Board) -> float:
        """Return the power of the socket [W]; some answers are texts like "N/A".

        Raises:
            BoardFailed: The board does not report it, or gives no number.
        """
        answer = self._answer("amdsmi_get_power_info", board.handle)
        for field in POWER_FIELDS:
            value = answer.get(field)
            if isinstance(value, int | float) and 0 < value < NO_POWER:
                refuse(power_fault(float(value), "board"))
                return float(value)
        raise BoardFailed(NOT_AVAILABLE)

    def describe(self, board: Board) -> Channel:
        """Return the channel of a board."""
        return _channel(board)

    def context_of(self, board: Board) -> Iterator[tuple[str, float]]:
        """Yield what the driver says of one board; what it does not support is left out."""
        for name, read in (
            (TEMPERATURE, self._temperature_c),
            (CLOCK, self._clock_mhz),
            (POWER_LIMIT, self._power_limit_w),
        ):
            value = self._ask(read, board.handle)
            if value is not None:
                yield name, value
        violations = self._ask(self._smi_function("amdsmi_get_violation_status"), board.handle)
        if isinstance(violations, Mapping):
            yield from _throttling(violations)

    def unmeasured(self, board: Board, reason: str) -> Note:
        """Return the note about a board without energy and power: often it is a part of another."""
        if reason != NOT_AVAILABLE:
            return super().unmeasured(board, reason)
        message = "reports neither energy nor power, as second dies and partitions do"
        return Note(NoteKind.REMARK, board.id, message)

    def _board(self, number: int, handle: Any) -> Board:
        try:
            pci = str(self._smi.amdsmi_get_gpu_device_bdf(handle)).lower()
        except self._smi.AmdSmiException:
            pci = ""
        return Board(f"amd-gpu-{number}", handle, pci, pci)

    def _answer(self, function: str, handle: Any) -> Mapping[str, Any]:
        """Return what a function of AMD SMI answers about a board.

        Raises:
            BoardFailed: It does not answer.
        """
        try:
            answer: Mapping[str, Any] = getattr(self._smi, function)(handle)
        except self._smi.AmdSmiException as error:
            raise BoardFailed(str(error)) from None
        return answer

    # Context. Older releases lack some functions, fields and enumerations.

    def _smi_function(self, name: str) -> Callable[[Any], Any]:
        return lambda handle: getattr(self._smi, name)(handle)

    def _ask(self, read: Callable[[Any], Any], handle: Any) -> Any:
        """Return what a function answers, or None if board or release lack it."""
        try:
            return read(handle)
        except (AttributeError, KeyError, TypeError, ValueError, self._smi.AmdSmiException):
            return None

    def _temperature_c(self, handle: Any) -> float:
        kinds, metrics = self._smi.AmdSmiTemperatureType, self._smi.AmdSmiTemperatureMetric
        value = self._smi.amdsmi_get_temp_metric(handle, kinds.HOTSPOT, metrics.CURRENT)
        return float(value)

    def _clock_mhz(self, handle: Any) -> float:
        return float(self._smi.amdsmi_get_clock_info(handle, self._smi.AmdSmiClkType.GFX)["clk"])

    def _power_limit_w(self, handle: Any) -> float:
        return float(self._smi.amdsmi_get_power_cap_info(handle)["power_cap"]) * MICRO


def _throttling(violations: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield whether power or heat hold a board back; MI300 and later state it."""
    capped = violations.get("active_ppt_pwr")
    if isinstance(capped, bool):
        yield POWER_CAPPED, float(capped)
    heat = [violations.get(name) for name in HEAT_VIOLATIONS]
    stated = [value for value in heat if isinstance(value, bool)]
    if stated:
        yield SLOWED_BY_HEAT, float(any(stated))


def _library() -> Any:
    """Import AMD SMI."""
    try:
        import amdsmi
    except (ImportError, OSError, KeyError):  # it raises the latter two where ROCm is incomplete
        raise Unavailable(
            "the package amdsmi is not installed",
            where="amdsmi",
            fix="It comes with ROCm: pip install /opt/rocm/share/amd_smi. Without it, "
            "--meter hwmon reads the power of AMD boards.",
        ) from None
    return amdsmi


def _channel(board: Board) -> Channel:
    subject = classify("amdsmi", "", device=board.id, pci=board.pci)
    return Channel(
        id=board.id,
        quantity="energy" if board.counter else "power",
        unit="J" if board.counter else "W",
        kind="counter" if board.counter else "instant",
        boundary=subject.boundary,
        meter="unknown-sensor",
        calibration_id=f"amdsmi:{pseudonym(board.identity)}",
        accuracy=_accuracy(),
        clock="system",
        clock_error_s=0.0,
        current="dc",
        resolution=None if board.counter else 1.0,
        update_interval_s=UPDATE_S if board.counter else None,
        extra=subject.header(),
    )


def _accuracy() -> Accuracy:
    return replace(instrument("unknown-sensor").accuracy(), source=SOURCE)


METER = Amdsmi
