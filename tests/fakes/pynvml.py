"""A stand-in for NVML: boards with and without an energy counter, and errors of the driver."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace


class NVMLError(Exception):
    """As in pynvml."""


@dataclass
class Board:
    """One board.

    power_mw: None where it does not report its power; energy_mj: None where it has no counter
    lost: whether it fell off the bus; pci: its address; watts: power at a time [s], for `run`
    reasons: why its clock is reduced, as bits; None where the driver does not say
    frozen: whether its counter stands still
    """

    power_mw: int | None = 250_000
    energy_mj: int | None = 1_000_000
    lost: bool = False
    pci: str = ""
    watts: Callable[[float], float] | None = lambda _: 250.0
    counted_j: float = 0.0
    reasons: int | None = None
    frozen: bool = False

    def __post_init__(self) -> None:
        if self.watts is None:
            self.power_mw = self.energy_mj = None

    def run(self, t: float, step_s: float) -> None:
        """Let the board work until a time [s]."""
        if self.watts is not None:
            self.counted_j += self.watts(t - step_s / 2) * step_s
            self.power_mw = round(self.watts(t) * 1e3)
            if not self.frozen:
                self.energy_mj = round(self.counted_j * 1e3)

    def wait(self, seconds: float) -> None:
        """Let the board draw its present power for a time [s]."""
        if self.energy_mj is not None and self.power_mw is not None and not self.frozen:
            self.energy_mj += round(self.power_mw * seconds)


@dataclass
class Driver:
    """A driver with boards, or none at all.

    step: whether each read of a counter finds it 25 J further; counts: whether the bindings know
    the energy counter
    """

    boards: list[Board] = field(default_factory=list)
    present: bool = True
    step: bool = True
    counts: bool = True

    def wait(self, seconds: float) -> None:
        """Let all boards work for a time [s], as a meter's `pause`."""
        for board in self.boards:
            board.wait(seconds)

    def module(self) -> SimpleNamespace:
        """What `import pynvml` gives."""
        module = SimpleNamespace(
            NVMLError=NVMLError,
            nvmlInit=self._start,
            nvmlDeviceGetCount=lambda: len(self.boards),
            nvmlDeviceGetHandleByIndex=lambda index: self.boards[index],
            nvmlDeviceGetUUID=lambda board: f"GPU-serial-{self.boards.index(board)}",
            nvmlDeviceGetPowerUsage=lambda board: _answer(board, board.power_mw),
            nvmlDeviceGetPciInfo=_pci,
        )
        module.nvmlDeviceGetTemperature = lambda board, _: _answer(board, 61)
        module.nvmlDeviceGetClockInfo = lambda board, _: _answer(board, 1410)
        module.nvmlDeviceGetEnforcedPowerLimit = lambda board: _answer(board, 400_000)
        reasons = f"nvmlDeviceGetCurrentClocks{'Event' if self.counts else 'Throttle'}Reasons"
        setattr(module, reasons, lambda board: _answer(board, board.reasons))
        if self.counts:
            module.nvmlDeviceGetTotalEnergyConsumption = self._energy
        return module

    def _start(self) -> None:
        if not self.present:
            raise NVMLError("Driver Not Loaded")

    def _energy(self, board: Board) -> int:
        counted = _answer(board, board.energy_mj)
        if self.step:
            board.energy_mj = counted = counted + 25_000
        return counted


def _answer(board: Board, value: int | None) -> int:
    if board.lost:
        raise NVMLError("GPU is lost")
    if value is None:
        raise NVMLError("Not Supported")
    return value


def _pci(board: Board) -> SimpleNamespace:
    if not board.pci:
        raise NVMLError("Not Supported")
    return SimpleNamespace(busId=f"0000{board.pci.upper()}".encode())
