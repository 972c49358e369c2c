"""A square load of known times: all workers of a load work, or none."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.live.calibration.loads import POLL_S, Worker

IDLE_S = 10.0
"""Idle time before and after the pulses [s]."""
SHORTEST_S, LONGEST_S = 3.0, 9.0
"""Lengths of busy and idle pulses [s]. They vary: equal ones would look alike after a period."""
SEED = 20


@dataclass(frozen=True, slots=True)
class Pulse:
    """A time of one load.

    Attributes:
        busy: Whether the load is on.
        seconds: How long [s].
    """

    busy: bool
    seconds: float


def schedule(seconds: float, seed: int = SEED) -> list[Pulse]:
    """Return pulses of varying length that take some time, between two idle times.

    Args:
        seconds: Time for all pulses [s].
        seed: Of the lengths.
    """
    random = np.random.default_rng(seed)
    pulses = [Pulse(False, IDLE_S)]
    left_s, busy = seconds, True
    while left_s > 0:
        length_s = min(float(random.uniform(SHORTEST_S, LONGEST_S)), left_s)
        pulses.append(Pulse(busy, length_s))
        left_s, busy = left_s - length_s, not busy
    return [*pulses, Pulse(False, IDLE_S)]


def play(
    pulses: Sequence[Pulse], check: Callable[[], None], load: Sequence[Worker]
) -> list[tuple[int, bool]]:
    """Let all workers of a load work and rest as the pulses say.

    Args:
        pulses: The pulses.
        check: Called now and then; what it raises ends the load.
        load: What works.

    Returns:
        When each pulse began [ns UTC], and whether it was busy.
    """
    context = multiprocessing.get_context("spawn")
    work, end = context.Event(), context.Event()
    processes = [
        context.Process(target=target, args=(*arguments, work, end), daemon=True)
        for target, arguments in load
    ]
    for process in processes:
        process.start()
    edges = []
    try:
        for pulse in pulses:
            (work.set if pulse.busy else work.clear)()
            edges.append((time.time_ns(), pulse.busy))
            stop_s = time.monotonic() + pulse.seconds
            while (left_s := stop_s - time.monotonic()) > 0:
                check()
                time.sleep(min(left_s, POLL_S))
    finally:
        end.set()
        work.set()
        for process in processes:
            process.join(2)
            process.kill()
    return edges
