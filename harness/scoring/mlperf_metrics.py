"""MLPerf's own metrics of an entry, computed as MLPerf's tools compute them.

They stand beside our figures so that a reader finds the published number again; they rank nothing.
The first part has the formulas, pure and in the order of MLPerf's code:

- inference: mean power of the readings, or energy per query (submission checker, power_check.py);
- training: sum of the readings times their time steps, scaled to the time to train (v4.0 code and
  current code);
- the Olympic mean of training results (result summarizer), and a Tukey-McLaughlin interval for it.

The second part applies them to an entry.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.energy.run import RunEnergy
from harness.formats.base import Entry, Run
from harness.formats.mlperf.loadgen_log import STREAMS
from harness.formats.reference.benchmarks import benchmarks
from harness.traces.trace import Floats, Ints, Trace, Window
from harness.uncertainty.closed_form import coverage_factor

# Formulas


def inference_power_metric(
    t_ns: Ints, power_w: Floats, window: Window, scenario: str, queries: float | None
) -> tuple[float, str] | None:
    """Return the power metric of MLPerf inference with its unit; ``None`` without a reading.

    Readings strictly inside the window and above 0 W count, each with the same weight.

    Args:
        t_ns: Time stamps in source order [ns], shape (n,).
        power_w: Readings in source order [W], shape (n,).
        window: Timed part of the run.
        scenario: LoadGen scenario; the stream scenarios state energy per query [mJ], the others
            mean power [W].
        queries: Queries of that scenario. A SingleStream run submitted as MultiStream has an eighth
            of its own.
    """
    inside = (t_ns > window.start_ns) & (t_ns < window.stop_ns) & (power_w > 0)
    if not inside.any():
        return None
    mean_w = float(power_w[inside].mean())
    if scenario not in STREAMS:
        return mean_w, "W"
    return (1000 * mean_w * window.seconds / queries, "mJ") if queries else None


class NodeEnergy(NamedTuple):
    """Energy of one node by MLPerf's own code; ``None`` where that code divides by zero.

    Attributes:
        v4_0: By the code of the v4.0 round: file order, denominator up to the last reading [J].
        current: By the current code: sorted by time, readings between start and stop only [J].
    """

    v4_0: float | None
    current: float | None


def training_node_energy(
    t_ns: Ints,
    power_w: Floats,
    start_ns: int,
    stop_ns: int | None,
    stop_position: int | None,
    factor: float,
) -> NodeEnergy:
    """Return the energy of a node [J] by both versions of MLPerf's code.

    It is the sum of readings times time steps, over the length of the log, times `factor`.

    Args:
        t_ns: Time stamps in source order [ns], shape (n,).
        power_w: Readings in source order [W], shape (n,).
        start_ns: Start marker [ns].
        stop_ns: Stop marker [ns]; ``None`` where the log has none.
        stop_position: Number of readings before the stop marker; ``None`` where the log has none.
        factor: Time to train [s] times the conversion efficiency that the log states.
    """
    end = len(t_ns) if stop_position is None else stop_position
    in_file_order = _right_rectangles(t_ns[:end], power_w[:end], start_ns)
    v4_0 = _scaled(in_file_order, start_ns, _latest(stop_ns, t_ns[:end]), factor)
    sorted_by_time = not np.count_nonzero(t_ns[1:] < t_ns[:-1])
    if not sorted_by_time:
        order = np.argsort(t_ns, kind="stable")
        t_ns, power_w = t_ns[order], power_w[order]
    stop = stop_ns if stop_ns is not None else _latest(None, t_ns)
    first, last = int(t_ns.searchsorted(start_ns)), int(t_ns.searchsorted(stop, "right"))
    if sorted_by_time and (first, last) == (0, end):
        between_markers = in_file_order
    else:
        between_markers = _right_rectangles(t_ns[first:last], power_w[first:last], start_ns)
    return NodeEnergy(v4_0, _scaled(between_markers, start_ns, stop, factor))


def _latest(stop_ns: int | None, t_ns: Ints) -> int:
    last = int(t_ns[-1]) if len(t_ns) else 0
    return last if stop_ns is None else max(stop_ns, last)


def _right_rectangles(t_ns: Ints, power_w: Floats, start_ns: int) -> float | None:
    """Return the sum of readings times the time since the previous one or the start [W ns]."""
    if not len(t_ns):
        return None
    first = float(power_w[0]) * float(int(t_ns[0]) - start_ns)
    steps_ns = (t_ns[1:] - t_ns[:-1]).astype(np.float64)
    return first + float(power_w[1:].dot(steps_ns))


def _scaled(energy: float | None, start_ns: int, stop_ns: int, factor: float) -> float | None:
    if energy is None or stop_ns <= start_ns:
        return None
    return energy / (stop_ns - start_ns) * factor


def olympic_runs(seconds: Sequence[float | None], reached: Sequence[bool], drop: int) -> list[int]:
    """Return the indices of the runs that the Olympic mean keeps.

    A run that missed the target takes the place of a slow one.

    Args:
        seconds: Time to train of each run [s].
        reached: Whether each run reached the target.
        drop: How many of the fastest and of the slowest runs are left out.
    """
    timed = [i for i, value in enumerate(seconds) if value is not None]
    ranked = sorted(timed, key=lambda i: (not reached[i], seconds[i]))
    return ranked[drop : len(ranked) - drop] if len(ranked) > 2 * drop else []


def olympic_mean(
    values: Sequence[float | None], kept: Sequence[int], scaling_factor: float | None
) -> float | None:
    """Return the scaled mean of the kept runs; ``None`` where one of them has no value."""
    kept_values = [values[i] for i in kept]
    numbers = [value for value in kept_values if value is not None]
    if not kept_values or len(numbers) < len(kept_values):
        return None
    return sum(numbers) / len(numbers) * (scaling_factor or 1.0)


def trimmed_interval(
    values: Sequence[float | None],
    seconds: Sequence[float | None],
    kept: Sequence[int],
    scaling_factor: float | None,
    level: float,
) -> tuple[float | None, float | None]:
    """Return the interval of an Olympic mean (Tukey and McLaughlin 1963), in the unit of `values`.

    Runs dropped for their time count with the value of the kept run next to them in time. The
    interval is Student's t with one degree of freedom less than runs were kept. (None, None) with
    fewer than two kept runs, or where one of them has no value.

    Args:
        values: Value of each run.
        seconds: Time to train of each run [s].
        kept: Indices of the runs that the mean keeps.
        scaling_factor: Normalisation to the reference convergence; ``None`` where none was given.
        level: Coverage probability, 0 to 1.
    """
    timed = [i for i, value in enumerate(seconds) if value is not None]
    ranked = sorted(timed, key=lambda i: seconds[i] or 0.0)
    inside = [i for i in ranked if i in set(kept)]
    if len(inside) < 2 or any(values[i] is None for i in inside):
        return None, None
    below = ranked.index(inside[0])
    above = len(ranked) - len(inside) - below
    kept_values = [values[i] for i in inside]
    padded = [kept_values[0]] * below + kept_values + [kept_values[-1]] * above
    winsorised = np.array(padded, float)
    n, h = len(winsorised), len(inside)
    mean = olympic_mean(values, kept, scaling_factor) or 0.0
    deviation = float(winsorised.std(ddof=1))
    standard_error = deviation * math.sqrt(n) / h * (scaling_factor or 1.0)
    half_width = coverage_factor(level, h - 1) * standard_error
    return mean - half_width, mean + half_width


# An entry

TINY_MEDIAN_DIGITS_UJ = 6e-4
"""Half of the last digit of a printed energy of MLPerf Tiny, and a little more [uJ]."""


def kept_runs(entry: Entry) -> list[int]:
    """Return the indices of the runs that the Olympic mean of a training entry keeps."""
    reference = benchmarks().get((entry.task, entry.benchmark))
    drop = reference.olympic_drop if reference else 1
    reached = [run.success is not False for run in entry.runs]
    return olympic_runs([run.seconds for run in entry.runs], reached, drop)


def mlperf_metrics(entry: Entry, runs: Sequence[RunEnergy], level: float) -> dict[str, Any]:
    """Return MLPerf's metrics for an entry, with unit, and a note where a formula gives nothing."""
    if entry.task == "inference":
        return _inference_metrics(entry)
    return _training_metrics(entry, runs, level) if _has_mlperf_logs(entry) else {}


