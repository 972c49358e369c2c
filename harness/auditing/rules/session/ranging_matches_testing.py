"""The ranging run did the same work as the run that counts."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.base import Run
from harness.formats.ptdaemon.power_session import Session
from harness.traces.clean import FAILED, NEGATIVE, ZERO

SPL = "performance/run_1/spl.txt"
FAULTS = (FAILED, NEGATIVE, ZERO)


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    ranging, testing = case.entry.ranging, case.entry.runs[0]
    first, second = (_power_w(run) for run in (ranging, testing))
    if ranging is None or not len(first) or not len(second):
        if session.server:
            yield Violation(
                "performance/ranging/spl.txt",
                "no readings in one of the windows",
                "both runs",
                "Submit both.",
            )
        return
    share = float(second.mean() / first.mean()) - 1
    lowest, highest = case.limits["power_drop_max"], case.limits["power_rise_max"]
    if failed := _failed(ranging):
        of = failed + len(first)
        if failed > case.limits["failed_share_max"] * of:
            highest = (
                np.inf
            )  # what failed is what is above the range: the mean of the rest is too low
            yield Violation(
                "performance/ranging/spl.txt",
                f"{failed} of {of} readings of ranging failed",
                f"at most {case.limits['failed_share_max']:g} of them",
                "Nothing, if the current was above the automatic range: the ranges were then set from the rest.",
                status="warn",
            )
    if not -lowest < share < highest:
        yield Violation(
            SPL,
            f"{100 * share:+.2f} of the mean power of ranging",
            f"{-100 * lowest:g} to {100 * highest:+g}",
            "Do the same work in both runs, on a system in the same state.",
            "%",
            None if share <= -lowest else "warn",
        )
    yield from _duration(ranging, testing, case.limits["duration_change_max"])
    yield from _copied(first, second, case.limits["copy_spread_max"])


def _power_w(run: Run | None) -> np.ndarray:
    trace = next(iter(run.outer), None) if run else None
    if trace is None or run is None or run.window is None:
        return np.empty(0)
    return trace.window(run.window).value


def _failed(run: Run) -> int:
    """Readings in the window that failed."""
    trace, window = next(iter(run.outer), None), run.window
    if trace is None or window is None:
        return 0
    times = [d.t_ns for d in trace.dropped if d.reason in FAULTS]
    return sum(t_ns is not None and window.start_ns <= t_ns <= window.stop_ns for t_ns in times)


def _duration(ranging: Run, testing: Run, most: float) -> Iterator[Violation]:
    first, second = (run.window.seconds if run.window else 0.0 for run in (ranging, testing))
    if first > 0 and 0 < second < (1 - most) * first:
        yield Violation(
            "performance/run_1/mlperf_log_detail.txt",
            f"{second:.1f} against {first:.1f} of ranging",
            f"at least {100 * (1 - most):g} % of it",
            "Run the same work twice.",
            "s",
            "warn",
        )


def _copied(first: np.ndarray, second: np.ndarray, most: float) -> Iterator[Violation]:
    """Two runs never have the same course to a constant factor; readings are rounded, and so the spread is not 0."""
    length = min(len(first), len(second))
    if length < 60 or float(np.ptp(first[:length])) < 0.01 * float(first.mean()):
        return
    for shift in (-1, 0, 1):
        a, b = (
            first[max(0, shift) : length + min(0, shift)],
            second[max(0, -shift) : length - max(0, shift)],
        )
        ratio = b / a
        if float(ratio.std()) < most * float(ratio.mean()):
            yield Violation(
                SPL,
                f"the course of the ranging run, times {float(ratio.mean()):.4f}",
                "a measurement of its own",
                "Measure the run that counts.",
                status="warn",
            )
            return


RULE = Rule(
    id="ranging-matches-testing",
    aliases=("ranging-against-testing",),
    title="Ranging and testing did the same work",
    why="Ranges come from the ranging run; a run that draws much less afterwards is another system, or another trace. "
    "MLPerf's check looks for a drop only, and not at all where the run is shorter by half.",
    evidence="Mean power and length of both windows, each for itself; the ratio of both courses, reading by reading. A "
    "drop of the power breaches; a rise, a testing run that is shorter, or a course that is a multiple of the other is "
    "a warning. Where many readings of ranging failed, that is the warning, and not the rise: the current was above "
    "the automatic range then, and the mean of the rest is too low. "
    "False alarms of the warnings: none in 8 real results and 200 simulated sessions (docs/reference/peers.md).",
    remedy="Do the same work in both runs.",
    limits=(
        "power_drop_max",
        "power_rise_max",
        "duration_change_max",
        "copy_spread_max",
        "failed_share_max",
    ),
    applies_to=POWER_SESSION,
    check=check,
)
