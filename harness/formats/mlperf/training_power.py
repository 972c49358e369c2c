"""Read the power logs of one MLPerf training run: ``power/<result>/{node_*,sw_*}.txt``.

Each log is MLLOG lines of one node or one switch: markers (``power_measurement_start`` ...), then
readings, then markers. A switch may have no readings but ``interconnect_power_est``, its rated
power times the share provisioned to the run.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.base import Rated
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader
from harness.formats.mlperf import mllog, power_columns
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_SENSOR, instrument
from harness.traces.text_lines import count_filled
from harness.traces.time_zone import zone_shift_ns
from harness.traces.trace import T_MAX_NS, T_MIN_NS, VALUE_MAX, Floats, Ints, Trace, Window

SWITCH_IDLE_SHARE = 0.5
"""Lowest plausible share of a switch's rated power: an assumption, wide, without a source."""
GROUP_BYTES = 2**23
"""Power logs of a run are read together up to about this size."""
POWER_LOG = re.compile(r"(node|sw)_(\w+)\.txt")
"""Name of a power log."""
_CURRENTS: Mapping[str, Literal["ac", "dc", "unknown"]] = {"AC": "ac", "DC": "dc"}


@dataclass(slots=True)
class PowerFolder:
    """What the power logs of one run state.

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


def read_power_folder(
    folder: Path, names: Sequence[str], window: Window | None, submitter: str, reader: Reader
) -> PowerFolder:
    """Read the power logs of one run.

    Args:
        folder: The folder, named after the result log.
        names: All names in it, in natural order.
        window: Window of the run, to find a clock in another time zone; ``None`` if unknown.
        submitter: Who submitted it, for the calibration id of unknown sensors.
        reader: Takes the defects.
    """
    if not reader.inside(folder) or not folder.is_dir():
        got = "a link" if folder.is_symlink() else "nothing"
        reader.note(DefectCode.POWER_FOLDER_MISSING, folder, got)
        return PowerFolder()
    log_names = [name for name in names if POWER_LOG.fullmatch(name)]
    ignored = sorted(set(names) - set(log_names))
    if ignored:
        reader.note(DefectCode.FILE_IGNORED, folder, shorten(", ".join(ignored)), len(ignored))

    traces: list[Trace] = []
    rated: list[Rated] = []
    result = PowerFolder()
    for name, log in _logs(folder, log_names, reader):
        part, source = name.removesuffix(".txt"), f"power/{folder.name}/{name}"
        is_node = part.startswith("node")
        if log.lost_line_count:
            result.lost_lines[source] = (log.lost_line_count, log.line_count)
        if len(log.t_ns):  # a measurement counts, whatever estimate stands beside it
            traces.append(_trace(part, source, log, window, submitter, reader))
        elif log.estimate_w is not None and not is_node:
            rated.append(_rated(part, log))
            result.rated_stamps[part] = log.estimate_ns
        else:
            reader.note(DefectCode.TRACE_UNREADABLE, folder / name, "no power_reading")
    result.traces, result.rated = tuple(traces), tuple(rated)
    return result


@dataclass(slots=True)
class _PowerLog:
    """One power log, in the order of the file.

    Attributes:
        t_ns: Times of the readings [ns, UTC], int64, shape (n,), 0 for an invalid time.
        value: Readings [W], float64, shape (n,), NaN where a reading is no number.
        raw: The readings as the log states them, if it was read line by line.
        start_ns: Stamp of ``power_measurement_start``.
        stop_ns: Stamp of ``power_measurement_stop``.
        stop_position: How many readings stand before ``power_measurement_stop``.
        efficiency: ``conversion_eff``, a fraction.
        measured: Whether AC or DC was measured, as the log states it.
        estimate_w: ``interconnect_power_est`` [W].
        estimate_efficiency: ``conversion_eff`` before the estimate, 1 without one.
        estimate_ns: Stamp of the estimate.
        line_count: Lines that are not empty.
        lost_line_count: Lines of them that are no MLLOG lines.
    """

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
    line_count: int = 0
    lost_line_count: int = 0

    def add_marker(self, line: mllog.Line, readings_before: int) -> None:
        """Take a line that is no reading."""
        value = mllog.number(line.value)
        if value is not None and abs(value) > VALUE_MAX:
            value = None  # neither a power nor an efficiency
        if line.key == "power_measurement_start":
            self.start_ns = stamp_ns(line.time_ms)
        elif line.key == "power_measurement_stop":
            self.stop_ns, self.stop_position = stamp_ns(line.time_ms), readings_before
        elif line.key == "conversion_eff" and value is not None:
            metadata = line.metadata if isinstance(line.metadata, Mapping) else {}
            self.efficiency, self.measured = value, str(metadata.get("measurement_type", ""))
        elif line.key == "interconnect_power_est" and self.estimate_w is None:
            self.estimate_w, self.estimate_ns = value, stamp_ns(line.time_ms)
            self.estimate_efficiency = self.efficiency or 1.0


def stamp_ns(time_ms: object) -> int | None:
    """Return the time of an MLLOG line [ns, UTC], exact for integers; ``None`` for no time."""
    if isinstance(time_ms, int) and not isinstance(time_ms, bool):
        t_ns = time_ms * 1_000_000
    else:
        value = mllog.number(time_ms)
        t_ns = 0 if value is None or abs(value) > T_MAX_NS else round(value * 1000) * 1000
    return t_ns if T_MIN_NS < t_ns <= T_MAX_NS else None


def _logs(folder: Path, names: Iterable[str], reader: Reader) -> Iterator[tuple[str, _PowerLog]]:
    """Yield the logs that are not empty; they are read in groups that fit into memory."""
    group: list[tuple[str, bytes]] = []
    size = 0
    for name in names:
        content = reader.optional(f"{folder}{os.sep}{name}")
        group.append((name, content))
        size += len(content)
        if size > GROUP_BYTES:
            yield from _logs_of_group(folder, group, reader)
            group, size = [], 0
    yield from _logs_of_group(folder, group, reader)


def _logs_of_group(
    folder: Path, group: Sequence[tuple[str, bytes]], reader: Reader
) -> Iterator[tuple[str, _PowerLog]]:
    blocks = power_columns.read_blocks([content for _, content in group])
    for (name, content), block in zip(group, blocks, strict=True):
        if not content:
            continue
        if block is not None:
            yield name, _log_of_block(block)
        else:
            yield name, _log_of_lines(content, f"{folder}{os.sep}{name}", reader)


def _log_of_block(block: power_columns.Block) -> _PowerLog:
    log = _PowerLog(block.time_ms * 1_000_000, block.value, None)
    log.line_count = len(block.before) + len(block.value) + len(block.after)
    for line in block.before:
        log.add_marker(line, 0)
    for line in block.after:
        log.add_marker(line, len(block.value))
    return log


def _log_of_lines(content: bytes, path: str, reader: Reader) -> _PowerLog:
    """Read a log line by line, whose readings do not stand in one block of numbers."""
    lines, broken = mllog.read_all(content)
    if broken:
        reader.note(DefectCode.MLLOG_LINE_BROKEN, path, f"{broken} lines", broken)
    readings = [line for line in lines if line.key == "power_reading"]
    log = _PowerLog(*_columns_of_lines(readings, path, reader))
    log.line_count = count_filled(content)
    log.lost_line_count = max(0, log.line_count + mllog.glued(content) - len(lines))
    readings_before = 0
    for line in lines:
        if line.key == "power_reading":
            readings_before += 1
        else:
            log.add_marker(line, readings_before)
    return log


def _columns_of_lines(
    readings: Sequence[mllog.Line], path: str, reader: Reader
) -> tuple[Ints, Floats, list[str]]:
    texts = sum(isinstance(line.value, str) for line in readings)
    if texts:
        reader.note(DefectCode.VALUE_IS_TEXT, path, f"{texts} readings given as text", texts)
    numbers = [mllog.number(line.value) for line in readings]
    t_ns = np.array([stamp_ns(line.time_ms) or 0 for line in readings], np.int64)
    value = np.array([np.nan if n is None else n for n in numbers], np.float64)
    return t_ns, value, [shorten(line.value, 40) for line in readings]


def _trace(
    part: str, source: str, log: _PowerLog, window: Window | None, submitter: str, reader: Reader
) -> Trace:
    is_node = part.startswith("node")
    channel = Channel(
        id=part,
        kind="instant",  # nothing says what the sensor averages: assume least
        boundary="node" if is_node else "interconnect",
        node=part if is_node else None,
        meter=UNKNOWN_SENSOR,
        calibration_id=f"{UNKNOWN_SENSOR}/{submitter}",
        accuracy=_accuracy_of_unknown_sensor(),
        clock=f"power log of {submitter}",
        source=source,
        current=_CURRENTS.get(log.measured.upper(), "unknown"),
        conversion_efficiency=log.efficiency,
        extra={
            "marker_start_ns": log.start_ns,
            "marker_stop_ns": log.stop_ns,
            "marker_stop_position": log.stop_position,
        },
    )
    trace = build_trace(channel, log.t_ns, log.value, log.raw)
    shift_ns = zone_shift_ns(trace, window) if window else 0
    if not shift_ns:
        return trace
    got = f"{shift_ns / NS / 3600:+g} h between readings and run_start"
    reader.note(DefectCode.ZONE_SHIFT, reader.root / source, got)
    t_ns = np.where(log.t_ns > 0, log.t_ns + shift_ns, 0)
    return build_trace(_shifted(channel, shift_ns), t_ns, log.value, log.raw)


def _shifted(channel: Channel, shift_ns: int) -> Channel:
    """Return a channel whose markers are moved into the zone of the window."""
    markers = dict(channel.extra)
    for name, value in markers.items():
        if name.endswith("_ns") and value is not None:
            markers[name] = value + shift_ns
    return replace(channel, extra=markers | {"zone_shift_ns": shift_ns})


@functools.cache
def _accuracy_of_unknown_sensor() -> Accuracy:
    return instrument(UNKNOWN_SENSOR).accuracy()


def _rated(name: str, log: _PowerLog) -> Rated:
    return Rated(
        id=name,
        power_w=(log.estimate_w or 0.0) * log.estimate_efficiency,
        boundary="interconnect",
        idle_share=SWITCH_IDLE_SHARE,
        source=(
            "interconnect_power_est of the submission: rated power x share provisioned to the run"
        ),
    )
