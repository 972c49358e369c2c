"""Sample one meter on a schedule, in a process of its own, into a journal.

One process per meter: a meter that is slow, hangs or crashes delays neither the other meters nor
the workload. The protocol with the process that starts it (`python -m harness.meters.sampler`):

1. one line of JSON on stdin says what to sample: `{"meter", "options", "interval_s", "journal"}`,
   and "calibration" where there is one;
2. one line of JSON on stdout answers: `{"ready": [channel headers]}`, `{"unavailable": {...}}` if
   the meter cannot be used, or `{"lost": reason}` if the journal cannot be written;
3. sampling goes on until stdin is closed, by request or because the starting process died.
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
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.meters.base import Meter, ReadFailed, Reading
from harness.meters.calibration import calibrated, read_calibration
from harness.meters.context import Context, look
from harness.meters.registry import MeterSpec, declared_source, make, public_spec
from harness.traces.channel import DECLARED_SOURCE, Channel
from harness.traces.journal.writer import Journal

BEAT_S = 1.0
"""Time between two clock lines, and before a read that does not return is reported [s]."""
CONTEXT_S = 1.0
"""Time between two looks at temperatures, clocks and the like [s]."""
CLOSE_S = 1.0
"""How long a meter may take to be closed [s]."""
GRACE_S = 1.0
"""How long a read may go on after sampling was told to stop [s]."""
NAP_S = 0.2
"""Longest sleep between two checks of whether to stop [s]."""
MAX_COUNTED_W = 1000.0
"""Largest power that a counter of limited range counts: more than any processor draws [W]."""
T_LIMIT_NS = 1 << 63
"""Stamps are int64 [ns]."""
DONE, UNAVAILABLE, LOST = 0, 3, 4
"""Exit codes: done, the meter is unavailable, the journal cannot be written."""


class Sampler:
    """Polls one meter and writes what it reads to a journal.

    Attributes:
        meter: The meter, already probed.
        journal: Where readings and failures go.
        channels: Ids of the meter's channels.
        interval_ns: Time between reads [ns].
        wall_ns: Wall clock [ns UTC].
        mono_ns: Monotonic clock [ns].
        missed: Deadlines that passed while a read was still going on.
        stopping: Whether sampling was told to stop.
        stopped: Set when the last read has returned.
        reading_since: When the read in progress began [ns, monotonic]; None between reads.
        hang_reported: Whether the read in progress was already reported as hanging.
        read_context: Returns temperatures, clocks and the like; None if the meter gives none.
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
        self.hang_reported = False
        self.read_context: Callable[[], Context] | None = getattr(meter, "context", None)

    def run(self) -> None:
        """Read at start + k * interval. Deadlines are absolute: a late read delays no later one.

        Raises:
            OSError: The journal cannot be written.
        """
        self.journal.clock()
        deadline = self.mono_ns()
        context_due = deadline
        while not self.stopping:
            self.tick(deadline)
            if self.read_context is not None and self.mono_ns() >= context_due:
                self.note_context(self.read_context)
                context_due += round(CONTEXT_S * 1e9)
            behind = (self.mono_ns() - deadline) // self.interval_ns
            self.missed += max(0, behind)
            deadline += (1 + max(0, behind)) * self.interval_ns
            self.sleep_until(deadline)
        self.stopped.set()

    def note_context(self, read: Callable[[], Context]) -> None:
        """Write what else the meter says now, if it says anything."""
        values = look(read)
        if values:
            self.journal.context(self.wall_ns(), values)

    def tick(self, deadline: int) -> None:
        """Read once and stamp the readings with the middle of the time that the read took."""
        before, wall = self.mono_ns(), self.wall_ns()
        self.reading_since = before
        try:
            readings: Sequence[Reading] = self.meter.read()
            fault = ""
        except ReadFailed as error:
            readings, fault = (), shorten(error)
        except Exception as error:  # noqa: BLE001 - a third-party meter may raise anything
            readings, fault = (), f"{type(error).__name__}: {shorten(error)}"
        half = (self.mono_ns() - before) // 2
        self.reading_since, self.hang_reported = None, False
        self.journal.rows(
            self.lines(readings, fault, (wall + half, before + half, before - deadline))
        )

    def lines(self, readings: Sequence[Reading], fault: str, at: tuple[int, int, int]) -> list[str]:
        """Format the rows of one read. Anything but readings of known channels becomes a fault.

        Args:
            readings: What the meter returned.
            fault: Why the read failed; empty if it did not.
            at: Wall clock, monotonic clock, and lateness after the deadline [ns].
        """
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
            fault = f"not readings: {type(error).__name__}: {shorten(error, 60)}"
            return [row(channel, t_ns, mono, late, math.nan, fault) for channel in self.channels]

    def sleep_until(self, deadline: int) -> None:
        """Sleep until a monotonic time [ns], in naps, so that a request to stop is noticed soon."""
        while not self.stopping and (left := (deadline - self.mono_ns()) / 1e9) > 0:
            time.sleep(min(left, NAP_S))

    def beat(self) -> None:
        """Write both clocks, and report a read that hangs as a gap, once. Called every second."""
        self.journal.clock()
        since = self.reading_since
        if since is not None and not self.hang_reported and self.mono_ns() - since > BEAT_S * 1e9:
            self.hang_reported = True
            self.report_hang(since)

    def report_hang(self, since: int) -> None:
        """Append a fault to all channels: the read that began at `since` [ns] has not returned."""
        fault = f"the meter has not answered for {(self.mono_ns() - since) / 1e9:.1f} s"
        at = (self.wall_ns(), self.mono_ns(), -1)  # -1: not a late read
        self.journal.rows(self.lines((), fault, at))

    def finish(self) -> None:
        """Wait for the last read, and end the journal.

        Raises:
            OSError: The journal cannot be written.
        """
        self.stopping = True
        hung = not self.stopped.wait(GRACE_S)
        if hung and self.reading_since is not None:
            self.report_hang(self.reading_since)
        ending: dict[str, Any] = {"missed": self.missed, "hung": hung}
        self.journal.end(ending)

    def release(self) -> None:
        """Let go of the meter, so that the next run can use it: log out, end a measurement.

        A meter that hangs, or takes its time to end, is left alone.
        """
        close = getattr(self.meter, "close", None)
        if close is None or not self.stopped.is_set():
            return

        def close_quietly() -> None:
            with contextlib.suppress(Exception):
                close()

        closing = threading.Thread(target=close_quietly, daemon=True)
        closing.start()
        closing.join(CLOSE_S)


