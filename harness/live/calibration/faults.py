"""Name what is wrong with a meter, from its readings and its fit to a reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.live.calibration.fit import Fit
from harness.live.calibration.steps import refresh
from harness.traces.trace import Trace

MIN_EXPLAINED = 0.3
"""A meter of which the load explains less does not see it."""
UNIT_FACTORS = {
    10.0: "a factor of 10: tenths are read as wholes",
    0.1: "a factor of 0.1: wholes are read as tenths",
    1000.0: "a factor of 1000: milliwatts are read as watts",
    0.001: "a factor of 0.001: kilowatts are read as watts",
    3600.0: "a factor of 3600: watt-hours are counted as joules, twice over",
    1 / 3600: "a factor of 1/3600: watt-hours are read as joules",
}
UNIT_TOLERANCE = 0.15
"""How far from such a factor a gain may be: meters of one machine differ by losses and accuracy."""
DOUBLE_TOLERANCE = 0.03
COUNTED = (2, 3)
"""How often a part may be counted that is counted too often."""
LONG_AVERAGE = 3.0
"""A meter averages over long if its window is so many times what it should be."""
MINUTE_S = (40.0, 80.0)
"""Windows that are called one-minute means [s]."""
STALE = 2.5
"""A number that changes in longer than so many refresh intervals is repeated."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a meter.

    Attributes:
        code: What it is, in one word.
        message: What was seen, with the remedy.
    """

    code: str
    message: str


def name_faults(trace: Trace, fit: Fit | None) -> Iterator[Fault]:
    """Yield what is wrong with a meter."""
    if fit is None:
        yield Fault("too-few-readings", "too few readings to compare; let it run for longer")
        return
    yield from _stale(trace)
    if fit.explained < MIN_EXPLAINED:
        yield Fault(
            "other-feed",
            f"the load explains {fit.explained:.0%} of its readings: it measures another feed, or "
            "nothing; check the outlet and the wiring",
        )
        return
    yield from _averages(trace, fit)
    yield from _factors(fit)


def _stale(trace: Trace) -> Iterator[Fault]:
    """Report numbers that are repeated for longer than the meter says that it needs."""
    stated_s = trace.channel.nominal_interval_s
    interval = refresh(trace)
    if stated_s and interval is not None and interval.value > STALE * stated_s:
        yield Fault(
            "stale-repeats",
            f"its number changes each {interval.value:.3g} s, and it is said to each "
            f"{stated_s:.3g} s: state refresh={interval.value:.3g}",
        )


def _averages(trace: Trace, fit: Fit) -> Iterator[Fault]:
    """Report averaging that the kind of the channel does not show."""
    window = fit.averaging_s
    stated_s = max(trace.channel.averaging_s or 0.0, trace.interval_s or 0.0)
    if MINUTE_S[0] <= window.value <= MINUTE_S[1]:
        yield Fault(
            "one-minute-means",
            f"its readings are means over {window.value:.0f} s: it shows nothing of a shorter run",
        )
    elif window.low > LONG_AVERAGE * stated_s:
        yield Fault("long-average", f"its readings are means over {window.value:.3g} s")


def _factors(fit: Fit) -> Iterator[Fault]:
    """Report gains that are those of a wrong unit, or of parts that are counted twice."""
    gain = fit.gain.value
    for factor, message in UNIT_FACTORS.items():
        if abs(gain / factor - 1) < UNIT_TOLERANCE:
            yield Fault("unit", f"its gain is {gain:.4g}, {message}; check the scale")
            return
    for count in COUNTED:
        if abs(gain / count - 1) < DOUBLE_TOLERANCE:
            yield Fault(
                "double-counting",
                f"its gain is {gain:.3g}: a part seems to be counted {count} times",
            )
