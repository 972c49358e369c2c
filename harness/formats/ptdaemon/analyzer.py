"""SPEC PTDaemon's session: server.json, client.json and ptd_logs.txt, and the traces of its spl.txt."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.core.content_cache import cached_by_content
from harness.formats.ptdaemon.spl import MOST_PARTS, Spl
from harness.traces.channel import MOST_CLOCK_ERROR_S, Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_ANALYZER, instrument
from harness.traces.trace import VALUE_MAX, Floats, Ints, Trace

TOTAL = "total"
_VOLT_STEPS = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0, 1000.0)
_AMP_STEPS = (
    (re.compile(r"WT310E?H"), (1.0, 2.0, 5.0, 10.0, 20.0, 40.0)),
    (
        re.compile(r"WT310|WT210|760401"),
        (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
    ),
    (re.compile(r"WT500(?!0)|76020\d"), (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)),
    (re.compile(r""), (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0)),
)
"""Current ranges [A] of the analyzers that PTDaemon knows, by a pattern of their reply to Identify."""

_MODELS = (
    (re.compile(r"WT3[13]\dE|WT3[13]\d;[^;]{0,40};F[\d.]{1,10}EM"), "yokogawa-wt310e"),
    (re.compile(r"WT210|WT230|760401"), "yokogawa-wt210"),
    (re.compile(r"WT3[13]\d(?!\d)"), "yokogawa-wt310"),
    (re.compile(r"WT500(?!0)"), "yokogawa-wt500"),
    (re.compile(r"WT3000"), "yokogawa-wt3000"),
    (re.compile(r"WT5000"), "yokogawa-wt5000"),
)
"""Analyzers that have limits of their own, by a pattern of the same reply; the first that fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """The analyzer of a session, as the PTDaemon identified it.

    channels: that it sums up, as it says itself
    range_w: voltage range x current range of one channel [W]; None where the logs do not tell
    interval_s: averaging interval it was told to keep [s]
    """

    instrument_id: str
    identity: str
    serial: str
    channels: int
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
        channels=_channels(identity),
        range_w=_range_w(messages, ptd_log, mode, amp_steps(identity)),
        interval_s=int(interval[1]) / 1000 if interval and int(interval[1]) else None,
    )


