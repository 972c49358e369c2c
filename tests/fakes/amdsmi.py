"""A stand-in for AMD SMI's Python package: boards, second dies and partitions."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class AmdSmiException(Exception):
    """As in amdsmi."""


RESOLUTION_UJ = 15.259
"""Microjoules of one count on MI200 and MI300."""


@dataclass
class Board:
    """One handle: a board, its second die, or a partition of it.

    energy_j: None where it has no counter; power: its answer, or None where it gives none
    frozen: whether its counter stands still; violations: what holds it back, None on older boards
    """

    bdf: str = "0000:0c:00.0"
    energy_j: float | None = 1000.0
    power: dict[str, Any] | None = field(default_factory=lambda: {"current_socket_power": 250})
    lost: bool = False
    frozen: bool = False
    violations: dict[str, Any] | None = None


@dataclass
class Driver:
    """A driver with boards, or none at all. old: whether it answers as before ROCm 6"""

    boards: list[Board] = field(default_factory=list)
    present: bool = True
    old: bool = False

    def wait(self, seconds: float) -> None:
        """Let all boards work for a time [s], as a meter's `pause`."""
        for board in self.boards:
            if board.energy_j and not board.frozen:
                board.energy_j += 250 * seconds

    def module(self) -> SimpleNamespace:
        """What `import amdsmi` gives."""

        def start() -> None:
            if not self.present:
                raise AmdSmiException("driver not loaded")

        def energy(board: Board) -> dict[str, Any]:
            _ask(board)
            if board.energy_j is None:
                raise AmdSmiException("not supported")
            count = round(board.energy_j * 1e6 / RESOLUTION_UJ)
            name = "power" if self.old else "energy_accumulator"
            return {name: count, "counter_resolution": RESOLUTION_UJ, "timestamp": 1}

        def power(board: Board) -> dict[str, Any]:
            _ask(board)
            if board.power is None:
                raise AmdSmiException("not supported")
            return board.power

        def violations(board: Board) -> dict[str, Any]:
            _ask(board)
            if board.violations is None:
                raise AmdSmiException("not supported")
            return board.violations

        return SimpleNamespace(
            AmdSmiTemperatureType=SimpleNamespace(HOTSPOT=1),
            AmdSmiTemperatureMetric=SimpleNamespace(CURRENT=0),
            AmdSmiClkType=SimpleNamespace(GFX=0),
            amdsmi_get_temp_metric=lambda board, *_: _ask(board) or 64,
            amdsmi_get_clock_info=lambda board, _: _ask(board) or {"clk": 1700, "max_clk": 2100},
            amdsmi_get_power_cap_info=lambda board: _ask(board) or {"power_cap": 750_000_000},
            amdsmi_get_violation_status=violations,
            AmdSmiException=AmdSmiException,
            amdsmi_init=start,
            amdsmi_get_processor_handles=lambda: self.boards,
            amdsmi_get_gpu_device_bdf=lambda board: board.bdf.upper(),
            amdsmi_get_energy_count=energy,
            amdsmi_get_power_info=power,
        )


def _ask(board: Board) -> None:
    if board.lost:
        raise AmdSmiException("device lost")
