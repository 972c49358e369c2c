"""SPEC PTDaemon's session: server.json, client.json and ptd_logs.txt, and the traces of its spl.txt."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.formats.spl import Spl
from harness.traces.build import build_trace
from harness.traces.channel import MOST_CLOCK_ERROR_S, Accuracy, Channel
from harness.traces.instruments import UNKNOWN_ANALYZER, instrument
from harness.traces.trace import VALUE_MAX, Floats, Ints, Trace

TOTAL = "total"
_VOLT_STEPS = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0, 1000.0)
AMP_STEPS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0)
"""Current ranges of the analyzers that PTDaemon knows [A]."""


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
    interval = re.match(r"Go,(\d{1,9}),", go)
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
    return [m for m in messages[:MOST_MESSAGES] if isinstance(m, Mapping)] if isinstance(messages, list) else []


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
    amps = taken.get("A") or _step(asked.get("A"), AMP_STEPS)
    return volts * amps if volts and amps else None


MOST_MESSAGES = 10_000
NEAR = 65536
"""Ranges are set within so many bytes before a Go; what lies between is the reply to RL of the run before."""


def _ranges_in_log(ptd_log: bytes, mode: str) -> dict[str, float]:
    """Last fixed ranges that ptd_logs.txt reports before the mode's Go."""
    end = ptd_log.find(b"_" + mode.encode() + b"'")
    found: dict[str, float] = {}
    at = ptd_log.find(b" range set to ", max(0, end - NEAR), max(end, 0))
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
    return None if math.isnan(largest) else min(largest, MOST_CLOCK_ERROR_S)


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
        *(_usable(_part(total, name, accuracy), spl.t_ns, power) for name, power in spl.parts),
    )


def _usable(channel: Channel, t_ns: Ints, power_w: Floats) -> Trace:
    """What a part measured; what failed is told of the total, not once more of each part."""
    good = (power_w >= 0) & (power_w <= VALUE_MAX) & (t_ns > 0)
    return build_trace(channel, t_ns, power_w) if good.all() else build_trace(channel, t_ns[good], power_w[good])


def _part(total: Channel, name: str, accuracy: Accuracy) -> Channel:
    phase = name if name.startswith("Ch") else None
    boundary = "phase" if phase else total.boundary
    return replace(total, id=name.lower(), boundary=boundary, phase=phase, part_of=TOTAL, accuracy=accuracy)
