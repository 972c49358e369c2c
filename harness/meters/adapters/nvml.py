"""NVIDIA boards through NVML (extra `nvidia`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.traces.calibration import pseudonym
from harness.traces.channel import Accuracy, Channel
from harness.traces.instruments import instrument

MILLI = 1e-3
"""NVML counts in milliwatts and millijoules."""
SAMPLED_PCT = 35.0
"""Limit of instant board power [% of the reading]: what correcting for partial sampling took off the error."""
SAMPLED_SOURCE = (
    "NVML board power, 5 %, and only part of the time is sampled (25 % on A100 and H100): Yang et al. 2024, "
    "arXiv 2312.02741, where correcting for that took 35 % off the error on average"
)


@dataclass(frozen=True, slots=True)
class Board:
    """One board. counter: whether it counts its energy"""

    id: str
    handle: Any
    counter: bool
    uuid: str


class Nvml:
    """NVIDIA boards: their energy counter where they have one, else instant power.

    devices: numbers of the boards to take, like 0+1; all by default
    """

    simulated = False

    def __init__(self, devices: str = "") -> None:
        self.devices = devices
        self._nvml: Any = None
        self._boards: tuple[Board, ...] = ()

    def probe(self) -> Sequence[Channel]:
        """One channel for each board. Raises Unavailable."""
        self._nvml = _library()
        try:
            self._nvml.nvmlInit()
            count = int(self._nvml.nvmlDeviceGetCount())
            self._boards = tuple(self._board(index) for index in self._chosen(count))
        except self._nvml.NVMLError as error:
            raise Unavailable(
                "NVML does not answer",
                where="nvml",
                got=str(error),
                expected="an NVIDIA board and its driver",
                fix="Install the NVIDIA driver; `nvidia-smi` must list the boards.",
            ) from None
        if not self._boards:
            raise Unavailable("no NVIDIA board", where="nvml", fix="Use another meter.")
        return [_channel(board) for board in self._boards]

    def read(self) -> Sequence[Reading]:
        """Energy [J] or power [W] of each board."""
        readings = []
        for board in self._boards:
            read = (
                self._nvml.nvmlDeviceGetTotalEnergyConsumption
                if board.counter
                else self._nvml.nvmlDeviceGetPowerUsage
            )
            try:
                readings.append(Reading(board.id, read(board.handle) * MILLI))
            except self._nvml.NVMLError as error:
                readings.append(Reading(board.id, math.nan, fault=str(error)))
        if all(math.isnan(reading.value) for reading in readings):
            raise ReadFailed(readings[0].fault if readings else "not probed")
        return readings

    def _chosen(self, count: int) -> list[int]:
        try:
            chosen = (
                [int(part) for part in self.devices.split("+")]
                if self.devices
                else list(range(count))
            )
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

    def _board(self, index: int) -> Board:
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        try:
            self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
            counter = True
        except self._nvml.NVMLError:
            self._nvml.nvmlDeviceGetPowerUsage(handle)
            counter = False
        return Board(f"gpu-{index}", handle, counter, str(self._nvml.nvmlDeviceGetUUID(handle)))


def _library() -> Any:
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
    return Channel(
        id=board.id,
        quantity="energy" if board.counter else "power",
        unit="J" if board.counter else "W",
        kind="counter" if board.counter else "instant",
        boundary="board",
        meter="nvidia-nvml",
        calibration_id=f"nvml:{pseudonym(board.uuid)}",
        accuracy=_accuracy(board),
        clock="system",
        clock_error_s=0.0,
        current="dc",
        resolution=MILLI,
    )


def _accuracy(board: Board) -> Accuracy:
    stated = instrument("nvidia-nvml").accuracy()
    return (
        stated
        if board.counter
        else replace(stated, reading_limit_pct=SAMPLED_PCT, source=SAMPLED_SOURCE)
    )


METER = Nvml
