"""Identify the analyzer of a power session, and make traces of its spl.txt.

The PTDaemon's reply to ``Identify`` names the model. Its accuracy depends on the voltage and
current range in force, which ptd_logs.txt reports and server.json only asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

from harness.core.content_cache import cached_by_content
from harness.core.numbers import plain_number, stated_number
from harness.core.timestamps import NS
from harness.formats.ptdaemon.spl import Spl
from harness.formats.ptdaemon.spl_table import MAX_PARTS
from harness.traces.channel import MAX_CLOCK_ERROR_S, NO_DAEMON, Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_ANALYZER, instrument
from harness.traces.trace import VALUE_MAX, Floats, Ints, Trace

TOTAL = "total"
"""Id of the channel of the whole session."""
MAX_MESSAGES, MAX_GO_COMMANDS = 10_000, 64
RANGE_SEARCH_BYTES = 65536
"""Ranges are set within so many bytes before a Go; farther lies the reply to RL of the last run."""
VOLT_STEPS = (15.0, 30.0, 60.0, 150.0, 300.0, 600.0, 1000.0)
_AMP_STEPS = (
    (re.compile(r"WT310E?H"), (1.0, 2.0, 5.0, 10.0, 20.0, 40.0)),
    (
        re.compile(r"WT310|WT210|760401"),
        (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0),
    ),
    (re.compile(r"WT500(?!0)|76020\d"), (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)),
    (re.compile(r""), (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0)),
)
"""Current ranges [A] of the analyzers that PTDaemon knows, by a pattern of their identity."""

WITHOUT_DAEMON = "-scpi,"
"""End of the version that joulemark's director states where it reads an analyzer by SCPI itself."""

_MODELS = (
    (re.compile(r"WT3[13]\dE|WT3[13]\d;[^;]{0,40};F[\d.]{1,10}EM"), "yokogawa-wt310e"),
    (re.compile(r"WT210|WT230|760401"), "yokogawa-wt210"),
    (re.compile(r"WT3[13]\d(?!\d)"), "yokogawa-wt310"),
    (re.compile(r"WT500(?!0)"), "yokogawa-wt500"),
    (re.compile(r"WT3000"), "yokogawa-wt3000"),
    (re.compile(r"WT5000"), "yokogawa-wt5000"),
)
"""Analyzers with limits of their own, by a pattern of their identity; the first that fits.

A WT300E that emulates a WT300 has its name, and firmware like F1.04EM.
"""
_MODEL_WITH_DC = "yokogawa-wt310e"

_CALIBRATED = re.compile(r"(?:cal_date\s{0,3}[=:]\s{0,3})?(\d{4}-\d{2}-\d{2})", re.ASCII)
MAX_IDENTITY_CELLS = 100
DAYS_PER_MONTH = 365.25 / 12

