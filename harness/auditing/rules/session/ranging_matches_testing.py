"""The ranging run did the same work as the run that counts."""

from collections.abc import Iterator, Mapping

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.base import Run
from harness.formats.ptdaemon.power_session import Session
from harness.traces.clean import FAILED, NEGATIVE, ZERO
from harness.traces.trace import Floats

RANGING_SPL = Location(file="performance/ranging/spl.txt")
TESTING_SPL = Location(file="performance/run_1/spl.txt")
FAILURES = (FAILED, NEGATIVE, ZERO)
MIN_COURSE_READINGS = 60
"""Readings of both runs that make a course."""
MIN_COURSE_RANGE = 0.01
"""Range of the readings over their mean below which there is no course to compare."""


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare power and course of the two runs."""
    ranging, testing = context.entry.ranging, context.entry.runs[0]
    ranging_w, testing_w = _power_w(ranging), _power_w(testing)
    if ranging is None or not len(ranging_w) or not len(testing_w):
        if session.server:
            got = "no readings in one of the windows"
            yield Violation(RANGING_SPL, got, "both runs", "Submit both.")
        return
    failed_count = _failed_count(ranging)
    reading_count = failed_count + len(ranging_w)
    many_failed = failed_count > context.limits["failed_share_max"] * reading_count
    if many_failed:
        yield _failed_ranging(failed_count, reading_count, context.limits["failed_share_max"])
    yield from _power_change(ranging_w, testing_w, many_failed, context.limits)
    yield from _copied_course(ranging_w, testing_w, context.limits)


def _power_w(run: Run | None) -> Floats:
    """Return the readings in the window of a run [W]."""
    trace = next(iter(run.outer), None) if run else None
    if trace is None or run is None or run.window is None:
        return np.empty(0)
    return trace.window(run.window).value


def _failed_count(run: Run) -> int:
    """Count the readings in the window that failed."""
    trace, window = next(iter(run.outer), None), run.window
    if trace is None or window is None:
        return 0
    failures = [reading for reading in trace.dropped if reading.reason in FAILURES]
    return sum(reading.t_ns is not None and reading.t_ns in window for reading in failures)


def _failed_ranging(failed_count: int, reading_count: int, failed_share_max: float) -> Violation:
    return Violation(
        RANGING_SPL,
        f"{failed_count} of {reading_count} readings of ranging failed",
        f"at most {failed_share_max:g} of them",
        "Nothing, if the current was above the automatic range: "
        "the ranges were then set from the rest.",
        status="warn",
    )


def _power_change(
    ranging_w: Floats, testing_w: Floats, many_failed: bool, limits: Mapping[str, float]
) -> Iterator[Violation]:
    """Report a testing run of much less power, and warn of one of much more.

    What failed in ranging was above its range, so the mean of the rest is too low: then a rise
    means nothing.
    """
    drop_max = limits["power_drop_max"]
    rise_max = np.inf if many_failed else limits["power_rise_max"]
    change = float(testing_w.mean() / ranging_w.mean()) - 1
    if not -drop_max < change < rise_max:
        yield Violation(
            TESTING_SPL,
            f"{100 * change:+.2f} % of the mean power of ranging",
            f"{-100 * drop_max:g} to {100 * rise_max:+g}",
            "Do the same work in both runs, on a system in the same state.",
            "%",
            None if change <= -drop_max else "warn",
        )


def _copied_course(
    ranging_w: Floats, testing_w: Floats, limits: Mapping[str, float]
) -> Iterator[Violation]:
    """Warn of two runs whose readings have one ratio: real runs scatter.

    Readings are rounded, so the spread of the ratio of a copy is not exactly 0. A steady load has
    a small spread too, but then the ratio scatters about as much as the readings do.
    """
    length = min(len(ranging_w), len(testing_w))
    ranging_range_w = float(np.ptp(ranging_w[:length])) if length else 0.0
    is_flat = ranging_range_w < MIN_COURSE_RANGE * float(ranging_w.mean())
    if length < MIN_COURSE_READINGS or is_flat:
        return
    for shift in (-1, 0, 1):
        later_ranging_w = ranging_w[max(0, shift) : length + min(0, shift)]
        later_testing_w = testing_w[max(0, -shift) : length - max(0, shift)]
        ratio = later_testing_w / later_ranging_w
        mean_ratio = float(ratio.mean())
        ratio_spread = float(ratio.std()) / mean_ratio
        reading_spread = float(later_ranging_w.std() / later_ranging_w.mean())
        is_one_ratio = ratio_spread < limits["copy_spread_max"]
        if is_one_ratio and ratio_spread < limits["copy_residual_max"] * reading_spread:
            yield Violation(
                TESTING_SPL,
                f"the course of the ranging run, times {mean_ratio:.4f}",
                "a measurement of its own",
                "Measure the run that counts.",
                status="warn",
            )
            return


RULE = Rule(
    id="ranging-matches-testing",
    aliases=("ranging-against-testing",),
    title="Ranging and testing drew the same power",
    why="Ranges come from the ranging run; a run that draws much less afterwards is another "
    "system, or another trace. MLPerf's check looks for a drop only, and not before May 2023.",
    evidence="Mean power of both windows, each by itself; the ratio of both courses, reading by "
    "reading. A drop of the power is a violation; a rise, or a course that is a multiple of the "
    "other, is a warning. Where many readings of ranging failed, that is the warning, and not the "
    "rise: the current was above the automatic range then, and the mean of the rest is too low. A "
    "course is copied where the ratio of the readings hardly scatters, and far less than the "
    "readings themselves. In 31 real pairs of runs the ratio scatters by 0.12 to 2.2 of the "
    "spread of the readings; by the normal law of its logarithm 0.3 % of honest runs lie below "
    "0.05, and 2 of 1,960 have a ratio that steady: about 3 false warnings in a million results.",
    remedy="Do the same work in both runs.",
    limits=(
        "power_drop_max",
        "power_rise_max",
        "copy_spread_max",
        "copy_residual_max",
        "failed_share_max",
    ),
    applies_to=POWER_SESSION,
    check=check,
)
