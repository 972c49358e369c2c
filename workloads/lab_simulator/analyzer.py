"""Power analyzers as PTDaemon knows them, and their readings as text.

A reading is one or more groups `Watts,..,Volts,..,Amps,..,PF,..`: the total, then one group for
each channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .clock import utc_stamp
from .meter import MeterModel, Recording
from .power import Floats

CURRENT_RANGES_A = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
VOLTAGE_RANGES_V = (150.0, 300.0, 600.0)
CHANNEL_SHARES = (0.342, 0.331)
"""Shares of the first channels in the total; the last channel has the rest, so that they add up
exactly."""
READING_LIMIT_REL = 0.001
"""Declared limit of all the analyzers here: 0.1 % of reading."""


@dataclass(frozen=True)
class Analyzer:
    """One model of analyzer: how PTDaemon names it, and the supply it is connected to."""

    ptd_name: str
    label: str
    identity: str
    device_type: int
    channels: int
    volts: float
    power_factor: float
    jitter_s: float
    range_limit_rel: float
    """Declared limit of the offset, relative to the power range."""

    def ranges(self, peak_w: float) -> tuple[float, float]:
        """Current [A] and voltage [V] range for a load of `peak_w`."""
        amps = 1.1 * peak_w / (self.channels * self.volts * self.power_factor)
        return snap(amps, CURRENT_RANGES_A), snap(self.volts, VOLTAGE_RANGES_V)

    def range_w(self, peak_w: float) -> float:
        """Power range [W] for a load of `peak_w`."""
        amps, volts = self.ranges(peak_w)
        return amps * volts * self.channels

    def model(self, peak_w: float, clock_sigma_s: float) -> MeterModel:
        """The data sheet: averages over each second, 0.1 W steps, limits for the range in use."""
        return MeterModel(
            kind="mean",
            jitter_s=self.jitter_s,
            reading_limit_rel=READING_LIMIT_REL,
            range_limit_w=self.range_limit_rel * self.range_w(peak_w),
            clock_sigma_s=clock_sigma_s,
        )


WT210 = Analyzer(
    ptd_name="YokogawaWT210",
    label="Yokogawa WT210",
    identity="YOKOGAWA,760401,0,F1.12",
    device_type=8,
    channels=1,
    volts=118.0,
    power_factor=0.95,
    jitter_s=0.008,
    range_limit_rel=0.001,
)
WT310E = Analyzer(
    ptd_name="YokogawaWT310",
    label="Yokogawa WT310",
    identity="YOKOGAWA,WT310E,SIMULATED,F1.04",
    device_type=49,
    channels=1,
    volts=230.0,
    power_factor=0.97,
    jitter_s=0.008,
    range_limit_rel=0.0005,
)
WT333E = Analyzer(
    ptd_name="YokogawaWT330_multichannel",
    label="Yokogawa WT330:MULTICHANNEL",
    identity="YOKOGAWA,WT333E,SIMULATED,F1.04",
    device_type=77,
    channels=3,
    volts=239.2,
    power_factor=0.965,
    jitter_s=0.04,
    range_limit_rel=0.0005,
)


@dataclass(frozen=True)
class Sample:
    """One reading as PTDaemon prints it."""

    t_ns: int
    """Stamp by the meter's clock."""
    watts: float
    """Total power [W]; nan where the reading failed."""
    volts: float
    amps: float
    """Largest voltage [V] and current [A] of all channels."""
    groups: tuple[str, ...]
    failure: str = ""
    """The text of a failed reading."""

    def raw_line(self) -> str:
        """The line in PTDaemon's reply to `RL`: neither mark nor channel names."""
        return ",".join(("Time", utc_stamp(self.t_ns), *self.groups))

    def spl_line(self, mark: str) -> str:
        """The line in spl.txt."""
        channels = "".join(f",Ch{k},{group}" for k, group in enumerate(self.groups[1:], 1))
        return f"Time,{utc_stamp(self.t_ns)},{self.groups[0]},Mark,{mark}{channels}"


def read_samples(
    analyzer: Analyzer, recording: Recording, rng: np.random.Generator
) -> list[Sample]:
    """Dress power readings with voltage, current and power factor."""
    raw = recording.raw or ("",) * recording.value.size
    volts = np.round(
        analyzer.volts + rng.normal(0.0, 0.08, (recording.value.size, analyzer.channels)), 1
    )
    rows = zip(recording.t_ns.tolist(), recording.value.tolist(), volts, raw, strict=True)
    return [
        _failed(analyzer, t_ns, text) if text else _sample(analyzer, t_ns, watts, volts_row)
        for t_ns, watts, volts_row, text in rows
    ]


def merged_spl_lines(analyzers: Sequence[Sequence[Sample]], mark: str) -> list[str]:
    """spl.txt of several analyzers: the sum, then each one's whole line; rows pair by number,
    not by time."""
    lines = []
    for row in zip(*analyzers, strict=False):
        total_w = sum(0.0 if sample.failure == "-1" else abs(_printed_w(sample)) for sample in row)
        total = f"Time,{utc_stamp(row[0].t_ns)},{_group(total_w, -1, -1, -1)},Mark,{mark}"
        parts = "".join(f",Analyzer{k},{sample.spl_line(mark)}" for k, sample in enumerate(row, 1))
        lines.append(total + parts)
    return lines


def snap(value: float, steps: Sequence[float]) -> float:
    """The smallest range not below `value`, or the largest there is."""
    return next((step for step in steps if step >= value), steps[-1])


def _sample(analyzer: Analyzer, t_ns: int, watts: float, volts: Floats) -> Sample:
    """A good reading: single-channel W = V A PF; multichannel V, A = means, W = sum, W = n V A
    PF."""
    shares = np.append(CHANNEL_SHARES[: analyzer.channels - 1], 0.0)
    channel_w = np.round(watts * shares, 1)
    channel_w[-1] = watts - channel_w.sum()
    amps = np.round(channel_w / (volts * analyzer.power_factor), 3)
    groups = [
        _group(w, v, a, analyzer.power_factor)
        for w, v, a in zip(channel_w, volts, amps, strict=True)
    ]
    if analyzer.channels > 1:
        volts_mean, amps_mean = float(volts.mean()), float(amps.mean())
        power_factor = watts / (analyzer.channels * volts_mean * amps_mean)
        groups.insert(0, _group(watts, volts_mean, amps_mean, power_factor))
    return Sample(t_ns, watts, float(volts.max()), float(amps.max()), tuple(groups))


def _failed(analyzer: Analyzer, t_ns: int, text: str) -> Sample:
    value = float(text)
    count = 1 if analyzer.channels == 1 else analyzer.channels + 1
    return Sample(
        t_ns, float("nan"), -1.0, -1.0, (_group(value, value, value, value),) * count, text
    )


def _printed_w(sample: Sample) -> float:
    return float(sample.failure) if sample.failure else sample.watts


def _group(watts: float, volts: float, amps: float, power_factor: float) -> str:
    return f"Watts,{watts:.6f},Volts,{volts:.6f},Amps,{amps:.6f},PF,{power_factor:.6f}"
