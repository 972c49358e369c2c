"""Measure how often limits of detectors would warn of submitters that did not set them.

    python -m benchmarks.detector_limits TREE

Each submitter is left out in turn: a limit is set at some margin above the largest value of the
others, and the windows of the one left out are held against it. The same for random halves of the
submitters. The rate of a limit on the data by which it was chosen says nothing: it is zero.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from harness import api
from harness.auditing.rules.plausibility.power_plausible import node_parts, rest_w
from harness.auditing.rules.readings.noise_plausible import (
    bound_shares,
    common_step,
    finer_share,
    interval_ratios,
    step_correlation,
)
from harness.auditing.scaled_courses import MAX_STEP, MIN_NOISY_READINGS, NOISY_CORRELATION
from harness.formats.base import Entry, Run
from harness.traces.trace import Floats, Trace, Window

MIN_READINGS = 20
HALVES = 2000
FAMILIES = ("mlperf-inference", "mlperf-training")
LIMITS = {
    "cut off": 0.04,
    "rounded": 0.004,
    "smoothed": 0.65,
    "stretched": 0.04,
    "digits": 0.05,
    "busy, high": 3.0,
    "busy, low": 1 / 0.4,
    "copies": NOISY_CORRELATION,
}
DIGITS = 5
"""Significant digits of an analyzer's display."""
LONGEST = 20_000
"""Readings of a trace that are compared with those of others."""
SHIFTS = range(-3, 4)
"""Readings by which two courses are moved against each other."""
Features = dict[str, float]


def windows(entries: Sequence[Entry]) -> Iterator[tuple[str, Features]]:
    """Yield the submitter and the features of each trace in each window, ranging included."""
    for entry in entries:
        if entry.family not in FAMILIES:
            continue
        parts = node_parts(entry.system_description or {})
        runs = [*entry.runs, *([entry.ranging] if entry.ranging else [])]
        for run in runs:
            for trace in run.traces if run.window else ():
                inside = trace.window(run.window)
                if trace.channel.kind in ("mean", "instant") and len(inside) >= MIN_READINGS:
                    rated_w = parts.accelerators_w if parts else float("nan")
                    found = features(trace, run.window, rated_w)
                    if entry.family != "mlperf-inference":
                        found["digits"] = float("nan")  # only analyzers are judged by them
                    share = busy_share(entry, run, rated_w)
                    found["busy, high"], found["busy, low"] = share, 1 / share
                    yield entry.submitter, found


def features(trace: Trace, window: Window, rated_w: float) -> Features:
    """Return what the detectors limit."""
    value = np.asarray(trace.window(window).value)
    resting_w = rest_w(trace, window)
    correlation = step_correlation(value)
    ratios = [ratio for _, _, ratio in interval_ratios(trace, window, MIN_READINGS)]
    return {
        "cut off": max(share for _, share in bound_shares(value))
        if len(np.unique(value)) >= MIN_READINGS
        else 0.0,
        "rounded": (common_step(value) or 0.0) / float(value.mean()),
        "smoothed": float("nan") if correlation is None else correlation,
        "stretched": max((1 - (r if r < 1 else 1 / r) for r in ratios), default=0.0),
        "digits": finer_share(value, DIGITS),
        "rest": float("nan") if resting_w is None else resting_w / rated_w,
    }


def busy_share(entry: Entry, run: Run, rated_w: float) -> float:
    """Return the mean power of a timed run as a share of its accelerators' rated power."""
    if entry.family != "mlperf-inference" or run is entry.ranging or run.window is None:
        return float("nan")
    inside = [trace.window(run.window).value for trace in run.outer]
    return float(sum(value.mean() for value in inside if len(value))) / rated_w


def alike(entries: Sequence[Entry]) -> Iterator[tuple[str, float]]:
    """Yield submitters and the largest correlation of two honest courses of one benchmark.

    The courses were measured at different times, and have nearly one length.
    """
    groups: dict[str, list[tuple[str, Trace]]] = defaultdict(list)
    for entry in entries:
        if entry.family in FAMILIES:
            for run in entry.runs:
                for trace in run.outer:
                    if trace.channel.kind != "counter" and len(trace) >= MIN_NOISY_READINGS:
                        groups[entry.benchmark].append((entry.submitter, trace))
    for group in groups.values():
        for (submitter, first), (other, second) in combinations(group, 2):
            apart = first.t_ns[-1] < second.t_ns[0] or second.t_ns[-1] < first.t_ns[0]
            if apart and 0.95 < len(first) / len(second) < 1 / 0.95:
                largest = _largest_correlation(first, second)
                yield submitter, largest
                yield other, largest


def _largest_correlation(first: Trace, second: Trace) -> float:
    length = min(len(first), len(second), LONGEST) - len(SHIFTS)
    steps = [_usual_steps(trace)[: length + len(SHIFTS) - 1] for trace in (first, second)]
    margin = len(SHIFTS) // 2
    middle = steps[0][margin : margin + length - 1]
    return max(
        float(np.corrcoef(middle, steps[1][margin + s : margin + s + length - 1])[0, 1])
        for s in SHIFTS
    )


def _usual_steps(trace: Trace) -> Floats:
    steps = np.diff(trace.value[:LONGEST])
    largest = MAX_STEP * np.median(np.abs(steps))
    return np.asarray(np.clip(steps, -largest, largest))


def main() -> None:
    """Print the rates, one row a detector."""
    largest: dict[str, dict[str, float]] = defaultdict(dict)
    lowest_rest: dict[str, float] = {}
    count = 0
    entries = api.read(Path(sys.argv[1])).entries
    for submitter, found in windows(entries):
        count += 1
        for name in found.keys() & LIMITS.keys():
            if np.isfinite(found[name]):
                known = largest[name].get(submitter, 0.0)
                largest[name][submitter] = max(known, found[name])
        if np.isfinite(found["rest"]):
            lowest_rest[submitter] = min(lowest_rest.get(submitter, np.inf), found["rest"])
    for submitter, correlation in alike(entries):
        known = largest["copies"].get(submitter, 0.0)
        largest["copies"][submitter] = max(known, correlation)
    print(f"{count} windows")
    print("| detector | largest | margin | left out | halves |\n|---|---|---|---|---|")
    rng = np.random.default_rng(1)
    for name, limit in LIMITS.items():
        values = np.array(list(largest[name].values()))
        margin = limit / values.max() if values.any() else np.inf
        _print_row(name, values, margin, rng)
    inverse = 1 / np.array(list(lowest_rest.values()))
    _print_row("rest, inverse", inverse, 2.0, rng)


def _print_row(name: str, values: Floats, margin: float, rng: np.random.Generator) -> None:
    """Print how many submitters are above a margin over the largest value of others."""
    others = [np.delete(values, index).max() for index in range(len(values))]
    left_out = int(np.sum(values > margin * np.array(others)))
    rates = []
    for _ in range(HALVES):
        order = rng.permutation(values)
        half = len(values) // 2
        rates.append(np.mean(order[half:] > margin * order[:half].max()))
    print(
        f"| {name} | {values.max():.4g} | {margin:.2f} | {left_out} of {len(values)} "
        f"| {np.mean(rates):.1%} |"
    )


if __name__ == "__main__":
    main()
