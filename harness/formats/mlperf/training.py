"""MLPerf training power results: `result_*.txt` beside `power/<result name>/{node_*,sw_*}.txt`.

Formats by MLPerf's logging tools, rounds v4.0 to v5.0; docs/reference/formats.md tells what changed when.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import UnreadableError, shorten
from harness.core.printable import well_formed
from harness.core.timestamps import NS
from harness.formats.base import Entry, Format, Quantity, Rated, Run, Work
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader, natural
from harness.formats.evidence import Evidence, TrainingEvidence
from harness.formats.mlperf import mllog, power_columns, training_log
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_SENSOR, instrument
from harness.traces.text_lines import filled
from harness.traces.time_zone import zone_shift_ns
from harness.traces.trace import T_MAX_NS, T_MIN_NS, VALUE_MAX, Floats, Ints, Trace, Window

SWITCH_IDLE_SHARE = 0.5
"""Lowest plausible share of a switch's rated power: an assumption, wide, without a source."""

AT_ONCE = 2**23
"""Power logs of a run are read together up to about this size [bytes]."""

_RESULT_KEYS = (
    "run_start",
    "run_stop",
    "eval_accuracy",
    "seed",
    "global_batch_size",
    "submission_benchmark",
    "submission_org",
    "submission_division",
    "submission_status",
    "submission_platform",
    "target_accuracy",
)
_STATED = (
    "global_batch_size",
    "submission_benchmark",
    "submission_division",
    "submission_platform",
)
_POWER = re.compile(r"(node|sw)_(\w+)\.txt")


class MlperfTraining(Format):
    """Reader of one training benchmark folder with power."""

    name = "mlperf-training-power"
    family = "mlperf-training"
    priority = 30

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """A benchmark folder with result logs and a power folder."""
        if "power" not in names or "performance" in names:
            return False
        if (directory / "power").is_symlink() or not (directory / "power").is_dir():
            return False
        return _has_results(names)

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:
        """Say that a benchmark folder of a training submission has no power logs."""
        is_benchmark = directory.absolute().parent.parent.name == "results" and _has_results(names)
        if not is_benchmark:
            return ""
        return "power is no folder" if "power" in names else "no power was measured"

    def read(self, directory: Path, entry_id: str) -> Entry:
        """The entry: one run for each result log, with or without power."""
        reader = Reader(directory)
        submitter, system = _place(directory)
        logs = sorted(directory.glob("result_*.txt"), key=lambda path: natural(path.name))
        if not logs:
            raise UnreadableError("has no result_*.txt", where=str(directory))
        runs = tuple(self._run(path, directory, submitter, reader) for path in logs)
        for name in sorted(_folders(directory / "power") - {run.id for run in runs}):
            reader.note(
                DefectCode.RESULT_LOG_MISSING,
                directory / "power" / name,
                "power logs without a result log",
            )
        description = _system(directory, system, reader)
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
            scaling_factor=_scaling(directory, reader),
            simulated="SIMULATED" in str((description or {}).get("hw_notes", "")),
            defects=tuple(reader.defects),
        )

    def _run(self, path: Path, directory: Path, submitter: str, reader: Reader) -> Run:
        content = reader.optional(path)
        lines, broken = mllog.select(content, _RESULT_KEYS)
        if broken:
            reader.note(DefectCode.MLLOG_LINE_BROKEN, path, f"{broken} lines", broken)
        window = _window(lines)
        if content and window is None:
            reader.note(DefectCode.WINDOW_MISSING, path, "no run_start or no run_stop")
        result = path.name.split(".")[0]
        folder = directory / "power" / result
        names = _listed(folder)
        power = _power(folder, names, window, submitter, reader)
        stop = next((line for line in reversed(lines) if line.key == "run_stop"), None)
        status = (
            stop.metadata.get("status") if stop and isinstance(stop.metadata, Mapping) else None
        )
        quality, progress = training_log.reached(lines, directory.name)
        seconds = window.seconds if window else None
        return Run(
            id=result,
            window=window,
            traces=power.traces,
            rated=power.rated,
            work=Work(1, "run"),
            performance=None if seconds is None else Quantity(seconds / 60, "min", "time to train"),
            quality=quality,
            seconds=seconds,
            success=None if status is None else status == "success",
            evidence=Evidence(
                training=TrainingEvidence(
                    seeds=tuple(line.value for line in lines if line.key == "seed"),
                    progress=progress,
                    stated={line.key: line.value for line in lines if line.key in _STATED},
                    lost_lines=power.lost_lines,
                    rated_stamps=power.rated_stamps,
                )
            ),
            sources=(
                path.name,
                *(f"power/{result}/{name}" for name in names if _POWER.fullmatch(name)),
            ),
        )


