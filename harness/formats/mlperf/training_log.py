"""Find what a training run reached, and after how much work, in its result log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.formats.base import Quality
from harness.formats.evidence import Progress
from harness.formats.mlperf import mllog
from harness.formats.reference.benchmarks import Benchmark, benchmarks

Evaluation = tuple[float, Mapping[str, Any]]
"""Value and metadata of an ``eval_accuracy`` line."""


def reached(lines: Sequence[mllog.Line], benchmark: str) -> tuple[Quality | None, Progress | None]:
    """Return the quality that a run reached, and its progress then.

    Both are of the last evaluation before ``run_stop``. Where the quality is several metrics, they
    are of the first count at which all reach their targets. Progress that no evaluation states is
    taken from ``run_stop``. Each is ``None`` if the log lacks it.

    Args:
        lines: Lines of the result log.
        benchmark: Name of the benchmark, as its folder has it.
    """
    rules = benchmarks().get(("training", benchmark))
    batch = mllog.count(_last_value(lines, "global_batch_size"))
    if rules is not None and rules.others:
        quality, progress = _several_metrics(lines, rules, batch)
    else:
        quality, progress = _one_metric(lines, rules, batch)
    if progress is None:
        progress = _progress_at_stop(lines, batch)
    return quality, progress


def _one_metric(
    lines: Sequence[mllog.Line], rules: Benchmark | None, batch: float | None
) -> tuple[Quality | None, Progress | None]:
    """Take the last evaluation before ``run_stop``, or the last of all if none is before it.

    Where no rules state the target, the log's own is taken.
    """
    stops = [position for position, line in enumerate(lines) if line.key == "run_stop"]
    before_stop = lines[: stops[-1]] if stops else lines
    evaluations = _evaluations(before_stop) or _evaluations(lines)
    if not evaluations:
        return None, None
    value, metadata = evaluations[-1]
    progress = _progress(metadata, batch)
    if rules is None:
        return Quality("eval_accuracy", value), progress
    target = rules.target
    if target is None:
        target = mllog.number(_last_value(lines, "target_accuracy"))
    return Quality(rules.metric, value, target), progress


def _several_metrics(
    lines: Sequence[mllog.Line], rules: Benchmark, batch: float | None
) -> tuple[Quality | None, Progress | None]:
    """Take the first count at which all metrics reach their targets, or the last that has all.

    Each metric has lines of its own, which may come in any order, and after ``run_stop``.
    """
    # 1. Collect the metrics that were evaluated at one count.
    values_at: dict[Progress, dict[str, float]] = {}
    for value, metadata in _evaluations(lines):
        progress = _progress(metadata, batch)
        if progress is not None:
            values_at.setdefault(progress, {})[str(metadata.get("metric"))] = value

    # 2. Only counts with all metrics tell anything.
    whole = [
        progress
        for progress in sorted(values_at)
        if all(item.metric in values_at[progress] for item in rules.metrics)
    ]
    if not whole:
        return None, None

    # 3. The first at which all targets are reached, else the last.
    passing = [progress for progress in whole if _all_reached(rules, values_at[progress])]
    progress = passing[0] if passing else whole[-1]
    values = values_at[progress]
    first, *others = (
        Quality(item.metric, values[item.metric], item.target) for item in rules.metrics
    )
    return replace(first, others=tuple(others)), progress


def _all_reached(rules: Benchmark, values: Mapping[str, float]) -> bool:
    return all(item.reached(values[item.metric]) for item in rules.metrics)


def _evaluations(lines: Sequence[mllog.Line]) -> list[Evaluation]:
    """Return the evaluations whose value is a number."""
    evaluations: list[Evaluation] = []
    for line in lines:
        value = mllog.number(line.value) if line.key == "eval_accuracy" else None
        if value is not None:
            metadata = line.metadata if isinstance(line.metadata, Mapping) else {}
            evaluations.append((value, metadata))
    return evaluations


def _progress_at_stop(lines: Sequence[mllog.Line], batch: float | None) -> Progress | None:
    for line in reversed(lines):
        progress = _progress(line.metadata, batch) if line.key == "run_stop" else None
        if progress is not None:
            return progress
    return None


def _progress(metadata: object, batch: float | None) -> Progress | None:
    """Return what the metadata of a line count; steps are samples if the batch size is known."""
    if not isinstance(metadata, Mapping):
        return None
    for name in ("samples_count", "epoch_num"):
        value = mllog.count(metadata.get(name))
        if value is not None:
            return name, value
    steps = mllog.count(metadata.get("step_num"))
    if steps is None:
        return None
    samples = None if batch is None else mllog.count(steps * batch)
    return ("step_num", steps) if samples is None else ("samples_count", samples)


def _last_value(lines: Sequence[mllog.Line], key: str) -> Any:
    return next((line.value for line in reversed(lines) if line.key == key), None)
