"""SPEC PTDaemon's files: spl.txt, server.json, client.json and ptd_logs.txt, as MLPerf power ships them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from harness.documents.errors import UnreadableError
from harness.documents.times import mlperf_column
from harness.traces.build import build_trace
from harness.traces.channel import Accuracy, Channel
from harness.traces.instruments import UNKNOWN_ANALYZER, instrument
from harness.traces.trace import Floats, Trace

TOTAL = "total"
_VOLT_STEPS = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0, 1000.0)
_AMP_STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """The analyzer of a session, as the PTDaemon identified it.

    range_w: voltage range x current range of one channel [W]; None where the logs do not tell
    interval_s: averaging interval it was told to keep [s]
    """

    instrument_id: str
    identity: str
    serial: str
    range_w: float | None
    interval_s: float | None


def analyzer(server: Mapping[str, Any], ptd_log: bytes, mode: str) -> Analyzer:
    """The analyzer of a session from server.json and, for the ranges it really took, ptd_logs.txt.

    mode: "ranging" or "testing"
    """
    messages = [(str(m.get("cmd", "")), str(m.get("reply", ""))) for m in _messages(server)]
    identity = next((reply for cmd, reply in messages if cmd == "Identify" and reply), "")
    go = next((cmd for cmd, _ in messages if cmd.startswith("Go,") and cmd.endswith(mode)), "")
    interval = re.match(r"Go,(\d+),", go)
    *_, identified = identity.split(",")
    parts = identified.split(";")
    return Analyzer(
        instrument_id=_instrument_id(identity),
        identity=identity,
        serial=parts[2] if len(parts) > 2 and parts[2] not in ("", "0") else "",
        range_w=_range_w(messages, ptd_log, mode),
        interval_s=int(interval[1]) / 1000 if interval and int(interval[1]) else None,
    )


def _messages(server: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """PTD's messages; with several analyzers, those of the first."""
    messages = server.get("ptd_messages")
    if isinstance(messages, Mapping):
        messages = next(iter(messages.values()), [])
    if isinstance(messages, list) and messages and isinstance(messages[0], list):
        messages = messages[0]
    return [m for m in messages if isinstance(m, Mapping)] if isinstance(messages, list) else []


def _instrument_id(identity: str) -> str:
    model = identity.upper()
    if re.search(r"WT3[13]\dE", model):
        return "yokogawa-wt310e-dc" if "_DC" in model else "yokogawa-wt310e"
    for pattern, found in (
        (r"WT210|WT230|760401", "yokogawa-wt210"),
        (r"WT3[13]\d(?!\d)", "yokogawa-wt310"),
        (r"WT500(?!0)", "yokogawa-wt500"),
        (r"WT3000", "yokogawa-wt3000"),
        (r"WT5000", "yokogawa-wt5000"),
    ):
        if re.search(pattern, model):
            return found
    return UNKNOWN_ANALYZER


def _range_w(messages: list[tuple[str, str]], ptd_log: bytes, mode: str) -> float | None:
    """Voltage times current range in force when a mode began [W]."""
    taken = _ranges_in_log(ptd_log, mode)
    asked: dict[str, str] = {}
    for cmd, _ in messages:
        if cmd.startswith("Go,") and cmd.endswith(mode):
            break
        if cmd.startswith(("SR,V,", "SR,A,")):
            asked[cmd[3]] = cmd[5:]
    volts = taken.get("V") or _step(asked.get("V"), _VOLT_STEPS)
    amps = taken.get("A") or _step(asked.get("A"), _AMP_STEPS)
    return volts * amps if volts and amps else None


def _ranges_in_log(ptd_log: bytes, mode: str) -> dict[str, float]:
    """Last fixed ranges that ptd_logs.txt reports before the mode's Go."""
    end = ptd_log.find(b"_" + mode.encode() + b"'")
    found: dict[str, float] = {}
    at = ptd_log.find(b" range set to ", 0, max(end, 0))
    while at >= 0:
        what = ptd_log[at - 6 : at]
        value = re.match(rb"(\d+\.?\d*)", ptd_log[at + 14 : at + 40])
        name = "V" if what.endswith(b"Volt") else "A"
        if value is None:
            found.pop(name, None)  # Auto: no fixed range any more
        else:
            found[name] = float(value[1])
        at = ptd_log.find(b" range set to ", at + 1, end)
    return found


def _step(asked: str | None, steps: tuple[float, ...]) -> float | None:
    try:
        value = float(asked or "")
    except ValueError:
        return None
    return next((step for step in steps if step >= value), None)


def clock_error_s(client: Mapping[str, Any], server: Mapping[str, Any]) -> float | None:
    """Largest difference of the two clocks at the stamps both took of the testing phase [s].

    An upper estimate: it contains the time a message took.
    """
    try:
        pairs = zip(client["phases"]["testing"], server["phases"]["testing"], strict=False)
        largest = max(abs(float(mine[0]) - float(theirs[0])) for mine, theirs in pairs)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    return largest if math.isfinite(largest) else None


@dataclass(frozen=True, slots=True)
class Spl:
    """The columns of spl.txt. parts: per channel or further analyzer, its id and its power [W]."""

    t_ns: np.ndarray
    power_w: Floats
    raw: list[str]
    power_factor: float | None
    parts: tuple[tuple[str, Floats], ...]
    part_of_analyzers: bool
    broken: int


