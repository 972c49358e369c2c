"""Read MLPerf training power results, rounds v4.0 to v5.0.

A result is a benchmark folder with one result log for each run, and a power folder that is named
after it::

    result_0.txt
    power/result_0/node_0.txt, node_1.txt, ... sw_0.txt, ...
    scaling.json                      normalisation to the reference convergence

``docs/reference/formats.md`` tells what changed from round to round.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, shorten
from harness.core.printable import well_formed
from harness.formats.base import Entry, Format, Quantity, Run, Work
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader, natural
from harness.formats.evidence import Evidence, TrainingEvidence
from harness.formats.mlperf import mllog, training_log
from harness.formats.mlperf.training_power import POWER_LOG, read_power_folder, stamp_ns
from harness.traces.trace import Window

_STATED_KEYS = (
    "global_batch_size",
    "submission_benchmark",
    "submission_division",
    "submission_platform",
)
"""What a result log states of its run, to be compared with the system description."""
_RESULT_KEYS = (
    "run_start",
    "run_stop",
    "eval_accuracy",
    "seed",
    "submission_org",
    "submission_status",
    "target_accuracy",
    *_STATED_KEYS,
)
MIN_SCALING, MAX_SCALING = 0.01, 100


class MlperfTraining(Format):
    """Reader of one training benchmark folder with power."""

    name = "mlperf-training-power"
    family = "mlperf-training"
    priority = 30

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether this is a benchmark folder with result logs and a power folder."""
        if "power" not in names or "performance" in names:
            return False
        power = directory / "power"
        return not power.is_symlink() and power.is_dir() and _has_results(names)

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:
        """Say that a benchmark folder of a training submission has no power logs."""
        is_benchmark = directory.absolute().parent.parent.name == "results" and _has_results(names)
        if not is_benchmark:
            return ""
        return "power is no folder" if "power" in names else "no power was measured"

    def surroundings(self, directory: Path) -> tuple[Path, ...]:
        """Return the folder of a submission that describes systems."""
        parents = Path(os.path.abspath(directory)).parents
        return (parents[2] / "systems",) if len(parents) > 2 else ()

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read one run for each result log, with or without power."""
        reader = Reader(directory)
        submitter, system = _names(directory)
        logs = sorted(directory.glob("result_*.txt"), key=lambda path: natural(path.name))
        if not logs:
            raise UnreadableError("has no result_*.txt", where=str(directory))

        runs = tuple(_read_run(path, submitter, reader) for path in logs)
        _note_power_without_result(directory / "power", runs, reader)
        description = _system_description(directory, system, reader)
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            round=_round(directory),
            task="training",
            submitter=submitter,
            system=system,
            benchmark=directory.name,
            scenario="time-to-train",
            division=str((description or {}).get("division", "")),
            runs=runs,
            system_description=description,
            scaling_factor=_scaling_factor(directory, reader),
            simulated="SIMULATED" in str((description or {}).get("hw_notes", "")),
            defects=tuple(reader.defects),
        )


def _has_results(names: frozenset[str]) -> bool:
    return any(name.startswith("result_") and name.endswith(".txt") for name in names)


def _read_run(path: Path, submitter: str, reader: Reader) -> Run:
    """Read a result log and the power folder of its name."""
    # 1. The result log.
    content = reader.optional(path)
    lines, broken = mllog.select(content, _RESULT_KEYS)
    if broken:
        reader.note(DefectCode.MLLOG_LINE_BROKEN, path, f"{broken} lines", broken)
    window = _window(lines)
    if content and window is None:
        reader.note(DefectCode.WINDOW_MISSING, path, "no run_start or no run_stop")
    quality, progress = training_log.reached(lines, path.parent.name)

    # 2. The power logs.
    name = path.name.split(".")[0]
    folder = path.parent / "power" / name
    names = _listing(folder)
    power = read_power_folder(folder, names, window, submitter, reader)

    evidence = TrainingEvidence(
        seeds=tuple(line.value for line in lines if line.key == "seed"),
        progress=progress,
        stated={line.key: line.value for line in lines if line.key in _STATED_KEYS},
        lost_lines=power.lost_lines,
        rated_stamps=power.rated_stamps,
    )
    seconds = window.seconds if window else None
    minutes = None if seconds is None else Quantity(seconds / 60, "min", "time to train")
    power_logs = [f"power/{name}/{log}" for log in names if POWER_LOG.fullmatch(log)]
    return Run(
        id=name,
        window=window,
        traces=power.traces,
        rated=power.rated,
        work=Work(1, "run"),
        performance=minutes,
        quality=quality,
        seconds=seconds,
        success=_success(lines),
        evidence=Evidence(training=evidence),
        sources=(path.name, *power_logs),
    )


def _window(lines: Sequence[mllog.Line]) -> Window | None:
    """Return the span from the first ``run_start`` to the last ``run_stop``."""
    starts = [stamp_ns(line.time_ms) for line in lines if line.key == "run_start"]
    stops = [stamp_ns(line.time_ms) for line in lines if line.key == "run_stop"]
    valid_starts = [t_ns for t_ns in starts if t_ns is not None]
    valid_stops = [t_ns for t_ns in stops if t_ns is not None]
    if not valid_starts or not valid_stops:
        return None
    return Window(valid_starts[0], valid_stops[-1])


def _success(lines: Sequence[mllog.Line]) -> bool | None:
    """Tell whether the last ``run_stop`` states success; ``None`` if it has no status."""
    stop = next((line for line in reversed(lines) if line.key == "run_stop"), None)
    metadata = stop.metadata if stop is not None else None
    status = metadata.get("status") if isinstance(metadata, Mapping) else None
    return None if status is None else status == "success"


def _note_power_without_result(power: Path, runs: Sequence[Run], reader: Reader) -> None:
    results = {run.id for run in runs}
    for name in sorted(_subfolders(power) - results):
        got = "power logs without a result log"
        reader.note(DefectCode.RESULT_LOG_MISSING, power / name, got)


def _listing(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder), key=natural)
    except OSError:
        return []


def _subfolders(directory: Path) -> set[str]:
    try:
        with os.scandir(directory) as items:
            return {item.name for item in items if item.is_dir(follow_symlinks=False)}
    except OSError:
        return set()


def _scaling_factor(directory: Path, reader: Reader) -> float | None:
    path = directory / "scaling.json"
    if not path.exists():
        return None
    factor = mllog.number(reader.document(path).get("scaling_factor"))
    if factor is None or not MIN_SCALING <= factor < MAX_SCALING:
        reader.note(DefectCode.SCALING_UNREADABLE, path, shorten(factor))
        return None
    return factor


def _names(directory: Path) -> tuple[str, str]:
    """Return submitter and system of ``<submitter>/results/<system>/<benchmark>``."""
    parts = tuple(map(well_formed, Path(os.path.abspath(directory)).parts))
    if len(parts) > 4 and parts[-3] == "results":
        return parts[-4], parts[-2]
    return "", parts[-2] if len(parts) > 2 else ""


def _system_description(directory: Path, system: str, reader: Reader) -> Mapping[str, Any] | None:
    parents = Path(os.path.abspath(directory)).parents
    if len(parents) < 3 or parents[1].name != "results":
        return None
    return reader.document(parents[2] / "systems" / f"{system}.json") or None


def _round(directory: Path) -> str:
    """Return the round that the name of the tree states, as in ``training_results_v4.0``.

    It is empty if none does. The submitter chooses the names from its own folder downwards, so
    these do not count.
    """
    path = Path(os.path.abspath(directory))
    is_submission = len(path.parents) > 3 and path.parents[1].name == "results"
    above = path.parents[3] if is_submission else path
    versions = re.findall(r"training[\w-]*?v([0-9]+\.[0-9]+)", str(above))
    return f"mlperf-training-v{versions[-1]}" if versions else ""


FORMAT = MlperfTraining()
