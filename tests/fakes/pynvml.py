"""A stand-in for NVML: boards with and without an energy counter, and errors of the driver."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace


class NVMLError(Exception):
    """As in pynvml."""


@dataclass
class Board:
    """energy_mj: None where the board has no counter; lost: whether it fell off the bus"""

    power_mw: int = 250_000
    energy_mj: int | None = 1_000_000
    lost: bool = False


@dataclass
class Driver:
    """A driver with boards, or none at all."""

    boards: list[Board] = field(default_factory=list)
    present: bool = True

    def module(self) -> SimpleNamespace:
        """What `import pynvml` gives."""

        def start() -> None:
            if not self.present:
                raise NVMLError("Driver Not Loaded")

        def energy(board: Board) -> int:
            self._ask(board)
            if board.energy_mj is None:
                raise NVMLError("Not Supported")
            board.energy_mj += 25_000
            return board.energy_mj

        def power(board: Board) -> int:
            self._ask(board)
            return board.power_mw

        return SimpleNamespace(
            NVMLError=NVMLError,
            nvmlInit=start,
            nvmlDeviceGetCount=lambda: len(self.boards),
            nvmlDeviceGetHandleByIndex=lambda index: self.boards[index],
            nvmlDeviceGetUUID=lambda board: f"GPU-serial-{self.boards.index(board)}",
            nvmlDeviceGetTotalEnergyConsumption=energy,
            nvmlDeviceGetPowerUsage=power,
        )

    @staticmethod
    def _ask(board: Board) -> None:
        if board.lost:
            raise NVMLError("GPU is lost")