def _has_results(names: frozenset[str]) -> bool:
    return any(name.startswith("result_") and name.endswith(".txt") for name in names)


def _window(lines: list[mllog.Line]) -> Window | None:
    starts = [
        t for t in (_ns(line.time_ms) for line in lines if line.key == "run_start") if t is not None
    ]
    stops = [
        t for t in (_ns(line.time_ms) for line in lines if line.key == "run_stop") if t is not None
    ]
    return Window(starts[0], stops[-1]) if starts and stops else None


def _ns(time_ms: object) -> int | None:
    """Milliseconds of an MLLOG line as nanoseconds, exact for integers."""
    if isinstance(time_ms, int) and not isinstance(time_ms, bool):
        t_ns = time_ms * 1_000_000
    else:
        value = mllog.number(time_ms)
        t_ns = 0 if value is None or abs(value) > T_MAX_NS else round(value * 1000) * 1000
    return t_ns if T_MIN_NS < t_ns <= T_MAX_NS else None


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder), key=natural)
    except OSError:
        return []


def _folders(directory: Path) -> set[str]:
    try:
        with os.scandir(directory) as items:
            return {item.name for item in items if item.is_dir(follow_symlinks=False)}
    except OSError:
        return set()


@dataclass(slots=True)
class _PowerFolder:
    """What the power logs of one run say.

    Attributes:
        traces: Of nodes and measured switches.
        rated: Parts that were estimated only.
        lost_lines: By file, the lines that are no MLLOG lines, and all lines.
        rated_stamps: By rated part, the stamp of its estimate [ns, UTC].
    """

    traces: tuple[Trace, ...] = ()
    rated: tuple[Rated, ...] = ()
    lost_lines: dict[str, tuple[int, int]] = field(default_factory=dict)
    rated_stamps: dict[str, int | None] = field(default_factory=dict)


def _power(
    folder: Path, names: list[str], window: Window | None, submitter: str, reader: Reader
) -> _PowerFolder:
    """Read the power folder of one run."""
    if not reader.inside(folder) or not folder.is_dir():
        reader.note(
            DefectCode.POWER_FOLDER_MISSING, folder, "a link" if folder.is_symlink() else "nothing"
        )
        return _PowerFolder()
    ignored = sorted(name for name in names if not _POWER.fullmatch(name))
    if ignored:
        reader.note(DefectCode.FILE_IGNORED, folder, shorten(", ".join(ignored)), len(ignored))
    traces: list[Trace] = []
    rated: list[Rated] = []
    lost: dict[str, tuple[int, int]] = {}
    stamps: dict[str, int | None] = {}
    for name, log in _logs(folder, [name for name in names if _POWER.fullmatch(name)], reader):
        part, source = name.removesuffix(".txt"), f"power/{folder.name}/{name}"
        node = part.startswith("node")
        if log.lost:
            lost[source] = (log.lost, log.lines)
        if (
            not node and log.estimate_w is not None and not len(log.t_ns)
        ):  # measured beats estimated
            rated.append(_rated(part, log))
            stamps[part] = log.estimate_ns
        if len(log.t_ns):
            traces.append(_trace(part, source, log, window, submitter, reader))
        elif log.estimate_w is None or node:
            reader.note(DefectCode.TRACE_UNREADABLE, folder / name, "no power_reading")
    return _PowerFolder(tuple(traces), tuple(rated), lost, stamps)


