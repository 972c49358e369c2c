"""The sampler: a process of its own that polls one meter by the clock and appends what it says to a journal.

One process for each meter: a meter that is slow, hangs or crashes delays no other, and neither does the workload, whose
interpreter lock is in another process. It is started as `python -m harness.meters.sampler`, told what to do by one line of
JSON on its input, and goes on until its input ends: when it is told to stop, or when whoever started it is no more.
It answers on its output, one line of JSON each: when it is ready, and when it fails.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, shorten
from harness.meters import MeterSpec, make
from harness.meters.base import Meter, ReadFailed, Reading
from harness.traces.channel import Channel
from harness.traces.journal_writer import Journal

BEAT_S = 1.0
"""Time between two clock lines, and before a read that does not return is told [s]."""
GRACE_S = 1.0
"""How long a read may go on after the end was asked for [s]."""
NAP_S = 0.2
"""Longest sleep without looking whether to stop [s]."""
T_LIMIT_NS = 1 << 63
"""Stamps are int64 [ns]."""
DONE, UNAVAILABLE, LOST = 0, 3, 4
"""Exit codes: done, the meter is not available, the journal cannot be written."""


class Sampler:
    """The poll of one meter.

    interval_s: time between reads [s]; wall_ns, mono_ns: the two clocks [ns]
    """

    def __init__(
        self,
        meter: Meter,
        channels: Sequence[Channel],
        journal: Journal,
        interval_s: float,
        *,
        wall_ns: Callable[[], int] = time.time_ns,
        mono_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.meter, self.journal = meter, journal
        self.channels = [channel.id for channel in channels]
        self.interval_ns = round(interval_s * 1e9)
        self.wall_ns, self.mono_ns = wall_ns, mono_ns
        self.missed = 0
        self.stopping = False
        self.stopped = threading.Event()
        self.reading_since: int | None = None
        self.told_hang = False

    def run(self) -> None:
        """Read at start + k * interval, absolute deadlines: a late read delays no later one. Raises OSError."""
        self.journal.clock()
        deadline = self.mono_ns()
        while not self.stopping:
            self.tick(deadline)
            behind = (self.mono_ns() - deadline) // self.interval_ns
            self.missed += max(0, behind)
            deadline += (1 + max(0, behind)) * self.interval_ns
            self.sleep_until(deadline)
        self.stopped.set()

    def tick(self, deadline: int) -> None:
        """One read, stamped in the middle of the time it took."""
        before, wall = self.mono_ns(), self.wall_ns()
        self.reading_since = before
        try:
            readings: Sequence[Reading] = self.meter.read()
            fault = ""
        except ReadFailed as error:
            readings, fault = (), shorten(error)
        except Exception as error:  # noqa: BLE001 - a meter of a third party may raise anything; it is a failed read
            readings, fault = (), f"{type(error).__name__}: {shorten(error)}"
        half = (self.mono_ns() - before) // 2
        self.reading_since, self.told_hang = None, False
        self.journal.rows(
            self.lines(readings, fault, (wall + half, before + half, before - deadline))
        )

    def lines(self, readings: Sequence[Reading], fault: str, at: tuple[int, int, int]) -> list[str]:
        """Rows of one read; what is not a reading of a known channel is a fault."""
        t_ns, mono, late = at
        row = self.journal.row
        if fault:
            return [row(channel, t_ns, mono, late, math.nan, fault) for channel in self.channels]
        try:
            stamped = [(r, t_ns if r.t_ns is None else int(r.t_ns)) for r in readings]
            if any(not 0 <= stamp < T_LIMIT_NS for _, stamp in stamped):
                raise ValueError("a stamp is no time")
            return [
                row(r.channel, stamp, mono, late, float(r.value), r.fault) for r, stamp in stamped
            ]
        except (AttributeError, TypeError, ValueError, KeyError, OverflowError) as error:
            said = f"not readings: {type(error).__name__}: {shorten(error, 60)}"
            return [row(channel, t_ns, mono, late, math.nan, said) for channel in self.channels]

    def sleep_until(self, deadline: int) -> None:
        """Sleep to an instant of the monotonic clock, in naps, so that a long interval ends when it is told to."""
        while not self.stopping and (left := (deadline - self.mono_ns()) / 1e9) > 0:
            time.sleep(min(left, NAP_S))

    def beat(self) -> None:
        """Each second: both clocks; and a read that does not return is told as a gap, once."""
        self.journal.clock()
        since = self.reading_since
        if since is not None and not self.told_hang and self.mono_ns() - since > BEAT_S * 1e9:
            self.told_hang = True
            self.tell_hang(since)

    def tell_hang(self, since: int) -> None:
        """Append that the read that began then has not returned."""
        fault = f"the meter has not answered for {(self.mono_ns() - since) / 1e9:.1f} s"
        at = (self.wall_ns(), self.mono_ns(), -1)  # it is not a read that came late
        self.journal.rows(self.lines((), fault, at))

    def finish(self) -> None:
        """Wait for the last read, and end the journal. Raises OSError."""
        self.stopping = True
        hung = not self.stopped.wait(GRACE_S)
        if hung and self.reading_since is not None:
            self.tell_hang(self.reading_since)
        self.journal.end({"missed": self.missed, "hung": hung})


def main() -> int:
    """The process. Input: {"meter", "options", "interval_s", "journal"}, then nothing until it ends."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for who started it, who then ends the input
    asked = json.loads(sys.stdin.buffer.readline())
    try:
        sampler, answer = prepare(asked)
    except JoulemarkError as error:
        said = {
            "message": error.message,
            "where": error.where,
            "got": error.got,
            "expected": error.expected,
        }
        say({"unavailable": said | {"fix": error.fix}})
        return UNAVAILABLE
    except OSError as error:
        return lost(error)
    say(answer)
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection in the middle of a read would be lateness
    threading.Thread(target=watch, args=(sampler,), daemon=True).start()
    try:
        sampler.run()
    except OSError as error:
        return lost(error)
    time.sleep(GRACE_S + 60)  # the watch ends the process
    return LOST


