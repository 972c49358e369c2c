"""The timed part is long enough to be measured."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, location
from harness.energy.run import RunEnergy


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs that are too short, and warn of runs with few readings."""
    duration_min_s = context.limits["duration_min_s"]
    for run in context.runs:
        window = run.run.window
        if window is not None and 0 < window.seconds < duration_min_s:
            yield Violation(
                location(run.run),
                f"{window.seconds:.3f}",
                f"at least {duration_min_s:g}",
                "Run the benchmark for longer.",
                "s",
            )
        yield from _few_readings(run, context.limits["readings_min"])


def _few_readings(run: RunEnergy, readings_min: float) -> Iterator[Violation]:
    """Warn of the channel with the fewest readings inside the window."""
    sparse_channels = []
    for reading in run.readings:
        if reading.energy is not None and reading.energy.readings < readings_min:
            sparse_channels.append((reading.energy.readings, reading.trace))
    if not sparse_channels:
        return
    count, trace = min(sparse_channels, key=lambda item: item[0])
    yield Violation(
        location(run.run, trace),
        f"{count} readings in the window, in {len(sparse_channels)} channels",
        f"at least {readings_min:g}",
        "Repeat the timed loop on the same code path until there are enough readings.",
        "readings",
        "warn",
    )


RULE = Rule(
    id="minimum-duration",
    title="The run is long enough",
    why="At the edges of the window load mixes with idle. In a short run that mixture is a large "
    "share of the energy.",
    evidence="Length of the window; number of readings inside it.",
    remedy="Run for longer, or repeat the loop on the same code path.",
    limits=("duration_min_s", "readings_min"),
    check=check,
)
