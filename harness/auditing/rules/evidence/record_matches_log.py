"""The record of a live run says what the log of its workload says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    RECORDED_RUNS,
    Outcome,
    Rule,
    RuleContext,
    Violation,
    location,
    recorded_runs,
    run_folder,
)
from harness.core.errors import JoulemarkError
from harness.core.files import read_bytes
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.formats.evidence import LOGGED_NAMES
from harness.formats.mlperf import loadgen_log
from harness.formats.mlperf.mllog import number, select
from harness.formats.run_directory import SAMPLES
from harness.live.distributed.rank_windows import window_of_rank_0
from harness.runners.base import OUTPUT, marked_window, stop_status
from harness.runners.endpoint.events import EVENTS
from harness.runners.loadgen import DETAIL
from harness.traces.trace import Window

FIX = "Submit the record and the log as joulemark wrote them."


class Statement(NamedTuple):
    """Something that record and log both state.

    Attributes:
        name: What it is.
        record: What the record says, None where it is silent.
        log: What the log says, None where it is silent.
        slack: How far the two may differ, in the unit of both.
    """

    name: str
    record: float | bool | None
    log: float | bool | None
    slack: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether both say the same, or both are silent."""
        if self.log is None or self.record is None:
            return self.log is self.record
        return abs(float(self.record) - float(self.log)) <= self.slack


def check(context: RuleContext) -> Iterator[Violation]:
    """Report what the record of a live run says otherwise than its log."""
    runs = recorded_runs(context.entry)
    if not runs:
        yield Violation(
            "result",
            "no live run here",
            "a record beside its log",
            "Audit the original run.",
            status="skip",
        )
    for run in runs:
        log = _workload_log(run_folder(context.entry, run))
        if log is None:
            expected = "log/ beside the record"
            status: Outcome | None = "warn" if _is_block(run, context) else None
            yield Violation(location(run), "no log of the workload", expected, FIX, status=status)
            continue
        try:
            statements = list(_statements(run, log, context))
        except JoulemarkError as error:
            yield Violation(f"{run.id}/log/{log.name}", str(error), "the log of this run", FIX)
            continue
        for statement in statements:
            if not statement.agrees:
                yield Violation(
                    Location(run=run.id, file=f"{run.id}/run.json"),
                    f"{statement.name} {statement.record}",
                    f"{statement.log}, as log/{log.name} says",
                    FIX,
                )


def _is_block(run: Run, context: RuleContext) -> bool:
    """Return whether a record claims no more than that of a block of Python, which has no log."""
    recording = run.evidence.recording
    states_nothing = recording is None or not (recording.window_from or recording.logged)
    return (
        states_nothing
        and context.entry.task == "training"
        and run.quality is None
        and run.performance is None
        and not run.evidence.loadgen
        and run.evidence.endpoint is None
    )


def _workload_log(folder: Path) -> Path | None:
    """Return LoadGen's detail log, an event log, a result log, or the program's output."""
    for log_folder in (folder / "log", folder / "ranks" / "0" / "log"):
        result_logs = sorted(log_folder.glob("result_*.txt"))
        event_logs = sorted(log_folder.rglob(EVENTS))
        for path in (log_folder / DETAIL, *event_logs, *result_logs, log_folder / OUTPUT):
            if path.is_file():
                return path
    return None


def _statements(run: Run, log: Path, context: RuleContext) -> Iterator[Statement]:
    if log.name == DETAIL:
        return _loadgen_statements(run, log, context)
    if log.name == EVENTS:
        return _endpoint_statements(run, log, context)
    return _mllog_statements(run, log, context)


