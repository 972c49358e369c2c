"""A square load of known times: all processors work, or none."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event

import numpy as np

IDLE_S = 10.0
"""Idle time before and after the pulses [s]."""
SHORTEST_S, LONGEST_S = 3.0, 9.0
"""Lengths of busy and idle pulses [s]. They vary: equal ones would look alike after a period."""
SEED = 20
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Pulse:
    """A time of one load.

    Attributes:
        busy: Whether the processors work.
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
    pulses: Sequence[Pulse], check: Callable[[], None], processes: int = 0
) -> list[tuple[int, bool]]:
    """Let all processors work and rest as the pulses say.

    Args:
        pulses: The pulses.
        check: Called now and then; what it raises ends the load.
        processes: How many processors work; 0 for all.

    Returns:
        When each pulse began [ns UTC], and whether it was busy.
    """
    context = multiprocessing.get_context("spawn")
    work, end = context.Event(), context.Event()
    count = processes or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    workers = [
        context.Process(target=_work, args=(work, end), daemon=True) for _ in range(max(count, 1))
    ]
    for worker in workers:
        worker.start()
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
        for worker in workers:
            worker.join(2)
            worker.kill()
    return edges


def _work(work: Event, end: Event) -> None:
    """Compute while told to, in a process of its own."""
    value = 1.0
    while not end.is_set():
        if not work.wait(POLL_S):
            continue
        for _ in range(20_000):
            value = value * 1.000001 + 1e-9
        value = 1.0
