"""The power log's own stop marker lies after its start marker."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place


def check(case: RuleContext) -> Iterator[Violation]:
    wrong: dict[str, list[str]] = {}
    total = 0
    for run, trace in case.summed:
        marks = trace.channel.extra
        if "marker_start_ns" not in marks:
            continue
        total += 1
        start, stop = marks["marker_start_ns"], marks["marker_stop_ns"]
        if start is None:
            wrong.setdefault("no power_measurement_start", []).append(place(run.run, trace))
        elif stop is None:
            wrong.setdefault("no power_measurement_stop", []).append(place(run.run, trace))
        elif stop <= start:
            wrong.setdefault("power_measurement_stop not after power_measurement_start", []).append(
                place(run.run, trace)
            )
    for got, places in wrong.items():
        yield Violation(
            places[0],
            f"{got}, in {len(places)} of {total} logs",
            "start before stop",
            "Write the stop marker with its own time when the measurement ends.",
        )


RULE = Rule(
    id="stop-after-start",
    title="The measurement stops after it starts",
    why="MLPerf's code divides by the time between the two markers: a stop at the start crashes it.",
    evidence="power_measurement_start and power_measurement_stop of each node log.",
    remedy="Write both markers when the measurement begins and ends.",
    check=check,
)