def main() -> int:
    """Run the sampler process; see the module docstring for its protocol. Return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the starting process handles Ctrl-C
    request = json.loads(sys.stdin.buffer.readline())
    try:
        sampler, answer = prepare(request)
    except JoulemarkError as error:
        parts = ("message", "where", "got", "expected", "fix")
        reply({"unavailable": {part: getattr(error, part) for part in parts}})
        return UNAVAILABLE
    except OSError as error:
        return lost(error)
    reply(answer)
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection during a read would make it late
    threading.Thread(target=watch, args=(sampler,), daemon=True).start()
    try:
        sampler.run()
    except OSError as error:
        return lost(error)
    time.sleep(GRACE_S + 60)  # `watch` ends the process
    return LOST


def prepare(request: Mapping[str, Any]) -> tuple[Sampler, dict[str, Any]]:
    """Probe the meter and begin its journal. Return the sampler and the answer to give.

    Raises:
        JoulemarkError: The meter cannot be used.
        OSError: The journal cannot be written.
    """
    spec, interval_s = MeterSpec(request["meter"], request["options"]), float(request["interval_s"])
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
    check_interval(probed, interval_s, spec)
    source = declared_source(spec)
    declared = {DECLARED_SOURCE: source} if source else {}
    polls = bool(getattr(meter, "polls", False))
    channels = [
        replace(
            channel,
            nominal_interval_s=nominal_interval_s(channel, interval_s, polls),
            update_interval_s=update_interval_s(channel, interval_s, polls),
            extra={**channel.extra, **declared},
        )
        for channel in probed
    ]
    if request.get("calibration"):
        key_file = str(request.get("calibration_key", ""))
        calibration = read_calibration(Path(request["calibration"]), key_file)
        channels = calibrated(channels, calibration)
    about = {
        "meter": spec.name,
        "options": dict(public_spec(spec).options),
        "interval_s": interval_s,
        "simulated": bool(meter.simulated),
        "realtime": realtime(),
        "notes": [asdict(note) for note in getattr(meter, "notes", ())],
    }
    configuration = getattr(meter, "configuration", None)
    if callable(configuration):
        about["configuration"] = configuration()
    journal = Journal(Path(request["journal"]), channels, about)
    return Sampler(meter, channels, journal, interval_s), {
        "ready": [channel.header() for channel in channels]
    }


def nominal_interval_s(channel: Channel, interval_s: float, polls: bool) -> float:
    """Return the time to expect between the readings of a channel [s].

    Args:
        channel: The channel; it may state the time between updates in the device.
        interval_s: Time between reads [s].
        polls: Whether a read returns only the present value, so that updates between are lost.
    """
    update_s = channel.nominal_interval_s or interval_s
    return max(update_s, interval_s) if polls else update_s


def update_interval_s(channel: Channel, interval_s: float, polls: bool) -> float | None:
    """Return how late a count may be for its stamp [s]; None where it is not.

    A count that is polled is seen at the next read at the latest, or at the next update.

    Args:
        channel: The channel.
        interval_s: Time between reads [s].
        polls: Whether a read returns only the present value.
    """
    update_s = channel.update_interval_s
    if update_s is None or not polls:
        return update_s
    return max(update_s, min(interval_s, channel.nominal_interval_s or interval_s))


def check_interval(channels: Sequence[Channel], interval_s: float, spec: MeterSpec) -> None:
    """Refuse an interval in which a counter may pass half of its range: a wrap would go unseen.

    Raises:
        UsageError: The interval is too long for a counter.
    """
    for channel in channels:
        modulus_j = channel.counter_modulus_j
        if modulus_j is None:
            continue
        longest_s = modulus_j / 2 / MAX_COUNTED_W
        if interval_s > longest_s:
            raise UsageError(
                f"the counter {channel.id} may pass its range of {modulus_j:.0f} J between reads",
                where=f"--meter {spec} --interval",
                got=f"{interval_s:g} s",
                expected=f"at most {longest_s:.0f} s",
                fix="Read it more often, for example --interval 1.",
            )


def realtime() -> bool:
    """Ask for real-time scheduling, so that a workload on all processors does not delay reads.

    The sampler is busy about a thousandth of the time. Return False without CAP_SYS_NICE, or where
    the system has no such scheduling.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except (AttributeError, OSError):
        return False
    return True


def watch(sampler: Sampler) -> None:
    """Beat every second until stdin is closed; then end the process, whatever the meter does."""
    try:
        while not (select.select([0], [], [], BEAT_S)[0] and not os.read(0, 4096)):
            sampler.beat()
        sampler.finish()
        sampler.release()
    except OSError as error:
        os._exit(lost(error))
    os._exit(DONE)


def lost(error: OSError) -> int:
    """Reply that the journal cannot be written. Return the exit code for it."""
    reply({"lost": error.strerror or str(error), "where": error.filename or ""})
    return LOST


def reply(answer: Mapping[str, Any]) -> None:
    """Write one line to stdout; if nobody reads it any more, nobody needs it."""
    with contextlib.suppress(OSError):
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