def _has_mlperf_logs(entry: Entry) -> bool:
    """Whether the entry has power logs of MLPerf, which joulemark's own runs have not."""
    traces = (trace for run in entry.runs for trace in run.traces)
    return any("marker_start_ns" in trace.channel.extra for trace in traces)


def _inference_metrics(entry: Entry) -> dict[str, Any]:
    if any(run.evidence.tiny is not None for run in entry.runs):
        return _tiny_metrics(entry)
    if any(run.evidence.package is not None for run in entry.runs):
        return _endpoints_metrics(entry)
    run = entry.runs[0] if entry.runs else None
    total = next(iter(run.outer), None) if run else None
    if run is None or total is None or run.window is None or run.evidence.inference is None:
        return {}
    unit = "mJ" if entry.scenario in STREAMS else "W"
    if unit == "mJ" and run.work is None:
        return _no_inference_metric(unit, "the log does not say how many queries were done")
    queries = run.work.count if run.work else None
    metric = inference_power_metric(*total.source_order(), run.window, entry.scenario, queries)
    if metric is None:
        return _no_inference_metric(unit, "no reading strictly inside the window")
    value, unit = metric
    return {"mlperf_inference": {"value": value, "unit": unit}}


def _tiny_metrics(entry: Entry) -> dict[str, Any]:
    """Return MLPerf Tiny's metric: the median over the windows of energy per inference [uJ].

    It is the printed median, which has all digits, unless the printed energies contradict it.
    """
    energies = []
    for run in entry.runs:
        if run.evidence.tiny is not None and run.work is not None and run.work.count:
            energies.append(run.evidence.tiny.energy_uj / run.work.count)
    if not energies:
        note = "the logs do not say how many inferences a window has"
        return {"mlperf_tiny": {"value": None, "unit": "uJ", "note": note}}
    median_uj = statistics.median(energies)
    first = entry.runs[0].evidence.tiny
    printed_uj = first.median_uj if first is not None else None
    if printed_uj is not None and abs(printed_uj - median_uj) <= TINY_MEDIAN_DIGITS_UJ:
        median_uj = printed_uj
    return {"mlperf_tiny": {"value": median_uj, "unit": "uJ"}}