def _messages(server: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """PTD's messages; with several analyzers, those of the first."""
    messages = server.get("ptd_messages")
    if isinstance(messages, Mapping):
        messages = next(iter(messages.values()), [])
    if isinstance(messages, list) and messages and isinstance(messages[0], list):
        messages = messages[0]
    return (
        [m for m in messages[:MOST_MESSAGES] if isinstance(m, Mapping)]
        if isinstance(messages, list)
        else []
    )


def _channels(identity: str) -> int:
    """Channels of a multichannel analyzer: the third number after the mode."""
    name, _, rest = identity.partition(",")
    found = (
        re.search(r",mode=power,\d{1,3},\d{1,3},(\d{1,3}),", rest)
        if "multichannel" in name
        else None
    )
    return min(max(int(found[1]), 1), MOST_PARTS) if found else 1


def amp_steps(identity: str) -> tuple[float, ...]:
    """Current ranges of the analyzer that answers so to Identify [A]."""
    return next(steps for pattern, steps in _AMP_STEPS if pattern.search(identity.upper()))


def _instrument_id(identity: str) -> str:
    """The model in the reply to Identify; a WT300E that emulates a WT300 has its name, and firmware like F1.04EM."""
    model = identity.upper()
    found = next((name for pattern, name in _MODELS if pattern.search(model)), UNKNOWN_ANALYZER)
    return f"{found}-dc" if found == _MODELS[0][1] and "_DC" in model else found


def _range_w(
    messages: list[tuple[str, str]], ptd_log: bytes, mode: str, steps: tuple[float, ...]
) -> float | None:
    """Voltage times current range in force when a mode began [W]."""
    end = next((at for at, mark in goes(ptd_log) if mark.endswith(f"_{mode}")), 0)
    taken = ranges_taken(ptd_log, max(0, end - NEAR), end)
    asked: dict[str, str] = {}
    for cmd, _ in messages:
        if cmd.startswith("Go,") and cmd.endswith(mode):
            break
        if cmd.startswith(("SR,V,", "SR,A,")):
            asked[cmd[3]] = cmd[5:]
    volts = taken["V"] or _step(asked.get("V"), _VOLT_STEPS)
    amps = taken["A"] or _step(asked.get("A"), steps)
    return volts * amps if volts and amps else None


@cached_by_content
def goes(ptd_log: bytes) -> Sequence[tuple[int, str]]:
    """Where the PTDaemon began to measure, and the mark; for several analyzers one after the other."""
    token, at = b": Go with mark '", 0
    found: list[tuple[int, str]] = []
    while (at := ptd_log.find(token, at)) >= 0 and len(found) < MOST_GOES:
        mark = ptd_log[at + len(token) : at + len(token) + 200].split(b"'")[0]
        found.append((at, mark.decode("ascii", "replace")))
        at += 1
    return tuple(found)


MOST_MESSAGES, MOST_GOES = 10_000, 64
NEAR = 65536
"""Ranges are set within so many bytes before a Go; what lies between is the reply to RL of the run before."""
_RANGE = re.compile(
    rb": (V|A)(?:olt|oltage|mp|mpere) range (?:for channel (\d{1,3}), physical channel \d{1,3}, )?set to (.{1,40})"
)
"""What PTDaemon writes when it takes a range: of all channels, or of one of a WT500, with a unit that may be false."""


def ranges_taken(ptd_log: bytes, start: int, end: int) -> dict[str, float | None]:
    """Fixed voltage and current range [V, A] that ptd_logs.txt reports last in a stretch, the largest of the channels.

    None where there is none: no report, or the analyzer ranges by itself.
    """
    found: dict[str, dict[bytes, float]] = {"V": {}, "A": {}}
    first = ptd_log.find(b" range ", start, end)  # faster than the pattern
    for match in (
        _RANGE.finditer(ptd_log, max(start, first - len(": Voltage")), end) if first >= 0 else ()
    ):
        name, channel = match[1].decode(), match[2] or b""
        value = re.match(rb"\d{1,9}(?:\.\d{1,9})?", match[3])
        if value is None or not channel:
            found[name].clear()  # what is said of all channels undoes what was said of each
        if value is not None:
            found[name][channel] = float(value[0])
    return {name: max(ranges.values(), default=0.0) or None for name, ranges in found.items()}


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


def traces(
    spl: Spl, meter: Analyzer, *, owner: str, clock_error: float | None, source: str
) -> tuple[Trace, ...]:
    """The total of a session as a trace, and its channels as parts of it.

    owner: whose analyzer it is, for the calibration id of a meter without a serial number; source: the file
    """
    accuracy = _accuracy(spl, meter)
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


def _accuracy(spl: Spl, meter: Analyzer) -> Accuracy:
    """Limits of the analyzer; those of its class where its model, its ranges or the power factor are not known."""
    limits = instrument(meter.instrument_id)
    told = spl.power_factor is not None or not limits.power_factor_limit_pct
    if meter.range_w is None or not told or meter.instrument_id == UNKNOWN_ANALYZER:
        return instrument(UNKNOWN_ANALYZER).accuracy(power_factor=spl.power_factor)
    return limits.accuracy(
        range_w=meter.range_w * max(1, spl.channels), power_factor=spl.power_factor
    )


def _usable(channel: Channel, t_ns: Ints, power_w: Floats) -> Trace:
    """What a part measured; what failed is told of the total, not once more of each part."""
    good = (power_w >= 0) & (power_w <= VALUE_MAX) & (t_ns > 0)
    return (
        build_trace(channel, t_ns, power_w)
        if good.all()
        else build_trace(channel, t_ns[good], power_w[good])
    )


def _part(total: Channel, name: str, accuracy: Accuracy) -> Channel:
    phase = name if name.startswith("Ch") else None
    boundary = "phase" if phase else total.boundary
    return replace(
        total, id=name.lower(), boundary=boundary, phase=phase, part_of=TOTAL, accuracy=accuracy
    )
