"""The figures of MLPerf's own tools for an entry, beside ours (method, section 7)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.energy.run import RunEnergy
from harness.formats.base import Entry, Run
from harness.formats.mlperf.loadgen_log import STREAMS
from harness.formats.reference.benchmarks import benchmarks
from harness.scoring import mlperf_formulas as compat
from harness.traces.trace import Trace


def kept_runs(entry: Entry) -> list[int]:
    known = benchmarks().get((entry.task, entry.benchmark))
    reached = [run.success is not False for run in entry.runs]
    return compat.olympic_kept(
        [run.seconds for run in entry.runs], reached, known.olympic_drop if known else 1
    )


def compatibility(entry: Entry, runs: Sequence[RunEnergy], level: float) -> dict[str, Any]:
    """What the peers' formulas give for this entry, each with its unit, and a note where one gives nothing."""
    if entry.task == "inference":
        return _compat_inference(entry)
    if not any(
        "marker_start_ns" in trace.channel.extra for run in entry.runs for trace in run.traces
    ):
        return {}  # no logs of MLPerf's, such as a run that joulemark recorded: its tools say nothing of it
    kept, factor = kept_runs(entry), entry.scaling_factor
    found: dict[str, Any] = {}
    nodes = [(run, _nodes(run)) for run in entry.runs]
    for name, of in (("mlperf_training_v4.0", "v4_0"), ("mlperf_training_current", "current")):
        values = [
            _training_run(run, [getattr(node, of) for node in of_run]) for run, of_run in nodes
        ]
        found[name] = {"value": compat.olympic_mean(values, kept, factor), "unit": "J"}
        if found[name]["value"] is None:
            found[name]["note"] = _why_none(entry, kept, values)
    energies = [run.energy_j for run in runs]
    low, high = compat.trimmed_interval(
        energies, [run.run.seconds for run in runs], kept, factor, level
    )
    found["window_olympic_scaled"] = {
        "value": compat.olympic_mean(energies, kept, factor),
        "low": low,
        "high": high,
        "unit": "J",
        "note": "our window energies, averaged and scaled as MLPerf does; Tukey-McLaughlin interval of the runs alone",
    }
    return found


def _why_none(entry: Entry, kept: Sequence[int], values: Sequence[float | None]) -> str:
    if not kept:
        return "too few runs for an Olympic mean"
    missing = [entry.runs[i].id for i in kept if values[i] is None]
    return f"that code fails on {len(missing)} of {len(kept)} kept runs (first: {missing[0]})"


def _compat_inference(entry: Entry) -> dict[str, Any]:
    run = entry.runs[0] if entry.runs else None
    total = next(iter(run.outer), None) if run else None
    if run is None or total is None or run.window is None or run.evidence.inference is None:
        return {}
    unit = "mJ" if entry.scenario in STREAMS else "W"
    if unit == "mJ" and run.work is None:
        note = "the log does not say how many queries were done"
        return {"mlperf_inference": {"value": None, "unit": unit, "note": note}}
    found = compat.mlperf_inference(
        *total.source_order(), run.window, entry.scenario, run.work.count if run.work else None
    )
    if found is None:
        return {
            "mlperf_inference": {
                "value": None,
                "unit": unit,
                "note": "no reading strictly inside the window",
            }
        }
    return {"mlperf_inference": {"value": found[0], "unit": found[1]}}


def _training_run(run: Run, nodes: Sequence[float | None]) -> float | None:
    """A run's energy by one of the peer's formulas [J]; None where that formula fails on one of its logs."""
    values = [value for value in nodes if value is not None]
    if run.seconds is None or not nodes or len(values) < len(nodes):
        return None
    return math.fsum(values) + math.fsum(part.power_w for part in run.rated) * run.seconds


def _nodes(run: Run) -> list[compat.NodeEnergy]:
    """What the peer's formulas give for each node of a run."""
    traces = [trace for trace in run.traces if trace.channel.boundary == "node"]
    return [_node(trace, run.seconds) for trace in traces] if run.seconds is not None else []


def _node(trace: Trace, seconds: float) -> compat.NodeEnergy:
    marks = trace.channel.extra
    start, stop = marks.get("marker_start_ns"), marks.get("marker_stop_ns")
    if start is None:
        return compat.NodeEnergy(None, None)
    factor = seconds * (trace.channel.conversion_efficiency or 1.0)
    return compat.training_node(
        *trace.source_order(), start, stop, marks.get("marker_stop_position"), factor
    )
