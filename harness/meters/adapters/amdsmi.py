"""Read AMD boards through AMD SMI, whose Python package comes with ROCm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from harness.meters.base import Note, NoteKind, Reading, Unavailable, whole_read
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
POWER_FIELDS = ("current_socket_power", "average_socket_power", "socket_power")
"""Names of board power [W]: MI300 has the first, older boards the second."""
SOURCE = "no limit stated by AMD; that of board sensors of unknown type is assumed"


@dataclass(frozen=True, slots=True)
class Board:
    """One board.

    Attributes:
        id: Name of its channel.
        handle: AMD SMI's handle of it.
        counter: Whether it counts its energy.
        pci: PCI address.
    """

    id: str
    handle: Any
    counter: bool
    pci: str


class Amdsmi:
    """AMD boards: their energy counter where they have one, else socket power (ROCm's AMD SMI).

    On MI200 the first die of a card reports both; on MI300 the first partition reports the board.

    Attributes:
        notes: Boards that cannot be measured.
    """

    simulated = False
    automatic: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self._smi: Any = None
        self._boards: tuple[Board, ...] = ()

    def probe(self) -> Sequence[Channel]:
        """Return one channel for each board whose power can be read.

        Raises:
            Unavailable: The driver or the package is missing, or no board can be measured.
        """
        self.notes = []
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
        boards = [self._board(number, handle) for number, handle in enumerate(handles)]
        self._boards = tuple(board for board in boards if board is not None)
        if not self._boards:
            raise Unavailable(
                "no AMD board that can be measured",
                where="amdsmi",
                got=f"{len(handles)} boards",
                fix="Use another meter.",
            )
        return [_channel(board) for board in self._boards]

    def read(self) -> Sequence[Reading]:
        """Return the energy [J] or power [W] of each board.

        Raises:
            ReadFailed: No board could be read.
        """
        return whole_read([self._read(board) for board in self._boards])

    def _read(self, board: Board) -> Reading:
        try:
            value = self._energy_j(board.handle) if board.counter else self._power_w(board.handle)
        except self._smi.AmdSmiException as error:
            return Reading(board.id, math.nan, fault=str(error))
        if value is None:
            return Reading(board.id, math.nan, fault="not available")
        fault = "" if board.counter else power_fault(value, "board")
        return Reading(board.id, math.nan, fault=fault) if fault else Reading(board.id, value)

    def _board(self, number: int, handle: Any) -> Board | None:
        """Return one board; None, with a note, if neither energy nor power can be read."""
        id_ = f"amd-gpu-{number}"
        errors: list[str] = []
        for read in (self._energy_j, self._power_w):
            try:
                if read(handle):  # the counter is 0 on the second die of an MI200
                    pci = str(self._smi.amdsmi_get_gpu_device_bdf(handle)).lower()
                    return Board(id_, handle, read == self._energy_j, pci)
            except self._smi.AmdSmiException as error:
                errors.append(str(error))
        if len(errors) == 2:
            note = Note(NoteKind.UNMEASURED, id_, f"cannot be read ({errors[-1]})")
        else:
            message = "reports neither energy nor power, as second dies and partitions do"
            note = Note(NoteKind.REMARK, id_, message)
        self.notes.append(note)
        return None

    def _energy_j(self, handle: Any) -> float | None:
        """Return the energy counter [J], or None if the answer has none."""
        answer: Mapping[str, Any] = self._smi.amdsmi_get_energy_count(handle)
        for field in ACCUMULATOR_FIELDS:
            count = answer.get(field)
            if isinstance(count, int) and not counter_fault(count, ""):
                return count * float(answer["counter_resolution"]) * MICRO
        return None

    def _power_w(self, handle: Any) -> float | None:
        """Return board power [W], or None if the answer has none; older ones give texts."""
        answer: Mapping[str, Any] = self._smi.amdsmi_get_power_info(handle)
        for field in POWER_FIELDS:
            value = answer.get(field)
            if isinstance(value, int | float) and 0 <= value < 0xFFFF:
                return float(value)
        return None


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
        calibration_id=f"amdsmi:{pseudonym(board.pci)}",
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
