"""What a training run reached, and after how much work, by its result log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.formats.base import Quality
from harness.formats.evidence import Progress
from harness.formats.mlperf import mllog
from harness.formats.reference.benchmarks import Benchmark, benchmarks


def reached(lines: Sequence[mllog.Line], benchmark: str) -> tuple[Quality | None, Progress | None]:
    """The quality that a run reached and its progress then, as ("samples_count", 3072.0); None what the log lacks.

    Both are of the last evaluation before run_stop; where quality is several metrics, of the first count at which all
    reach their targets. What no evaluation counts is taken from run_stop.
    """
    known = benchmarks().get(("training", benchmark))
    batch = mllog.count(_last(lines, "global_batch_size"))
    found, progress = (
        _several(lines, known, batch) if known and known.others else _one(lines, known, batch)
    )
    if progress is None:
        stops = (line for line in reversed(lines) if line.key == "run_stop")
        progress = next(filter(None, (_progress(line.metadata, batch) for line in stops)), None)
    return found, progress


def _one(
    lines: Sequence[mllog.Line], known: Benchmark | None, batch: float | None
) -> tuple[Quality | None, Progress | None]:
    """The last evaluation before run_stop, or the last of all; the target is the log's own where no rules state one."""
    stop = max((at for at, line in enumerate(lines) if line.key == "run_stop"), default=len(lines))
    evaluations = _evaluations(lines[:stop]) or _evaluations(lines)
    if not evaluations:
        return None, None
    value, metadata = evaluations[-1]
    progress = _progress(metadata, batch)
    if known is None:
        return Quality("eval_accuracy", value), progress
    target = mllog.number(_last(lines, "target_accuracy")) if known.target is None else known.target
    return Quality(known.metric, value, target), progress


def _several(
    lines: Sequence[mllog.Line], known: Benchmark, batch: float | None
) -> tuple[Quality | None, Progress | None]:
    """The first count at which all metrics reach their targets; where none does, the last that has them all.

    Each metric has lines of its own, which may come in any order, and after run_stop.
    """
    by_count: dict[Progress, dict[str, float]] = {}
    for value, metadata in _evaluations(lines):
        at = _progress(metadata, batch)
        if at is not None:
            by_count.setdefault(at, {})[str(metadata.get("metric"))] = value
    whole = sorted(
        at
        for at, values in by_count.items()
        if all(item.metric in values for item in known.metrics)
    )
    if not whole:
        return None, None
    passing = [
        at for at in whole if all(item.reached(by_count[at][item.metric]) for item in known.metrics)
    ]
    at = passing[0] if passing else whole[-1]
    first, *rest = (
        Quality(item.metric, by_count[at][item.metric], item.target) for item in known.metrics
    )
    return replace(first, others=tuple(rest)), at


def _evaluations(lines: Sequence[mllog.Line]) -> list[tuple[float, Mapping[str, Any]]]:
    """Value and metadata of each evaluation whose value is a number."""
    found = (
        (mllog.number(line.value), line.metadata) for line in lines if line.key == "eval_accuracy"
    )
    return [
        (value, metadata if isinstance(metadata, Mapping) else {})
        for value, metadata in found
        if value is not None
    ]


def _progress(metadata: object, batch: float | None) -> Progress | None:
    """What a line counts; steps are samples where the batch size is known."""
    if not isinstance(metadata, Mapping):
        return None
    for name in ("samples_count", "epoch_num"):
        value = mllog.count(metadata.get(name))
        if value is not None:
            return name, value
    steps = mllog.count(metadata.get("step_num"))
    samples = None if steps is None or batch is None else mllog.count(steps * batch)
    if samples is not None:
        return "samples_count", samples
    return None if steps is None else ("step_num", steps)


def _last(lines: Sequence[mllog.Line], key: str) -> Any:
    return next((line.value for line in reversed(lines) if line.key == key), None)