@dataclass(slots=True)
class _PowerLog:
    """One node or switch log in file order; marker positions count the readings before them."""

    t_ns: Ints
    value: Floats
    raw: list[str] | None
    start_ns: int | None = None
    stop_ns: int | None = None
    stop_position: int | None = None
    efficiency: float | None = None
    measured: str = ""
    estimate_w: float | None = None
    estimate_efficiency: float = 1.0
    estimate_ns: int | None = None
    lines: int = 0
    lost: int = 0


def _logs(folder: Path, names: Iterable[str], reader: Reader) -> Iterator[tuple[str, _PowerLog]]:
    """Power logs that are not empty, by name; they are read in groups that memory easily holds."""
    group: list[tuple[str, bytes]] = []
    size = 0
    for name in names:
        content = reader.optional(f"{folder}{os.sep}{name}")
        group.append((name, content))
        size += len(content)
        if size > AT_ONCE:
            yield from _group(folder, group, reader)
            group, size = [], 0
    yield from _group(folder, group, reader)


def _group(
    folder: Path, group: list[tuple[str, bytes]], reader: Reader
) -> Iterator[tuple[str, _PowerLog]]:
    blocks = power_columns.read_blocks([content for _, content in group])
    for (name, content), block in zip(group, blocks, strict=True):
        if content:
            yield name, _parse(content, block, f"{folder}{os.sep}{name}", reader)


def _parse(
    content: bytes, block: power_columns.Block | None, path: str, reader: Reader
) -> _PowerLog:
    if block is None:
        return _parse_lines(content, path, reader)
    log = _PowerLog(block.time_ms * 1_000_000, block.value, None)
    log.lines = len(block.before) + len(block.value) + len(block.after)
    for line in block.before:
        _marker(log, line, 0)
    for line in block.after:
        _marker(log, line, len(block.value))
    return log


def _parse_lines(content: bytes, path: str, reader: Reader) -> _PowerLog:
    """The same of a log that is not as simple, line by line."""
    lines, broken = mllog.read_all(content)
    if broken:
        reader.note(DefectCode.MLLOG_LINE_BROKEN, path, f"{broken} lines", broken)
    readings = [line for line in lines if line.key == "power_reading"]
    log = _PowerLog(*_columns(readings, path, reader))
    log.lines = filled(content)
    log.lost = max(0, log.lines + mllog.glued(content) - len(lines))
    markers = [(at, line) for at, line in enumerate(lines) if line.key != "power_reading"]
    for nth, (at, line) in enumerate(markers):
        _marker(log, line, at - nth)
    return log


def _marker(log: _PowerLog, line: mllog.Line, before: int) -> None:
    value = mllog.number(line.value)
    if value is not None and abs(value) > VALUE_MAX:
        value = None  # no power, no efficiency
    if line.key == "power_measurement_start":
        log.start_ns = _ns(line.time_ms)
    elif line.key == "power_measurement_stop":
        log.stop_ns, log.stop_position = _ns(line.time_ms), before
    elif line.key == "conversion_eff" and value is not None:
        log.efficiency = value
        log.measured = (
            str(line.metadata.get("measurement_type", ""))
            if isinstance(line.metadata, Mapping)
            else ""
        )
    elif line.key == "interconnect_power_est" and log.estimate_w is None:
        log.estimate_w, log.estimate_efficiency = value, log.efficiency or 1.0
        log.estimate_ns = _ns(line.time_ms)


