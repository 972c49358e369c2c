"""Readings scatter, and follow each other in time, as those of a meter do."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, location
from harness.traces.trace import Floats, Ints, Trace, Window

GRID_STEPS = tuple(m * 10.0**e for e in range(3, -4, -1) for m in (5, 2, 1))
"""Steps [W] of which readings may all be multiples, the largest first."""
MIN_DISTINCT_READINGS = 30
"""Fewer may all end in even digits by chance."""
MAX_READINGS = 2**20
"""Readings of a window that are looked at, the first ones."""
FIX = "Submit the readings as the meter gave them, and say what was done to them."

Test = Callable[[Floats, Mapping[str, float]], str | None]


def check(context: RuleContext) -> Iterator[Violation]:
    """Warn of readings that were smoothed, rounded, cut off, made up or moved in time."""
    readings_min = context.limits["readings_min"]
    for run, trace in context.summed_traces:
        window = run.run.window
        if window is None or trace.channel.kind not in ("mean", "instant"):
            continue
        value = trace.window(window).value[:MAX_READINGS]
        if len(value) < readings_min:
            continue
        signs = [sign for test in TESTS if (sign := test(value, context.limits))]
        signs += filter(None, [_warped(trace, window, context.limits)])
        if context.entry.family in POWER_SESSION:
            signs += filter(None, [_digits(value, context.limits), _odd_step(value)])
        for sign in signs:
            yield Violation(
                location(run.run, trace), sign, "noise as a meter has it", FIX, status="warn"
            )


def _constant(value: Floats, limits: Mapping[str, float]) -> str | None:  # noqa: ARG001
    if value.min() < value.max():
        return None
    return f"all {len(value)} readings of the window are {value[0]:.6g} W"


def _clipped(value: Floats, limits: Mapping[str, float]) -> str | None:
    """Find readings that pile up at the highest or lowest one, though finely divided."""
    if len(np.unique(value)) < limits["readings_min"]:
        return None
    for name, (bound, share) in zip(("highest", "lowest"), bound_shares(value), strict=True):
        if share > limits["clipped_share_max"]:
            return f"{share:.1%} of the readings are the {name} one, {bound:.6g} W"
    return None


def bound_shares(value: Floats) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the highest and the lowest reading [W], each with the share of the readings at it."""
    highest, lowest = float(value.max()), float(value.min())
    return (highest, float(np.mean(value == highest))), (lowest, float(np.mean(value == lowest)))


def _coarse(value: Floats, limits: Mapping[str, float]) -> str | None:
    """Find a step, larger than any display of such a power has, that divides all readings."""
    mean_w = float(value.mean())
    step = common_step(value, limits["grid_share_max"] * mean_w)
    if step is None:
        return None
    return f"all readings are multiples of {step:g} W, at a mean of {mean_w:.4g} W"


def common_step(value: Floats, least: float = 0.0) -> float | None:
    """Return the largest step that divides all readings [W].

    Args:
        value: Readings [W].
        least: Smallest step that is tried [W].

    Returns:
        The step; None where no step divides them, or all readings are equal.
    """
    if value.min() == value.max():
        return None
    for step in GRID_STEPS:
        if step < least:
            return None
        if np.all(np.abs(value / step - np.round(value / step)) < 1e-6):
            return step
    return None


def _smoothed(value: Floats, limits: Mapping[str, float]) -> str | None:
    """Find steps that go on in the direction of the one before."""
    correlation = step_correlation(value)
    if correlation is None or correlation <= limits["smooth_max"]:
        return None
    return f"successive steps correlate at {correlation:.2f}: the readings were smoothed"


def step_correlation(value: Floats) -> float | None:
    """Return how successive steps of the readings correlate, -1 to 1; None where all are equal."""
    steps = np.diff(value)
    steps -= steps.mean()
    square = float(steps.dot(steps))
    return float(steps[1:].dot(steps[:-1])) / square if square > 0 else None


def _digits(value: Floats, limits: Mapping[str, float]) -> str | None:
    """Find readings of an analyzer with more digits than its display has."""
    digits_max = round(limits["digits_max"])
    share = finer_share(value, digits_max)
    if share <= limits["finer_share_max"]:
        return None
    return f"{share:.0%} of the readings have more than {digits_max} significant digits"


def _odd_step(value: Floats) -> str | None:
    """Find readings of an analyzer whose last digits are all even, or all 0 and 5.

    A display counts in ones of its last digit. Readings that were halved, doubled or divided by
    four, and what was set to go with them, count in fives or twos.
    """
    step = common_step(value)
    if step is None or len(np.unique(value)) < MIN_DISTINCT_READINGS:
        return None
    exponent = math.floor(math.log10(step) + 1e-9)
    if math.isclose(step, 10.0**exponent, rel_tol=1e-6):
        return None
    return f"all readings are multiples of {step:g} W: no display counts so"


