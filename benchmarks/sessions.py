"""One session: does its interval hold the energy that was drawn in it, and is the value right on
average?

`python -m benchmarks.sessions` prints the first table of docs/explanation/coverage.md. The lab
simulator plays a load window of which the energy is known; a meter of each kind reads it, with
errors of gain, offset, clock, stamps and resolution drawn within the limits that its channel
states; the session is scored as any entry with one run is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from lab_simulator import Load, Truth, simulate_window

from harness.formats.base import Entry, Run
from harness.scoring.score import score
from harness.traces.channel import Accuracy, Channel, Kind
from harness.traces.clean import build_trace
from harness.traces.trace import Window

GAIN, OFFSET_W, CLOCK_S, JITTER_S, RESOLUTION = 0.001, 0.5, 0.02, 0.01, 0.1
"""Limits of the meter: 0.1 % of reading, 0.5 W; standard error of its clock and largest jitter
of its stamps [s]; step of its readings [W, J]."""
ESTIMATE_GAIN = 0.05
"""What a model of power declares as the limit of its error."""
DRAWS = 20_000
"""Draws of each interval; two blocks are enough for a share of sessions."""


@dataclass(frozen=True, slots=True)
class Found:
    """Of many sessions. coverage: share whose interval held the truth; bias: mean error of the
    value, that of the meter's gain and offset taken off; u_bias: its standard error; width: mean
    width of the intervals. All but the first are relative to the truth.
    """

    coverage: float
    bias: float
    u_bias: float
    width: float


def sessions(kind: Kind, count: int, *, seconds: float = 60.0, load: Load | None = None) -> Found:
    """Play and score `count` sessions of a kind of meter."""
    errors, widths, held = np.empty(count), np.empty(count), 0
    for seed in range(count):
        entry, truth = _session(kind, seed, seconds, load or Load())
        meter, truth_j = truth.meters[0], truth.energy_j
        energy = score(entry, draws=DRAWS).energy
        if energy.value is None or energy.low is None or energy.high is None:
            raise RuntimeError(f"no energy of {kind} session {seed}: {energy.note}")
        errors[seed] = (energy.value - meter.offset_w * seconds) / (
            1 + meter.gain_rel
        ) / truth_j - 1
        widths[seed] = (energy.high - energy.low) / truth_j
        held += energy.low <= truth_j <= energy.high
    return Found(held / count, errors.mean(), errors.std(ddof=1) / np.sqrt(count), widths.mean())


def _session(kind: Kind, seed: int, seconds: float, load: Load) -> tuple[Entry, Truth]:
    """An entry of one run, and the truth about its window."""
    gain = ESTIMATE_GAIN if kind == "estimate" else GAIN
    recording, truth = simulate_window(
        kind,
        seed=seed,
        duration_s=seconds,
        load=load,
        jitter_s=JITTER_S,
        clock_sigma_s=CLOCK_S,
        resolution=RESOLUTION,
        reading_limit_rel=gain,
        range_limit_w=OFFSET_W,
    )
    quantity, unit = ("energy", "J") if kind == "counter" else ("power", "W")
    channel = Channel(
        id="m",
        quantity=quantity,
        unit=unit,
        kind=kind,
        boundary="wall",
        calibration_id=f"meter {seed}",
        nominal_interval_s=1.0,
        resolution=RESOLUTION,
        clock=f"clock {seed}",
        clock_error_s=CLOCK_S,
        accuracy=Accuracy(
            reading_limit_pct=100 * gain, range_limit_w=OFFSET_W, source="laboratory"
        ),
    )
    trace = build_trace(channel, recording.t_ns, recording.value)
    run = Run(id="run-1", window=Window(truth.t0_ns, truth.t1_ns), traces=(trace,))
    entry = Entry(
        id=f"{kind} {seed}",
        directory=Path("nowhere"),
        format="csv",
        round="",
        task="inference",
        submitter="laboratory",
        system="simulated",
        benchmark="load",
        scenario="",
        runs=(run,),
    )
    return entry, truth


def table(count: int) -> Iterator[str]:
    """Lines of the table: each kind, with load that rises in half a second and with load that is
    there at once."""
    yield "| kind | run | load | coverage | bias | width |"
    yield "|---|---|---|---|---|---|"
    for kind in get_args(Kind):
        for seconds, ramp_s in ((60.0, 0.5), (60.0, 0.0), (600.0, 0.5)):
            found = sessions(kind, count, seconds=seconds, load=Load(ramp_s=ramp_s))
            rise = f"rises in {ramp_s:g} s" if ramp_s else "is there at once"
            bias = f"{found.bias:+.3%} ± {found.u_bias:.3%}"
            yield (
                f"| {kind} | {seconds:g} s | {rise} | {found.coverage:.1%} | {bias} | "
                f"{found.width:.2%} |"
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    for line in table(parser.parse_args().sessions):
        print(line, flush=True)


if __name__ == "__main__":
    main()
