"""An energy counter moves while the machine works."""

from collections.abc import Iterator

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location


def check(context: RuleContext) -> Iterator[Violation]:
    """Report counters that show one value through the whole window."""
    readings_min = context.limits["readings_min"]
    for run, trace in context.summed_traces:
        window = run.run.window
        if trace.channel.quantity != "energy" or window is None:
            continue
        values = trace.window(window).value
        if len(values) >= readings_min and values.min() == values.max():
            yield Violation(
                location(run.run, trace),
                f"{values[0]:g} J in all of {len(values)} readings",
                "a counter that moves",
                "Measure with a meter that works; a frozen counter is no energy of 0 J.",
            )


RULE = Rule(
    id="counter-moves",
    title="Energy counters move",
    why="Counters of virtual machines, and of drivers that lost their device, stand still. Taken "
    "as a measurement they give 0 J and win every comparison.",
    evidence="Readings of each summed counter inside the window. No machine that runs draws no "
    "energy, so there are no false alarms.",
    remedy="Leave the dead counter out, or measure with another meter.",
    limits=("readings_min",),
    applies_to=RECORDED_RUNS,
    check=check,
)