def prepare(asked: Mapping[str, Any]) -> tuple[Sampler, dict[str, Any]]:
    """A probed meter with its journal begun, and the answer to give. Raises JoulemarkError, OSError."""
    spec, interval_s = MeterSpec(asked["meter"], asked["options"]), float(asked["interval_s"])
    meter = make(spec)
    try:
        probed = meter.probe()
    except JoulemarkError:
        raise
    except Exception as error:
        raise JoulemarkError(
            f"meter {spec.name} broke when it was probed",
            got=f"{type(error).__name__}: {shorten(error)}",
            fix="Please report this to whoever provides the meter.",
        ) from error
    channels = [
        c if c.nominal_interval_s else replace(c, nominal_interval_s=interval_s) for c in probed
    ]
    about = {
        "meter": spec.name,
        "interval_s": interval_s,
        "simulated": bool(meter.simulated),
        "realtime": realtime(),
    }
    journal = Journal(Path(asked["journal"]), channels, about)
    return Sampler(meter, channels, journal, interval_s), {
        "ready": [channel.header() for channel in channels]
    }


def realtime() -> bool:
    """Whether this thread now runs before all ordinary ones when its time has come; it needs CAP_SYS_NICE.

    It works for a thousandth of the time, and a workload that fills the processors would else make it late.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):  # not Linux, or not permitted
        return False
    return True


def watch(sampler: Sampler) -> None:
    """Beat each second until the input ends; then end the process, whatever the meter does."""
    try:
        while not (select.select([0], [], [], BEAT_S)[0] and not os.read(0, 4096)):
            sampler.beat()
        sampler.finish()
    except OSError as error:
        os._exit(lost(error))
    os._exit(DONE)


def lost(error: OSError) -> int:
    """Say that the journal cannot be written."""
    say({"lost": error.strerror or str(error), "where": error.filename or ""})
    return LOST


def say(answer: Mapping[str, Any]) -> None:
    """One line on the output; where nobody listens any more, nobody needs it."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
