"""The record of a live run says what the log of its workload says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.auditing.rules.base import Rule, RuleContext, Violation, live_runs, place, run_folder
from harness.core.errors import JoulemarkError
from harness.core.files import read_bytes
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.formats.evidence import LOGGED_NAMES
from harness.formats.mlperf import loadgen_log
from harness.formats.mlperf.mllog import number, select
from harness.runners.base import OUTPUT, marked_window, stop_status
from harness.runners.loadgen import DETAIL
from harness.traces.trace import Window

FIX = "Submit the record and the log as joulemark wrote them."


class Told(NamedTuple):
    """One thing that record and log both say. slack: how far the two may be apart, in the unit of both"""

    name: str
    record: float | bool | None
    log: float | bool | None
    slack: float = 0.0


def check(case: RuleContext) -> Iterator[Violation]:
    live = live_runs(case.entry)
    if not live:
        yield Violation(
            "result",
            "no live run here",
            "a record beside its log",
            "Audit the original run.",
            status="skip",
        )
    for run in live:
        log = _log(run_folder(case.entry, run))
        if log is None:
            yield Violation(
                place(run), "no log of the workload", "log/ beside the record", FIX, status="warn"
            )
            continue
        try:
            told = list(_loadgen(run, log, case) if log.name == DETAIL else _marked(run, log, case))
        except JoulemarkError as error:
            yield Violation(f"{run.id}/log/{log.name}", str(error), "the log of this run", FIX)
            continue
        for item in told:
            if not _same(item):
                got, expected = f"{item.name} {item.record}", f"{item.log}, as log/{log.name} says"
                yield Violation(f"{run.id}/run.json", got, expected, FIX)


def _log(folder: Path) -> Path | None:
    """LoadGen's detail log, the result log of a training, or what the program printed."""
    for place_ in (folder / "log", folder / "ranks" / "0" / "log"):
        for path in (place_ / DETAIL, *sorted(place_.glob("result_*.txt")), place_ / OUTPUT):
            if path.is_file():
                return path
    return None


def _same(item: Told) -> bool:
    if item.log is None or item.record is None:
        return item.log is item.record
    return abs(float(item.record) - float(item.log)) <= item.slack


def _window(run: Run, log: Window | None, slack_s: float) -> Iterator[Told]:
    """Begin and end; nothing where the log marks none, and the life of the program is the window."""
    recording = run.evidence.recording
    if log is None and recording and recording.window_from == "the life of the program":
        return
    for name in ("start", "stop"):
        ours, theirs = (getattr(w, f"{name}_ns") if w else None for w in (run.window, log))
        yield Told(f"{name} of the window [ns]", ours, theirs, slack_s * NS)


def _marked(run: Run, log: Path, case: RuleContext) -> Iterator[Told]:
    metric = run.quality.metric if run.quality else ""
    lines, _ = select(read_bytes(log), {"run_start", "run_stop", metric, *LOGGED_NAMES})
    window = marked_window(lines)
    yield from _window(run, window, case.limits["slack_s"])
    if window is not None:
        yield Told("success", run.success, stop_status(lines))
    said = {line.key: number(line.value) for line in lines}  # the last one counts
    if run.quality is not None:
        yield Told(f"{metric}", run.quality.value, said.get(metric))
    logged = run.evidence.recording.logged if run.evidence.recording else {}
    for name in LOGGED_NAMES:
        if name in said or name in logged:
            yield Told(name, number(logged.get(name)), said.get(name))


def _loadgen(run: Run, log: Path, case: RuleContext) -> Iterator[Told]:
    values, _ = loadgen_log.read_detail(read_bytes(log))
    window, of = loadgen_log.window(values, log.name), case.entry.scenario
    yield from _window(run, window, case.limits["slack_s"])
    if run.success:
        yield Told("success", run.success, values.get("result_validity") == "VALID")
    work = loadgen_log.work(values, of, window.seconds if window else None)
    speed = loadgen_log.performance(values, of)
    yield Told("work", run.work.count if run.work else None, work.count if work else None)
    ours = run.performance
    yield Told("performance", ours.value if ours else None, speed.value if speed else None)


RULE = Rule(
    id="record-matches-log",
    aliases=("record-against-log",),
    title="The run record says what the log of its workload says",
    why="The window, the work and the quality make joules per unit of work: whoever edits the record, and not the log, "
    "is found here.",
    evidence="Window, success, quality, seed, steps and work in run.json against MLLOG lines of the training or of "
    "LoadGen. Who edits both is not found: a signature says who answers for them.",
    remedy="Submit both as they were written.",
    limits=("slack_s",),
    check=check,
)