def _window_statements(run: Run, window: Window | None, slack_s: float) -> Iterator[Statement]:
    """Yield begin and end; nothing where the program's life is the window."""
    recording = run.evidence.recording
    if window is None and recording and recording.window_from == "the life of the program":
        return
    # other ranks may extend the window of the run
    stated = window_of_rank_0(recording.ranks if recording else None) or run.window
    for end in ("start", "stop"):
        record_ns = getattr(stated, f"{end}_ns") if stated else None
        log_ns = getattr(window, f"{end}_ns") if window else None
        yield Statement(f"{end} of the window [ns]", record_ns, log_ns, slack_s * NS)


def _mllog_statements(run: Run, log: Path, context: RuleContext) -> Iterator[Statement]:
    metric = run.quality.metric if run.quality else ""
    lines, _ = select(read_bytes(log), {"run_start", "run_stop", metric, *LOGGED_NAMES})
    window = marked_window(lines)
    yield from _window_statements(run, window, context.limits["slack_s"])
    if window is not None:
        yield Statement("success", run.success, stop_status(lines))
    log_values = {line.key: number(line.value) for line in lines}  # the last line of a key counts
    if run.quality is not None:
        yield Statement(metric, run.quality.value, log_values.get(metric))
    recorded_values = run.evidence.recording.logged if run.evidence.recording else {}
    for name in LOGGED_NAMES:
        if name in log_values or name in recorded_values:
            yield Statement(name, number(recorded_values.get(name)), log_values.get(name))


def _loadgen_statements(run: Run, log: Path, context: RuleContext) -> Iterator[Statement]:
    values, _ = loadgen_log.read_detail(read_bytes(log))
    window = loadgen_log.window(values, log.name)
    yield from _window_statements(run, window, context.limits["slack_s"])
    if run.success is not False:  # the harness may find more wrong than LoadGen does
        yield Statement("success", run.success, values.get("result_validity") == "VALID")
    scenario = context.entry.scenario
    log_work = loadgen_log.work(values, scenario, window.seconds if window else None)
    record_count = run.work.count if run.work else None
    yield Statement("work", record_count, log_work.count if log_work else None)
    log_performance = loadgen_log.performance(values, scenario)
    record_value = run.performance.value if run.performance else None
    yield Statement("performance", record_value, log_performance.value if log_performance else None)


def _endpoint_statements(run: Run, log: Path, context: RuleContext) -> Iterator[Statement]:
    """Derive the point from its events and questions again, answers graded anew."""
    # Imported late: `rules` lists the rules without the client.
    from harness.runners.endpoint.runner import (
        derive,
        endpoint_facts,
        is_valid,
        performance,
        quality,
        work,
    )

    point = derive(log.parent, run_folder(context.entry, run) / SAMPLES)
    yield from _window_statements(run, point.metrics.window, context.limits["slack_s"])
    yield Statement("success", run.success, is_valid(point))
    yield Statement("work", run.work.count if run.work else None, work(point).count)
    rate = performance(point).value
    yield Statement("performance", run.performance.value if run.performance else None, rate)
    graded = quality(point)
    yield Statement(
        "accuracy",
        run.quality.value if run.quality else None,
        graded.value if graded else None,
    )
    record = run.evidence.endpoint.record if run.evidence.endpoint else {}
    for name, value in _numbers(endpoint_facts(point)):
        yield Statement(name, number(dict(_numbers(record)).get(name)), float(value))


def _numbers(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a document by its path."""
    for name, value in document.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{path}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield path, value


RULE = Rule(
    id="record-matches-log",
    aliases=("record-against-log",),
    title="The run record says what the log of its workload says",
    why="Window, work and quality make the joules per unit of work: an edit of the record that "
    "leaves the log alone is found here.",
    evidence="Window, success, quality, seed, steps and work in run.json against MLLOG lines of "
    "the training or of LoadGen; for a load on an LLM endpoint every figure against the event "
    "log, with all answers graded again. An edit of both is not found: a signature says who "
    "vouches for them.",
    remedy="Submit both as they were written.",
    limits=("slack_s",),
    applies_to=RECORDED_RUNS,
    check=check,
)
