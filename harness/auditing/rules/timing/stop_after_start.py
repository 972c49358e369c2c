"""The power log's own stop marker comes after its start marker."""

from collections import defaultdict
from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    RECORDED_RUNS,
    TRAINING_LOGS,
    Rule,
    RuleContext,
    Violation,
    location,
)

NO_START = "no power_measurement_start"
NO_STOP = "no power_measurement_stop"
STOP_BEFORE_START = "power_measurement_stop not after power_measurement_start"


def check(context: RuleContext) -> Iterator[Violation]:
    """Report each kind of fault once, at the first log that has it."""
    logs_by_fault: dict[str, list[Location]] = defaultdict(list)
    log_count = 0
    for run, trace in context.summed_traces:
        if "marker_start_ns" not in trace.channel.extra:
            continue
        log_count += 1
        start_ns, stop_ns = (trace.channel.extra[f"marker_{end}_ns"] for end in ("start", "stop"))
        fault = _fault(start_ns, stop_ns)
        if fault:
            logs_by_fault[fault].append(location(run.run, trace))
    for fault, logs in logs_by_fault.items():
        yield Violation(
            logs[0],
            f"{fault}, in {len(logs)} of {log_count} logs",
            "start before stop",
            "Write the stop marker with its own time when the measurement ends.",
        )


def _fault(start_ns: int | None, stop_ns: int | None) -> str:
    """Return what is wrong with the two markers, "" where nothing is."""
    if start_ns is None:
        return NO_START
    if stop_ns is None:
        return NO_STOP
    return STOP_BEFORE_START if stop_ns <= start_ns else ""


RULE = Rule(
    id="stop-after-start",
    title="The measurement stops after it starts",
    why="MLPerf's code divides by the time between the two markers: a stop at the time of the "
    "start crashes it.",
    evidence="power_measurement_start and power_measurement_stop of each node log.",
    remedy="Write both markers when the measurement begins and ends.",
    applies_to=TRAINING_LOGS | RECORDED_RUNS,
    check=check,
)