_GO = b": Go with mark '"
_RANGE = re.compile(
    rb": (V|A)(?:olt|oltage|mp|mpere) range "
    rb"(?:for channel (\d{1,3}), physical channel \d{1,3}, )?set to (.{1,40})"
)
"""What PTDaemon writes when it sets a range: of all channels, or of one of a WT500. The unit behind
the number may be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyzer:
    """The analyzer of a session, as the PTDaemon identified it.

    Attributes:
        instrument_id: Its row in the table of instruments.
        identity: Its reply to ``Identify``.
        serial: Its serial number; empty if unknown.
        channels: How many channels it sums up, as it says itself.
        range_v: Voltage range [V]; ``None`` if unknown.
        range_a: Current range [A]; ``None`` if unknown.
        stated_limit_pct: Relative uncertainty of the session by the PTDaemon's own reply [%];
            ``None`` if it states none.
        interval_s: Averaging interval that it was told to keep [s]; ``None`` if unknown.
        calibrated: Date of its calibration; ``None`` if unknown.
    """

    instrument_id: str
    identity: str
    serial: str
    channels: int
    range_v: float | None
    range_a: float | None
    stated_limit_pct: float | None
    interval_s: float | None
    calibrated: date | None = None

    @property
    def range_w(self) -> float | None:
        """Voltage range times current range of one channel [W]; ``None`` if unknown."""
        return self.range_v * self.range_a if self.range_v and self.range_a else None


def analyzer(server: Mapping[str, Any], ptd_log: bytes, mode: str) -> Analyzer:
    """Return the analyzer of a session; of several, the first.

    Args:
        server: The document server.json.
        ptd_log: Bytes of ptd_logs.txt, for the ranges that it really set.
        mode: ``ranging`` or ``testing``.
    """
    messages = _messages(server)
    identity = next((reply for cmd, reply in messages if cmd == "Identify" and reply), "")
    range_v, range_a = _ranges(messages, ptd_log, mode, amp_steps(identity))
    return Analyzer(
        instrument_id=instrument_id(identity),
        identity=identity,
        serial=_serial(identity),
        channels=_channels(identity),
        range_v=range_v,
        range_a=range_a,
        stated_limit_pct=_stated_limit_pct(messages, mode),
        interval_s=_interval_s(messages, mode),
        calibrated=calibration_date(identity),
    )


def _messages(server: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return commands and replies of the PTDaemon; of several, of the first."""
    messages = server.get("ptd_messages")
    if isinstance(messages, Mapping):
        messages = next(iter(messages.values()), [])
    if isinstance(messages, list) and messages and isinstance(messages[0], list):
        messages = messages[0]
    if not isinstance(messages, list):
        return []
    return [
        (str(message.get("cmd", "")), str(message.get("reply", "")))
        for message in messages[:MAX_MESSAGES]
        if isinstance(message, Mapping)
    ]


def _serial(identity: str) -> str:
    """Return the third part of the identity, as in ``WT310,YOKOGAWA;WT310;C2PB18013E;F1.03``."""
    parts = identity.split(",")[-1].split(";")
    serial = parts[2] if len(parts) > 2 else ""
    return "" if serial == "0" else serial


def calibration_date(identity: str) -> date | None:
    """Return the date among the cells of an identity, as in ``cal_date=2024-03-01``."""
    for cell in identity.split(",")[:MAX_IDENTITY_CELLS]:
        match = _CALIBRATED.fullmatch(cell.strip())
        if match is not None:
            try:
                return date.fromisoformat(match[1])
            except ValueError:
                return None
    return None


def calibration_age_months(calibrated: date | None, t_ns: int) -> float | None:
    """Return the time from a calibration to a time [months]; ``None`` if it is unknown."""
    if calibrated is None:
        return None
    days = (datetime.fromtimestamp(t_ns / NS, UTC).date() - calibrated).days
    return days / DAYS_PER_MONTH if days >= 0 else None


def _interval_s(messages: Sequence[tuple[str, str]], mode: str) -> float | None:
    """Return the interval in ``Go,1000,0,session_testing`` [s]."""
    for cmd, _ in messages:
        if cmd.startswith("Go,") and cmd.endswith(mode):
            match = re.match(r"Go,(\d{1,9}),", cmd, re.ASCII)
            milliseconds = int(match[1]) if match else 0
            return milliseconds / 1000 if milliseconds else None
    return None


def _channels(identity: str) -> int:
    """Return the channels of a multichannel analyzer: the third number after the mode."""
    name, _, rest = identity.partition(",")
    if "multichannel" not in name:
        return 1
    match = re.search(r",mode=power,\d{1,3},\d{1,3},(\d{1,3}),", rest, re.ASCII)
    return min(max(int(match[1]), 1), MAX_PARTS) if match else 1


def amp_steps(identity: str) -> tuple[float, ...]:
    """Return the current ranges [A] of the analyzer that identifies itself so."""
    model = identity.upper()
    return next(steps for pattern, steps in _AMP_STEPS if pattern.search(model))


def instrument_id(identity: str) -> str:
    """Return the row of an analyzer in the table of instruments, by its reply to ``Identify``."""
    model = identity.upper()
    for pattern, name in _MODELS:
        if pattern.search(model):
            return f"{name}-dc" if name == _MODEL_WITH_DC and "_DC" in model else name
    return UNKNOWN_ANALYZER


