"""Measure how often limits of `noise-plausible` would warn of submitters that did not set them.

    python -m benchmarks.detector_limits TREE

Each submitter is left out in turn: a limit is set at some margin above the largest value of the
others, and the windows of the one left out are held against it. The same for random halves of the
submitters. The rate of a limit on the data by which it was chosen says nothing: it is zero.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness import api
from harness.auditing.rules.plausibility.power_plausible import node_parts, rest_w
from harness.auditing.rules.readings.noise_plausible import (
    bound_shares,
    common_step,
    interval_ratios,
    step_correlation,
)
from harness.traces.trace import Floats, Trace, Window

MIN_READINGS = 20
HALVES = 2000
FAMILIES = ("mlperf-inference", "mlperf-training")
LIMITS = {"cut off": 0.04, "rounded": 0.004, "smoothed": 0.65, "stretched": 0.04}
Features = dict[str, float]


def windows(tree: Path) -> Iterator[tuple[str, Features]]:
    """Yield the submitter and the features of each trace in each window, ranging included."""
    for entry in api.read(tree).entries:
        if entry.family not in FAMILIES:
            continue
        parts = node_parts(entry.system_description or {})
        runs = [*entry.runs, *([entry.ranging] if entry.ranging else [])]
        for run in runs:
            for trace in run.traces if run.window else ():
                inside = trace.window(run.window)
                if trace.channel.kind in ("mean", "instant") and len(inside) >= MIN_READINGS:
                    rated_w = parts.accelerators_w if parts else float("nan")
                    yield entry.submitter, features(trace, run.window, rated_w)


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
        "rest": float("nan") if resting_w is None else resting_w / rated_w,
    }


def main() -> None:
    """Print the rates, one row a detector."""
    largest: dict[str, dict[str, float]] = defaultdict(dict)
    lowest_rest: dict[str, float] = {}
    count = 0
    for submitter, found in windows(Path(sys.argv[1])):
        count += 1
        for name in LIMITS:
            known = largest[name].get(submitter, -1.0)
            largest[name][submitter] = float(np.fmax(known, found[name]))
        if np.isfinite(found["rest"]):
            lowest_rest[submitter] = min(lowest_rest.get(submitter, np.inf), found["rest"])
    print(f"{count} windows")
    print("| detector | largest | margin | left out | halves |\n|---|---|---|---|---|")
    rng = np.random.default_rng(1)
    for name, limit in LIMITS.items():
        values = np.array(list(largest[name].values()))
        margin = limit / values.max()
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
