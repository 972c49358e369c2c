"""The outline of an entry: what the comparison with other entries needs, without readings."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from typing import Any

from harness.auditing.cross_entry import EntryAddresses, TraceAddress
from harness.auditing.outlines.sketch import TraceSketch, sketch_of
from harness.formats.base import Entry, Run
from harness.traces.trace import Trace, Window

MIN_READINGS = 30
"""Shorter traces are not searched for near copies."""


@dataclass(frozen=True, slots=True)
class TraceOutline:
    """A trace.

    Attributes:
        channel: Id of its channel.
        file: Path of the file that holds it, relative to the entry; "" where unknown.
        content: SHA-256 of its readings.
        readings: How many.
        first_ns: Time of the first [ns UTC]; 0 without readings.
        last_ns: Time of the last [ns UTC]; 0 without readings.
        calibration: Calibration of its meter; None for a model of power, which is no meter.
        node: Node that it measured; None where it did not measure one node.
        sketch: What shows near copies; None where they are not searched.
    """

    channel: str
    file: str
    content: bytes
    readings: int
    first_ns: int
    last_ns: int
    calibration: str | None
    node: str | None
    sketch: TraceSketch | None


@dataclass(frozen=True, slots=True)
class RunOutline:
    """A run: its id, its window, and its outer traces."""

    id: str
    window: Window | None
    traces: tuple[TraceOutline, ...]


@dataclass(frozen=True, slots=True)
class EntryOutline:
    """An entry.

    Attributes:
        id: Its id.
        owner: Submitter and system.
        machine: Digest of the machine's description; "" where there is none.
        benchmark: Name of the benchmark.
        current: "ac" or "dc" where the entry says which it measured, else "".
        readings: Readings of all its traces, inner ones too.
        runs: Its runs.
    """

    id: str
    owner: tuple[str, str]
    machine: str
    benchmark: str
    current: str
    readings: int
    runs: tuple[RunOutline, ...]

    @staticmethod
    def build(entry: Entry) -> EntryOutline:
        """Return the outline of an entry."""
        addresses = EntryAddresses(entry)
        return EntryOutline(
            id=entry.id,
            owner=addresses.owner,
            machine=addresses.machine,
            benchmark=entry.benchmark,
            current=_supply_current(entry),
            readings=sum(len(trace) for run in entry.runs for trace in run.traces),
            runs=tuple(_run_outline(run) for run in entry.runs),
        )

    def address(self, run: int, trace: int) -> TraceAddress:
        """Return the address of a trace, by its place among the outer ones of a run."""
        item = self.runs[run].traces[trace]
        return TraceAddress(
            entry=self.id,
            run=self.runs[run].id,
            file=item.file,
            channel=item.channel,
            owner=self.owner,
            machine=self.machine,
        )

    def without_sketches(self) -> EntryOutline:
        """Return the outline without what only the search for near copies needs."""
        runs = tuple(
            replace(run, traces=tuple(replace(trace, sketch=None) for trace in run.traces))
            for run in self.runs
        )
        return replace(self, runs=runs)


def _supply_current(entry: Entry) -> str:
    """Return "ac" or "dc" where an entry says which it measured, else "".

    Its logs decide; where they do not say, the names of submitter and system do.
    """
    stated = {trace.channel.current for run in entry.runs for trace in run.outer} - {"unknown"}
    if len(stated) == 1:
        return stated.pop()
    system_name = str((entry.system_description or {}).get("system_name", ""))
    text = " ".join((entry.submitter, entry.system, system_name))
    words = text.lower().replace("_", "-").replace(" ", "-").split("-")
    named = {"ac", "dc"} & set(words)
    return named.pop() if len(named) == 1 else ""


def _run_outline(run: Run) -> RunOutline:
    return RunOutline(run.id, run.window, tuple(_trace_outline(trace) for trace in run.outer))


def _trace_outline(trace: Trace) -> TraceOutline:
    channel = trace.channel
    is_searched = channel.kind != "counter" and len(trace) >= MIN_READINGS
    return TraceOutline(
        channel=channel.id,
        file=channel.source or "",
        content=bytes.fromhex(trace.content_sha256),
        readings=len(trace),
        first_ns=int(trace.t_ns[0]) if len(trace) else 0,
        last_ns=int(trace.t_ns[-1]) if len(trace) else 0,
        calibration=None if channel.kind == "estimate" else channel.calibration_id,
        node=(channel.node or "") if channel.boundary == "node" else None,
        sketch=sketch_of(trace) if is_searched else None,
    )


def pack(item: object) -> bytes:
    """Return an object of ours as bytes, which take a fifth of its memory."""
    return pickle.dumps(item, pickle.HIGHEST_PROTOCOL)


def unpack(content: bytes) -> Any:
    """Return the object that `pack` packed in a process of ours; it is never read from a file."""
    return pickle.loads(content)
