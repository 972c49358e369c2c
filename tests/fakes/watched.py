"""A moment of a machine that is watched: a package with its cores, and a counter that is dead."""

from __future__ import annotations

from harness.live.monitor.watch import ChannelState, Snapshot
from harness.meters.topology import classify
from harness.traces.channel import Accuracy, Channel


def state(
    name: str, part_of: str | None, power_w: float | None, energy_j: float | None, fault: str = ""
) -> ChannelState:
    """A channel; those outside others are summed."""
    channel = Channel(
        id=name,
        quantity="energy",
        unit="J",
        kind="counter",
        boundary="package",
        part_of=part_of,
        calibration_id=name,
        accuracy=Accuracy(reading_limit_pct=5, source="test"),
        extra=classify("powercap", name, device="0").header(),
    )
    return ChannelState(
        channel=channel,
        meter="rapl",
        power_w=power_w,
        energy_j=energy_j,
        lost_s=0.5,
        t_ns=1_700_000_000_250_000_000,
        failures=3,
        counts=part_of is None,
        fault=fault,
    )


PACKAGE = state("package-0", None, 100.5, 1234.5)
CORES = state("core", "package-0", 60.25, 700.0)
DEAD = state("dram", None, None, None, "dram: the counter did not move in 12 s")
LIVING = Snapshot((PACKAGE, CORES), 12.0)
WITH_DEAD = Snapshot((PACKAGE, CORES, DEAD), 12.0, (DEAD.fault,))
