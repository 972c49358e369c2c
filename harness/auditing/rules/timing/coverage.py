"""The readings cover the window in every run."""

from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import Rule, RuleContext, Violation, location, worst_channel
from harness.energy.run import RunEnergy


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs without a trace, and the channel of each run that covers least of its window."""
    for run in context.runs:
        if not run.readings:
            yield Violation(
                location(run.run),
                "no power trace",
                "one for each run",
                "Submit the power log of every run.",
            )
        window = run.run.window
        if window is None or window.seconds <= 0:
            continue  # reported by window-present
        yield from worst_channel(_short_channels(run, context.limits), len(run.readings))


def _short_channels(run: RunEnergy, limits: Mapping[str, float]) -> list[tuple[float, Violation]]:
    """Return a violation for each channel that covers too little, with the share it misses."""
    coverage_min, full_coverage_min = limits["coverage_min"], limits["full_coverage_min"]
    short_channels = []
    for reading in run.readings:
        coverage = reading.energy.coverage if reading.energy else 0.0
        if coverage >= full_coverage_min:
            continue
        violation = Violation(
            location(run.run, reading.trace),
            f"{100 * coverage:.2f} %",
            f"at least {100 * full_coverage_min:g}",
            "Submit the readings of the whole timed part.",
            "% of the window",
            None if coverage < coverage_min else "question",
        )
        short_channels.append((1 - coverage, violation))
    return short_channels


RULE = Rule(
    id="coverage",
    title="Readings cover the window in every run",
    why="A power log that is shorter than the run and scaled up to it measures something else.",
    evidence="Share of the window between the first and the last reading of each channel; runs "
    "without a trace. Below coverage_min the readings are no measurement of the run: a violation; "
    "below full_coverage_min the entry is questioned.",
    remedy="Submit the readings of the whole timed part of every run.",
    limits=("coverage_min", "full_coverage_min"),
    check=check,
)
