"""What the logs of an experiment's runs state: evaluations, processor time, size, inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.core.errors import JoulemarkError
from harness.core.files import read_bytes
from harness.energy.run import run_energy
from harness.formats.base import Entry, Run
from harness.formats.mlperf.mllog import Line, number, read_all
from harness.formats.run_directory import RECORD
from harness.runners.base import NS_PER_MS
from harness.traces.trace import Window

COSTS = (
    "parameters",
    "state_bytes",
    "rows_touched",
    "parameters_touched",
    "flops_inference",
    "flops_training",
    "peak_bytes",
)
"""Lines of a result log that state what a model is made of, and what one byte costs it."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation of the first training of a run.

    Attributes:
        quality: What it found, in the unit of the metric.
        learnt: Bytes learnt so far.
        cpu_s: Processor time since the start of the process [s].
        energy_j: Energy since the start of the training [J]; None where it cannot be integrated.
    """

    quality: float
    learnt: float
    cpu_s: float
    energy_j: float | None


@dataclass(frozen=True, slots=True)
class Inference:
    """Predictions after the window of a run.

    Attributes:
        predicted: Bytes that were predicted.
        cpu_s: Processor time of that [s].
        energy_j: Energy of that [J]; None where it cannot be integrated.
    """

    predicted: float
    cpu_s: float
    energy_j: float | None


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What one run states.

    Attributes:
        run: Id of the run.
        seed: Its seed.
        reached: Whether all of its trainings reached the target, as the log says.
        quality: What it reached.
        energy_j: Energy of one training [J]; None where it cannot be integrated.
        seconds: Time of one training [s]; None where the run has no window.
        cpu_s: Processor time of one training, from the start of its process to the target [s];
            None where the log states none.
        evaluations: Evaluations of its first training.
        inference: Predictions after the window; None where there were none.
        costs: Parameters, memory, rows and operations, as the log states them.
    """

    run: str
    seed: float | None
    reached: bool
    quality: float | None
    energy_j: float | None
    seconds: float | None
    cpu_s: float | None
    evaluations: Sequence[Evaluation] = ()
    inference: Inference | None = None
    costs: Mapping[str, float] = field(default_factory=dict)


def training_runs(entry: Entry) -> list[TrainingRun]:
    """Read the logs of all runs of an entry, and integrate what they mark.

    Args:
        entry: Runs that joulemark recorded.
    """
    return [_training_run(entry, run) for run in entry.runs]


def _training_run(entry: Entry, run: Run) -> TrainingRun:
    lines = _log_lines(entry, run)
    values = {line.key: number(line.value) for line in lines}
    amount = run.work.count if run.work and run.work.count else 1.0
    energy_j = run_energy(entry, run).energy_j
    costs = {name: value for name in COSTS if (value := values.get(name)) is not None}
    return TrainingRun(
        run=run.id,
        seed=values.get("seed"),
        reached=run.success is True,
        quality=run.quality.value if run.quality else None,
        energy_j=None if energy_j is None else energy_j / amount,
        seconds=run.window.seconds / amount if run.window else None,
        cpu_s=values.get("cpu_s_to_target"),
        evaluations=list(_evaluations(entry, run, lines)),
        inference=_inference(entry, run, lines),
        costs=costs,
    )


def _log_lines(entry: Entry, run: Run) -> Sequence[Line]:
    """Return the lines of the result log of a run; none where there is no such log."""
    is_run = (entry.directory / RECORD).is_file()
    folder = entry.directory if is_run else entry.directory / run.id
    for path in sorted((folder / "log").glob("result_*.txt")):
        try:
            return read_all(read_bytes(path))[0]
        except JoulemarkError:
            return ()
    return ()


def _evaluations(entry: Entry, run: Run, lines: Sequence[Line]) -> Iterator[Evaluation]:
    """Yield the evaluations of the first training, each with the energy up to it."""
    start_ns: int | None = None
    for line in lines:
        stamp_ms = number(line.time_ms)
        metadata = line.metadata if isinstance(line.metadata, dict) else {}
        if stamp_ms is None or number(metadata.get("training")) != 1:
            continue
        now_ns = round(stamp_ms * NS_PER_MS)
        if line.key == "block_start":
            start_ns = now_ns
        value, learnt = number(line.value), number(metadata.get("bytes"))
        cpu_s = number(metadata.get("cpu_s"))
        if line.key != "eval_bits_per_byte" or start_ns is None:
            continue
        if value is not None and learnt is not None and cpu_s is not None:
            energy_j = _energy_between(entry, run, start_ns, now_ns)
            yield Evaluation(value, learnt, cpu_s, energy_j)


def _inference(entry: Entry, run: Run, lines: Sequence[Line]) -> Inference | None:
    """Return what the last predictions cost; None where the log states none."""
    for line in reversed(lines):
        metadata = line.metadata if isinstance(line.metadata, dict) else {}
        if line.key != "inference_bytes":
            continue
        predicted, cpu_s = number(line.value), number(metadata.get("cpu_s"))
        start_ns, stop_ns = number(metadata.get("start_ns")), number(metadata.get("stop_ns"))
        if not predicted or cpu_s is None or start_ns is None or stop_ns is None:
            return None
        energy_j = _energy_between(entry, run, round(start_ns), round(stop_ns))
        return Inference(predicted, cpu_s, energy_j)
    return None


def _energy_between(entry: Entry, run: Run, start_ns: int, stop_ns: int) -> float | None:
    """Return the energy of a run between two times [J]; None where readings do not cover them."""
    if stop_ns <= start_ns:
        return None
    part = replace(run, window=Window(start_ns, stop_ns))
    return run_energy(entry, part).energy_j
