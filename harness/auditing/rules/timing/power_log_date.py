"""The power log was recorded while the run was."""

from collections.abc import Iterator
from typing import NamedTuple

from harness.auditing.report import Location
from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation, location
from harness.core.timestamps import NS, to_iso
from harness.energy.run import RunEnergy
from harness.traces.trace import Window

DAY_NS = 86400 * NS


class DistantLog(NamedTuple):
    """A log without a reading inside the window; sorts by its distance from the run."""

    distance_ns: int
    shift_ns: int
    where: Location
    first_reading_ns: int


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the most distant log of each run that has logs of another time."""
    for run in context.runs:
        window = run.run.window
        if window is None:
            continue
        distant_logs = _distant_logs(run, window)
        if not distant_logs:
            continue
        log = max(distant_logs)
        yield Violation(
            log.where,
            f"first reading at {to_iso(log.first_reading_ns)}, {_duration(log.shift_ns)} from "
            f"run_start, in {len(distant_logs)} of {len(run.readings)} logs",
            f"readings between {to_iso(window.start_ns)} and {to_iso(window.stop_ns)}",
            "Submit the power log of this run; keep both clocks synchronised.",
        )


def _distant_logs(run: RunEnergy, window: Window) -> list[DistantLog]:
    """Return the logs of a run that end before the window or begin after it."""
    logs = []
    for reading in run.readings:
        trace = reading.trace
        if not len(trace):
            continue
        first_ns, last_ns = int(trace.t_ns[0]), int(trace.t_ns[-1])
        if first_ns >= window.stop_ns or last_ns <= window.start_ns:
            shift_ns = first_ns - window.start_ns
            logs.append(DistantLog(abs(shift_ns), shift_ns, location(run.run, trace), first_ns))
    return logs


def _duration(shift_ns: int) -> str:
    """Write a signed time in days if it is a day or longer, else in seconds."""
    if abs(shift_ns) >= DAY_NS:
        return f"{shift_ns / DAY_NS:+.3f} days"
    return f"{shift_ns / NS:+.3f} s"


RULE = Rule(
    id="power-log-date",
    aliases=("clock-of-power-log",),
    title="The power log was recorded during the run",
    why="MLPerf never compares the timestamps of the two: last year's log scores as well as the "
    "right one.",
    evidence="First and last reading of each log against run_start and run_stop. A shift by a "
    "multiple of 15 minutes, up to 14 hours, is a time zone and is reported by clock-zone "
    "instead.",
    remedy="Submit the log that was recorded during the run.",
    applies_to=TRAINING_LOGS,
    check=check,
)