def _stated_limit_pct(messages: Sequence[tuple[str, str]], mode: str) -> float | None:
    """Return the mean uncertainty of the readings of a mode, by the PTDaemon's own reply [%].

    The reply to ``Uncertainty`` after a run states it as a fraction, as in
    ``Uncertainty,0.002359,0.002298,0.003510,689,0,689,0``; below 0 if it is not known.
    """
    is_in_mode, stated = False, None
    for cmd, reply in messages:
        if cmd.startswith("Go,"):
            is_in_mode = cmd.endswith(mode)
        if is_in_mode and cmd == "Uncertainty":
            name, _, values = reply.partition(",")
            fraction = plain_number(values.split(",")[0])
            if name == "Uncertainty" and fraction is not None and 0 < fraction < 1:
                stated = 100 * fraction
    return stated


def _ranges(
    messages: Sequence[tuple[str, str]], ptd_log: bytes, mode: str, steps: tuple[float, ...]
) -> tuple[float | None, float | None]:
    """Return the voltage range [V] and the current range [A] in force when a mode began."""
    # 1. What the log says was set.
    goes_at = [at for at, mark in go_commands(ptd_log) if mark.endswith(f"_{mode}")]
    go_at = goes_at[0] if goes_at else 0
    in_force = ranges_set(ptd_log, max(0, go_at - RANGE_SEARCH_BYTES), go_at)

    # 2. What was requested before the Go: the analyzer sets the next larger range.
    requested: dict[str, str] = {}
    for cmd, _ in messages:
        if cmd.startswith("Go,") and cmd.endswith(mode):
            break
        if cmd.startswith(("SR,V,", "SR,A,")):
            requested[cmd[3]] = cmd[5:]
    volts = in_force["V"] or range_for(requested.get("V", ""), VOLT_STEPS)
    amps = in_force["A"] or range_for(requested.get("A", ""), steps)
    return volts or None, amps or None


def range_for(requested: str, steps: tuple[float, ...]) -> float | None:
    """Return the smallest range that holds a requested value; ``None`` where there is none."""
    value = plain_number(requested)
    if value is None:
        return None
    return next((step for step in steps if step >= value), None)


@cached_by_content
def go_commands(ptd_log: bytes) -> Sequence[tuple[int, str]]:
    """Return where the PTDaemon began to measure, and the marks; for several, in turn."""
    commands: list[tuple[int, str]] = []
    at = ptd_log.find(_GO)
    while at >= 0 and len(commands) < MAX_GO_COMMANDS:
        start = at + len(_GO)
        mark = ptd_log[start : start + 200].split(b"'")[0]
        commands.append((at, mark.decode("ascii", "replace")))
        at = ptd_log.find(_GO, at + 1)
    return tuple(commands)


def ranges_set(ptd_log: bytes, start: int, end: int) -> dict[str, float | None]:
    """Return the voltage and current range that a stretch of ptd_logs.txt reports last.

    Returns:
        By ``V`` and ``A``, the fixed range, the largest of the channels [V, A]; ``None`` if there
        is no report, or if the analyzer chooses the range itself.
    """
    by_channel: dict[str, dict[bytes, float]] = {"V": {}, "A": {}}
    first = ptd_log.find(b" range ", start, end)  # faster than the pattern
    if first >= 0:
        search_start = max(start, first - len(": Voltage"))
        for match in _RANGE.finditer(ptd_log, search_start, end):
            ranges, channel = by_channel[match[1].decode()], match[2] or b""
            value = re.match(rb"\d{1,9}(?:\.\d{1,9})?", match[3])
            if value is None or not channel:
                ranges.clear()  # a range of all channels replaces that of each
            if value is not None:
                ranges[channel] = float(value[0])
    return {unit: max(ranges.values(), default=0.0) or None for unit, ranges in by_channel.items()}