def read_spl(content: bytes, where: str) -> Spl:
    """All `Time,` lines of an spl.txt, in file order. Raises UnreadableError where there is none."""
    lines = [line for line in content.splitlines() if line and not line.isspace()]
    table = _table(lines)
    if table is None:
        raise UnreadableError(
            "has no power reading",
            where=where,
            expected="lines like Time,07-23-2024 15:47:16.858,Watts,172.9,...",
        )
    watts = table.column(3)
    t_ns, timed = mlperf_column(table.column(1))
    power_w = _numbers(watts)
    factors = _numbers(table.column(9))
    usable = factors[(factors > 0) & (factors <= 1) & (power_w > 0)]
    parts = _parts(table)
    analyzers = any(name.startswith("Analyzer") for name, _ in parts)
    for _, part in parts if analyzers else ():  # the tool adds 0 for an analyzer that failed: no reading of the whole
        power_w = np.where(part > 0, power_w, np.nan)
    return Spl(
        t_ns=np.where(timed, t_ns, 0),
        power_w=power_w,
        raw=[cell[:40].decode("ascii", "replace") for cell in watts],
        power_factor=float(usable.mean()) if len(usable) else None,
        parts=tuple(parts),
        part_of_analyzers=analyzers,
        broken=len(lines) - len(watts),
    )


class _Table:
    """The cells of lines that all have as many; only the columns that are asked for become objects."""

    def __init__(self, lines: list[bytes], width: int) -> None:
        self.width = width
        self._text = b",".join([*lines, b""])
        self._ends = np.flatnonzero(np.frombuffer(self._text, np.uint8) == ord(","))
        self._starts = np.concatenate([[0], self._ends[:-1] + 1])

    def column(self, at: int) -> list[bytes]:
        starts, ends = self._starts[at :: self.width].tolist(), self._ends[at :: self.width].tolist()
        return [self._text[start:end] for start, end in zip(starts, ends, strict=True)]

    def first(self) -> list[bytes]:
        """The cells of the first line."""
        return self._text[: self._ends[self.width - 1]].split(b",")


def _table(lines: list[bytes]) -> _Table | None:
    """The lines with a power reading, cut to the cells that all of them have; None where there is no such line."""
    widths = {line.count(b",") + 1 for line in lines}
    if len(widths) == 1 and min(widths) >= 10:  # the usual file
        table = _Table(lines, min(widths))
        if table.column(0).count(b"Time") == table.column(2).count(b"Watts") == len(lines):
            return table
    rows = [line.split(b",") for line in lines]
    rows = [row for row in rows if len(row) >= 10 and row[0] == b"Time" and row[2] == b"Watts"]
    width = min(map(len, rows), default=0)
    return _Table([b",".join(row[:width]) for row in rows], width) if rows else None


def _parts(table: _Table) -> list[tuple[str, Floats]]:
    """Power of each `ChN` or `AnalyzerN` that every line carries."""
    first = table.first()
    marks = [i for i, cell in enumerate(first) if re.fullmatch(rb"Ch\d+|Analyzer\d+", cell)]
    analyzers = [i for i in marks if first[i].startswith(b"Analyzer")]
    parts = []
    for at in analyzers or marks:
        values = at + (4 if first[at].startswith(b"Analyzer") else 2)
        if values < table.width and set(table.column(at)) == {first[at]}:
            parts.append((first[at].decode("ascii", "replace"), _numbers(table.column(values))))
    return parts


def _numbers(cells: list[bytes]) -> Floats:
    try:
        return np.array(msgspec.json.decode(b"[" + b",".join(cells) + b"]", type=list[float]), np.float64)
    except msgspec.DecodeError:  # nan, an empty cell, a word
        return np.array([_number(cell) for cell in cells], np.float64)


def _number(cell: bytes) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def traces(spl: Spl, meter: Analyzer, *, owner: str, clock_error: float | None, source: str) -> tuple[Trace, ...]:
    """The total of a session as a trace, and its channels as parts of it.

    owner: whose analyzer it is, for the calibration id of a meter without a serial number; source: the file
    """
    channels = max(1, len(spl.parts))
    known = meter.range_w is not None and meter.instrument_id != UNKNOWN_ANALYZER
    limits = instrument(meter.instrument_id if known else UNKNOWN_ANALYZER)
    accuracy = limits.accuracy(
        range_w=(meter.range_w or 0.0) * channels if known else None, power_factor=spl.power_factor
    )
    total = Channel(
        id=TOTAL,
        kind="mean",
        boundary="wall",
        meter=meter.instrument_id,
        calibration_id=f"{meter.instrument_id}/{meter.serial or owner}",
        accuracy=accuracy,
        nominal_interval_s=meter.interval_s,
        clock=f"director of {owner}",
        clock_error_s=clock_error,
        current="dc" if meter.instrument_id.endswith("-dc") else "ac",
        source=source,
    )
    return (
        build_trace(total, spl.t_ns, spl.power_w, spl.raw),
        *(build_trace(_part(total, name, accuracy), spl.t_ns, power) for name, power in spl.parts),
    )


def _part(total: Channel, name: str, accuracy: Accuracy) -> Channel:
    phase = name if name.startswith("Ch") else None
    boundary = "phase" if phase else total.boundary
    return replace(total, id=name.lower(), boundary=boundary, phase=phase, part_of=TOTAL, accuracy=accuracy)
