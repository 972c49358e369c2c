"""The readings cover the window."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place, worst


def check(case: RuleContext) -> Iterator[Violation]:
    least = case.limits["coverage_min"]
    for run in case.runs:
        if not run.readings:
            yield Violation(
                place(run.run),
                "no power trace",
                "one for each run",
                "Submit the power log of every run.",
            )
        if run.run.window is None or run.run.window.seconds <= 0:
            continue  # window-present tells it
        shares = [
            (reading, reading.energy.coverage if reading.energy else 0.0)
            for reading in run.readings
        ]
        fix = "Submit the readings of the whole timed part."
        found = [
            (
                1 - share,
                Violation(
                    place(run.run, r.trace),
                    f"{share:.4f}",
                    f"at least {least:g}",
                    fix,
                    "share of the window",
                ),
            )
            for r, share in shares
            if share < least
        ]
        yield from worst(found, len(run.readings))


RULE = Rule(
    id="coverage",
    title="Readings cover the window, in every run",
    why="A power log that is shorter than the run, scaled up to it, measures something else.",
    evidence="Share of the window between the first and the last reading of each channel; runs without a trace.",
    remedy="Submit the readings of the whole timed part of every run.",
    limits=("coverage_min",),
    check=check,
)
