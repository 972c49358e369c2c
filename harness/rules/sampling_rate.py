"""Readings come often enough."""

from collections.abc import Iterator

from harness.rules.base import Case, Hit, Rule, place


def check(case: Case) -> Iterator[Hit]:
    longest = case.limits["interval_max_s"]
    for run in case.runs:
        slow = [
            r.trace for r in run.readings if (r.trace.interval_s or 0.0) > longest and r.trace.channel.kind != "counter"
        ]
        if slow:
            worst = max(slow, key=lambda trace: trace.interval_s or 0.0)
            yield Hit(
                place(run.run, worst),
                f"median interval {worst.interval_s:.3f}, in {len(slow)} of {len(run.readings)} channels",
                f"at most {longest:g}",
                "Set the meter to one reading a second or more.",
                "s",
            )


RULE = Rule(
    id="sampling-rate",
    title="At least one reading a second",
    why="Power swings within a training step; slow samples of a meter that does not average see it by chance.",
    evidence="Median step between readings of each channel; a counter misses nothing and is exempt.",
    remedy="Set the meter to one reading a second or more.",
    limits=("interval_max_s",),
    check=check,
)
