"""The timed part is long enough to be measured."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place


def check(case: RuleContext) -> Iterator[Violation]:
    shortest, fewest = case.limits["duration_min_s"], case.limits["readings_min"]
    for run in case.runs:
        window = run.run.window
        if window is not None and 0 < window.seconds < shortest:
            yield Violation(
                place(run.run),
                f"{window.seconds:.3f}",
                f"at least {shortest:g}",
                "Run the benchmark for longer.",
                "s",
            )
        few = [r for r in run.readings if r.energy is not None and r.energy.readings < fewest]
        if few:
            least = min(few, key=lambda r: r.energy.readings if r.energy else 0)
            yield Violation(
                place(run.run, least.trace),
                f"{least.energy.readings if least.energy else 0} readings in the window, in {len(few)} channels",
                f"at least {fewest:g}",
                "Repeat the timed loop on the same code path until there are enough readings.",
                "readings",
                "warn",
            )


RULE = Rule(
    id="minimum-duration",
    title="The run is long enough",
    why="At the edges of the window load mixes with idle; in a short run that mixture is a large share of the energy.",
    evidence="Length of the window; readings inside it.",
    remedy="Run for longer, or repeat the loop on the same code path.",
    limits=("duration_min_s", "readings_min"),
    check=check,
)
