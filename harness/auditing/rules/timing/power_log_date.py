"""The power log is of the time of the run."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.timestamps import NS, to_iso

DAY_NS = 86400 * NS


def check(case: RuleContext) -> Iterator[Violation]:
    for run in case.runs:
        window = run.run.window
        if window is None:
            continue
        apart = [
            (abs(shift), shift, place(run.run, r.trace), int(r.trace.t_ns[0]))
            for r in run.readings
            if len(r.trace)
            and not (r.trace.t_ns[0] < window.stop_ns and r.trace.t_ns[-1] > window.start_ns)
            for shift in [int(r.trace.t_ns[0]) - window.start_ns]
        ]
        if apart:
            _, shift, where, first = max(apart)
            yield Violation(
                where,
                f"first reading at {to_iso(first)}, {_span(shift)} from run_start, in {len(apart)} of "
                f"{len(run.readings)} logs",
                f"readings between {to_iso(window.start_ns)} and {to_iso(window.stop_ns)}",
                "Submit the power log of this run; keep both clocks synchronised.",
            )


def _span(shift_ns: int) -> str:
    return (
        f"{shift_ns / DAY_NS:+.3f} days" if abs(shift_ns) >= DAY_NS else f"{shift_ns / NS:+.3f} s"
    )


RULE = Rule(
    id="power-log-date",
    aliases=("clock-of-power-log",),
    title="The power log is of the time of the run",
    why="MLPerf never compares the stamps of the two: a log of last year scores as well as one of the run.",
    evidence="First and last reading of each log against run_start and run_stop. A whole quarter of an hour up to 14 "
    "hours is a time zone, and clock-zone tells it.",
    remedy="Submit the log that was recorded during the run.",
    check=check,
)