def _columns(
    readings: list[mllog.Line], path: str, reader: Reader
) -> tuple[Ints, Floats, list[str]]:
    values = [line.value for line in readings]
    texts = sum(isinstance(value, str) for value in values)
    if texts:
        reader.note(DefectCode.VALUE_IS_TEXT, path, f"{texts} readings given as text", texts)
    numbers = [mllog.number(value) for value in values]
    t_ns = np.array([_ns(line.time_ms) or 0 for line in readings], np.int64)
    column = np.array([float("nan") if n is None else n for n in numbers], np.float64)
    return t_ns, column, [shorten(value, 40) for value in values]


def _trace(
    part: str, source: str, log: _PowerLog, window: Window | None, submitter: str, reader: Reader
) -> Trace:
    node = part.startswith("node")
    markers = {
        "marker_start_ns": log.start_ns,
        "marker_stop_ns": log.stop_ns,
        "marker_stop_position": log.stop_position,
    }
    channel = Channel(
        id=part,
        kind="instant",  # nothing says what the sensor averages: the kind that assumes least (ADR 0004)
        boundary="node" if node else "interconnect",
        node=part if node else None,
        meter=UNKNOWN_SENSOR,
        calibration_id=f"{UNKNOWN_SENSOR}/{submitter}",
        accuracy=_limits(),
        clock=f"power log of {submitter}",
        source=source,
        current={"AC": "ac", "DC": "dc"}.get(log.measured.upper(), "unknown"),  # type: ignore[arg-type]
        conversion_efficiency=log.efficiency,
        extra=markers,
    )
    trace = build_trace(channel, log.t_ns, log.value, log.raw)
    shift = zone_shift_ns(trace, window) if window else 0
    if shift:
        reader.note(
            DefectCode.ZONE_SHIFT,
            reader.root / source,
            f"{shift / NS / 3600:+g} h between readings and run_start",
        )
        moved = {
            k: v + shift if k.endswith("_ns") and v is not None else v for k, v in markers.items()
        }
        channel = replace(channel, extra=moved | {"zone_shift_ns": shift})
        trace = build_trace(
            channel, np.where(log.t_ns > 0, log.t_ns + shift, 0), log.value, log.raw
        )
    return trace


@functools.cache
def _limits() -> Accuracy:
    return instrument(UNKNOWN_SENSOR).accuracy()


def _rated(name: str, log: _PowerLog) -> Rated:
    return Rated(
        id=name,
        power_w=(log.estimate_w or 0.0) * log.estimate_efficiency,
        boundary="interconnect",
        idle_share=SWITCH_IDLE_SHARE,
        source="interconnect_power_est of the submission: rated power x share provisioned to the run",
    )


def _scaling(directory: Path, reader: Reader) -> float | None:
    path = directory / "scaling.json"
    if not path.exists():
        return None
    factor = mllog.number(reader.document(path).get("scaling_factor"))
    if factor is None or not 0.01 <= factor < 100:
        reader.note(DefectCode.SCALING_UNREADABLE, path, shorten(factor))
        return None
    return factor


def _place(directory: Path) -> tuple[str, str]:
    """Submitter and system from `<submitter>/results/<system>/<benchmark>`."""
    parts = tuple(map(well_formed, Path(os.path.abspath(directory)).parts))
    if len(parts) > 4 and parts[-3] == "results":
        return parts[-4], parts[-2]
    return "", parts[-2] if len(parts) > 2 else ""


def _system(directory: Path, system: str, reader: Reader) -> Mapping[str, Any] | None:
    parents = Path(os.path.abspath(directory)).parents
    if len(parents) < 3 or parents[1].name != "results":
        return None
    return reader.document(parents[2] / "systems" / f"{system}.json") or None


def _round(directory: Path) -> str:
    """The round that the tree's own name states, as in `training_results_v4.0`; "" where none does.

    What the submitter names, from its own folder down, states none.
    """
    path = Path(os.path.abspath(directory))
    above = path.parents[3] if len(path.parents) > 3 and path.parents[1].name == "results" else path
    found = re.findall(r"training[\w-]*?v(\d+\.\d+)", str(above))
    return f"mlperf-training-v{found[-1]}" if found else ""


FORMAT = MlperfTraining()