def clock_error_s(client: Mapping[str, Any], server: Mapping[str, Any]) -> float | None:
    """Return the largest difference of the two clocks at the stamps of the testing phase [s].

    It is an upper limit: it contains the time that a message took. ``None`` if unknown.
    """
    try:
        pairs = list(zip(client["phases"]["testing"], server["phases"]["testing"], strict=False))
        stamps = [(stated_number(ours[0]), stated_number(theirs[0])) for ours, theirs in pairs]
    except (KeyError, IndexError, TypeError):
        return None
    differences = []
    for ours_s, theirs_s in stamps:
        if ours_s is None or theirs_s is None:
            return None
        differences.append(abs(ours_s - theirs_s))
    return min(max(differences), MAX_CLOCK_ERROR_S) if differences else None


def traces(
    spl: Spl, meter: Analyzer, *, owner: str, clock_error: float | None, source: str
) -> tuple[Trace, ...]:
    """Make traces of a session: the total, and its channels as parts of it.

    Args:
        spl: The readings.
        meter: The analyzer.
        owner: Whose analyzer it is, for the calibration id of a meter without a serial number.
        clock_error: Largest error of the clock [s]; ``None`` if unknown.
        source: The file.
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
        extra={NO_DAEMON: True} if WITHOUT_DAEMON in meter.identity else {},
    )
    parts = [_trace_of_part(_part(total, name), spl.t_ns, power_w) for name, power_w in spl.parts]
    return (build_trace(total, spl.t_ns, spl.power_w, spl.raw), *parts)


def _accuracy(spl: Spl, meter: Analyzer) -> Accuracy:
    """Return the limits of the analyzer.

    They are those of its class if its model, its ranges or a power factor that matters are unknown,
    and never below the uncertainty that the PTDaemon itself states for the session.
    """
    limits = instrument(meter.instrument_id)
    needs_power_factor = bool(limits.power_factor_limit_pct) and spl.power_factor is None
    is_unknown = meter.instrument_id == UNKNOWN_ANALYZER
    if meter.range_w is None or needs_power_factor or is_unknown:
        return instrument(UNKNOWN_ANALYZER).accuracy(power_factor=spl.power_factor)
    range_w = meter.range_w * max(1, spl.channels)
    age_months = None
    if len(spl.t_ns):
        age_months = calibration_age_months(meter.calibrated, int(spl.t_ns[0]))
    accuracy = limits.accuracy(
        range_w=range_w,
        power_factor=spl.power_factor,
        volts=meter.range_v,
        amps=meter.range_a,
        age_months=age_months,
    )
    return _not_below(accuracy, meter.stated_limit_pct, spl.power_w)


def _not_below(accuracy: Accuracy, stated_pct: float | None, power_w: Floats) -> Accuracy:
    """Raise the limit of the reading until the whole limit reaches the stated one.

    The part of the range weighs least at the largest reading, so the whole is reached at any mean.
    """
    largest_w = float(power_w.max(initial=0.0))
    if stated_pct is None or largest_w <= 0:
        return accuracy
    whole_pct = 100 * (accuracy.gain_mpe + accuracy.range_limit_w / largest_w)
    if whole_pct >= stated_pct:
        return accuracy
    return replace(
        accuracy,
        reading_limit_pct=accuracy.reading_limit_pct + stated_pct - whole_pct,
        source=f"{accuracy.source}; raised to the uncertainty of {stated_pct:.3g} % that the "
        "PTDaemon states",
    )


def _trace_of_part(channel: Channel, t_ns: Ints, power_w: Floats) -> Trace:
    """Make a trace of a part; what failed is recorded with the total, not once more here."""
    is_valid = (power_w >= 0) & (power_w <= VALUE_MAX) & (t_ns > 0)
    if is_valid.all():
        return build_trace(channel, t_ns, power_w)
    return build_trace(channel, t_ns[is_valid], power_w[is_valid])


def _part(total: Channel, name: str) -> Channel:
    is_phase = name.startswith("Ch")
    return replace(
        total,
        id=name.lower(),
        boundary="phase" if is_phase else total.boundary,
        phase=name if is_phase else None,
        part_of=TOTAL,
    )