def finer_share(value: Floats, digits: int) -> float:
    """Return the share of readings above zero with more significant digits than some."""
    positive = value[value > 0]
    if not len(positive):
        return 0.0
    decimals = digits - 1 - np.floor(np.log10(positive))  # behind the point, of that many
    scaled = positive * 10.0**decimals
    return float(np.mean(np.abs(scaled - np.round(scaled)) > 1e-4))


def _warped(trace: Trace, window: Window, limits: Mapping[str, float]) -> str | None:
    """Find a part of the trace in which time runs faster than in another."""
    for name, other_name, ratio in interval_ratios(trace, window, limits["readings_min"]):
        if not 1 - limits["warp_max"] <= ratio <= 1 / (1 - limits["warp_max"]):
            return f"the interval {name} is {ratio:.3f} times that {other_name}"
    return None


def interval_ratios(
    trace: Trace, window: Window, readings_min: float
) -> Iterator[tuple[str, str, float]]:
    """Yield two parts of a trace and the ratio of their intervals between readings.

    Args:
        trace: The trace.
        window: The window; its halves are compared, and it with the longer part outside it.
        readings_min: Parts with fewer readings are not compared.
    """
    inside = trace.window(window).t_ns
    first = int(trace.t_ns.searchsorted(window.start_ns))
    stop = first + len(inside)
    half = len(inside) // 2
    before, after = trace.t_ns[:first], trace.t_ns[stop:]
    outside = before if len(before) >= len(after) else after
    pairs = [("of its first half", inside[:half], "of its second half", inside[half:])]
    pairs.append(("of the window", inside, "outside it", outside))
    for name, some, other_name, others in pairs:
        if min(len(some), len(others)) >= readings_min:
            yield name, other_name, _median_step(some) / max(_median_step(others), 1.0)


def _median_step(t_ns: Ints) -> float:
    return float(np.median(np.diff(t_ns[:MAX_READINGS])))


TESTS: tuple[Test, ...] = (_constant, _clipped, _coarse, _smoothed)

RULE = Rule(
    id="noise-plausible",
    title="Readings have the noise of a meter",
    why="A trace that was smoothed, rounded, cut off, made up or stretched in time keeps a "
    "plausible mean, and may agree with every log beside it; its noise is what nobody forges.",
    evidence="Readings of power inside the window, from readings_min on. A trace is called\n\n"
    "- constant if all readings are equal;\n"
    "- cut off if more than clipped_share_max of them are the highest or the lowest one;\n"
    "- rounded if all are multiples of a step above grid_share_max of their mean;\n"
    "- smoothed if successive steps correlate above smooth_max;\n"
    "- stretched in time if the median intervals of the two halves of the window, or of the window "
    "and outside it, differ by more than warp_max;\n"
    "- finer than its display, of an analyzer, if more than finer_share_max of the readings have "
    "more than digits_max significant digits;\n"
    "- scaled, of an analyzer, if all readings are multiples of 2 or 5 of their last digit.\n\n"
    "It is only ever a warning. None of 284 windows of the shared real data (MLPerf inference v1.0 "
    "to v5.1, ranging runs included, and training v4.0) raises one, but the limits were chosen by "
    "these data. The false alarms below are what to expect of a new submitter: each limit was set "
    "in the same way by half of the 13 submitters, and tried on the others. Found is what the "
    "limits in use find of the same windows, once they are forged:\n\n"
    "- constant: 100 % found;\n"
    "- cut off: 2 % false alarms; nearest 1.3 % of the readings at the highest; 99 % found if cut "
    "at the 95th percentile;\n"
    "- rounded: 4 % false alarms; nearest a step of 0.17 % of the mean; 99 % found if rounded to "
    "two digits;\n"
    "- smoothed: 9 % false alarms; nearest a correlation of 0.51; found are 44 % of means of three "
    "readings, 47 % of five, 52 % of nine, and 61 % of exponential smoothing by 0.3;\n"
    "- stretched: 11 % false alarms; nearest intervals 2.1 % apart;\n"
    "- finer than its display: none of 11 submitters has a reading with more than five digits; of "
    "32 analyzer logs times 0.97, 94 % are found;\n"
    "- scaled: none of 134 windows of analyzers; logs that were halved are found.\n\n"
    "Readings that were rounded again, and got noise added, are not found.",
    remedy="Submit the readings as the meter gave them.",
    limits=(
        "readings_min",
        "clipped_share_max",
        "grid_share_max",
        "smooth_max",
        "warp_max",
        "digits_max",
        "finer_share_max",
    ),
    check=check,
)