ENDPOINTS_UNITS = {
    "tps": "tokens/s",
    "qps": "requests/s",
    "tps_per_user": "tokens/s",
    "ttft_p90_ms": "ms",
    "tpot_p90_ms": "ms",
    "system_tps_per_kw": "tokens/s/kW",
}
"""Metrics of MLPerf Endpoints, and their units."""


def _endpoints_metrics(entry: Entry) -> dict[str, Any]:
    """Return the metrics of MLPerf Endpoints, as far as the files of the point give them."""
    package = entry.runs[0].evidence.package
    figures = package.figures if package is not None else {}
    return {
        f"mlperf_endpoints_{name}": {"value": figures[name], "unit": unit}
        for name, unit in ENDPOINTS_UNITS.items()
        if name in figures
    }


def _no_inference_metric(unit: str, note: str) -> dict[str, Any]:
    return {"mlperf_inference": {"value": None, "unit": unit, "note": note}}


def _training_metrics(entry: Entry, runs: Sequence[RunEnergy], level: float) -> dict[str, Any]:
    kept, factor = kept_runs(entry), entry.scaling_factor
    nodes_of_runs = [_node_energies(run) for run in entry.runs]
    metrics: dict[str, Any] = {}
    for name, version in (("mlperf_training_v4.0", "v4_0"), ("mlperf_training_current", "current")):
        values = []
        for run, nodes in zip(entry.runs, nodes_of_runs, strict=True):
            values.append(_run_energy(run, [getattr(node, version) for node in nodes]))
        mean = olympic_mean(values, kept, factor)
        metrics[name] = {"value": mean, "unit": "J"}
        if mean is None:
            metrics[name]["note"] = _why_no_mean(entry, kept, values)
    energies = [run.energy_j for run in runs]
    seconds = [run.run.seconds for run in runs]
    low, high = trimmed_interval(energies, seconds, kept, factor, level)
    metrics["window_olympic_scaled"] = {
        "value": olympic_mean(energies, kept, factor),
        "low": low,
        "high": high,
        "unit": "J",
        "note": "our window energies, averaged and scaled as MLPerf does; "
        "Tukey-McLaughlin interval of the runs alone",
    }
    return metrics


def _why_no_mean(entry: Entry, kept: Sequence[int], values: Sequence[float | None]) -> str:
    if not kept:
        return "too few runs for an Olympic mean"
    missing = [entry.runs[i].id for i in kept if values[i] is None]
    return f"that code fails on {len(missing)} of {len(kept)} kept runs (first: {missing[0]})"


def _run_energy(run: Run, nodes: Sequence[float | None]) -> float | None:
    """Return a run's energy by one of MLPerf's formulas [J]; ``None`` where it fails on a log."""
    values = [value for value in nodes if value is not None]
    if run.seconds is None or not nodes or len(values) < len(nodes):
        return None
    rated_w = math.fsum(part.power_w for part in run.rated)
    return math.fsum(values) + rated_w * run.seconds


def _node_energies(run: Run) -> list[NodeEnergy]:
    if run.seconds is None:
        return []
    traces = [trace for trace in run.traces if trace.channel.boundary == "node"]
    return [_node_energy(trace, run.seconds) for trace in traces]


def _node_energy(trace: Trace, seconds: float) -> NodeEnergy:
    markers = trace.channel.extra
    start_ns = markers.get("marker_start_ns")
    if start_ns is None:
        return NodeEnergy(None, None)
    factor = seconds * (trace.channel.conversion_efficiency or 1.0)
    t_ns, power_w = trace.source_order()
    stop_ns, stop_position = markers.get("marker_stop_ns"), markers.get("marker_stop_position")
    return training_node_energy(t_ns, power_w, start_ns, stop_ns, stop_position, factor)
