"""The timed window is stated, and ends after it begins."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, location


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs without a window, and windows that end before they begin."""
    for run in context.entry.runs:
        if run.window is None:
            yield Violation(
                location(run),
                "no start and stop of the timed part",
                "both stamps in the log of the same run",
                "Submit the log that holds power_begin and power_end, or run_start and run_stop.",
            )
        elif run.window.seconds <= 0:
            yield Violation(
                location(run),
                f"a window of {run.window.seconds:g}",
                "above 0",
                "Find out why the clock ran backward.",
                "s",
            )


RULE = Rule(
    id="window-present",
    title="The timed window is stated",
    why="Energy is what was drawn between two timestamps; without them a trace says nothing about "
    "the run.",
    evidence="power_begin and power_end, run_start and run_stop, or the window of a run record.",
    remedy="Submit the unedited log of the timed run.",
    check=check,
)
