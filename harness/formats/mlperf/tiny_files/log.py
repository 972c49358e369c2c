"""Read what MLPerf Tiny's runners print: ``results.txt``, ``log.txt`` and accuracy.

EEMBC's EnergyRunner (v0.7 to v1.2) prints a stamp before each line and counts windows by twos::

    00150.245 ulp-ml: Energy data for window 2 at time 9.25 for 10.50 sec.:
    00150.245 ulp-ml:   Energy       :   406709.240 uJ
    00150.245 ulp-ml:   Energy/Inf.  :      203.355 uJ/inf.
    00150.273 ulp-ml: Median energy cost is 203.368 uJ/inf.

MLCommons' own runner (v1.3) counts trials from 0::

    Energy data for trial 0
      Elapsed time  : 10.797999999999998
      Total Energy  : 63633.764 uJ
      Energy/Inf    : 31.817 uJ/inf
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from harness.core.numbers import plain_number
from harness.formats.base import Quality
from harness.formats.reference.benchmarks import quality

BENCHMARKS = (
    ("sww", r"sww|streaming_?wake_?words?"),
    ("ad", r"ad|anomaly(?:_?detection)?"),
    ("ic", r"ic|image_?class(?:ification)?"),
    ("kws", r"kws|key_?words?_?(?:spotting|spot)"),
    ("vww", r"vww|visual_?wake_?words?|person_?detection"),
)
"""Benchmarks, and how submitters spell them in folder names (lower case, underscores)."""
TEXT_BYTES = 2**22
"""More of a log is not read; real ones have some kilobytes."""
_NUMBER = r"([0-9.]{1,24}(?:[eE][-+]?[0-9]{1,3})?)"
_STAMP = r"^(?:[0-9]{4,8}\.[0-9]{1,9} [\w-]{1,32}: ?)?"
_WINDOW = re.compile(
    _STAMP
    + rf"Energy data for (window|trial) ([0-9]{{1,6}})(?: at time {_NUMBER} for {_NUMBER} sec)?",
    re.M,
)
_FIELDS = re.compile(
    _STAMP + rf"\s*(Energy/Inf|Total Energy|Energy|Elapsed time|Inferences)\.?\s*:\s*{_NUMBER}",
    re.M,
)
_MEDIAN = re.compile(rf"Median energy cost is {_NUMBER} uJ/inf")
_THROUGHPUT = re.compile(rf"(?:Median throughput is|Estimated throughput:)\s*{_NUMBER} inf")
_PERFORMANCE = re.compile(
    r"Performance results for window ([0-9]{1,6}):?(.*?)(?=Performance results|Median|\Z)", re.S
)
_INFERENCES = re.compile(r"# Inferences\s*:\s*([0-9]{1,12})")
_ITERATIONS = re.compile(r"key\[iterInfer\]-val\[([0-9]{1,12})\]")
_VOLTAGE = re.compile(r"m-voltage-mv\[([0-9]{2,6})\]")
_SCRIPT_VOLTAGE = re.compile(r"emon voltage ([0-9]{2,6})")
_TRACE_ON = re.compile(r"^([0-9]{1,8}\.[0-9]{1,9}) [^\n]{0,80}m-trace\[on\]", re.M)
_INFER = re.compile(
    r"^([0-9]{1,8}\.[0-9]{1,9}) [^\n]{0,80}m-infer-(start|done)(?=-[0-9]|\s|$)", re.M
)
_CAPTURED = re.compile(r"[Ss]amples:\s*([0-9]{1,9}) timestamps:\s*([0-9]{1,6})")
_METER = re.compile(r"m-regfile-fn\[[^\]]{0,80}energy\.bin\]-type\[emon\]-name\[([\w-]{1,24})\]")
_SESSION = re.compile(r"(?:session-start-id\[|sessions[\\/])([0-9]{8})_?([0-9]{6})")
_TOP_1 = re.compile(rf"Top[- ]1%?\s*[:=]\s*{_NUMBER}")
_AUC = re.compile(rf"AUC\s*[:=]\s*{_NUMBER}")
_DETECTIONS = re.compile(r"([0-9]{1,6}) False negatives, ([0-9]{1,6}) False positives", re.I)


def benchmark_named(name: str) -> str | None:
    """Return the benchmark that a folder is named after; ``None`` if it is none of Tiny.

    Example:
        >>> benchmark_named("Anomaly-Detection"), benchmark_named("bert")
        ('ad', None)
    """
    folded = re.sub(r"[\s-]+", "_", name.lower())
    for benchmark, spelling in BENCHMARKS:
        if re.fullmatch(rf"(?:{spelling})(?:_?0?1)?", folded):
            return benchmark
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedWindow:
    """One window, or trial, as ``results.txt`` prints it.

    Attributes:
        number: Its number there; windows of the EnergyRunner count by twos.
        is_trial: Whether MLCommons' runner printed it.
        start_s: Its begin, since the trace was switched on [s]; ``None`` if it is not printed.
        seconds: Its length [s]; ``None`` if it is not printed.
        energy_uj: Its energy [uJ].
        per_inference_uj: Energy of an inference [uJ].
        inferences: How many inferences it has; ``None`` if it is not printed.
    """

    number: int
    is_trial: bool
    start_s: float | None
    seconds: float | None
    energy_uj: float
    per_inference_uj: float
    inferences: float | None


def read_windows(text: str) -> list[PrintedWindow]:
    """Return the windows of a ``results.txt`` that state an energy, in its order."""
    counts = _inferences_by_window(text)
    heads = list(_WINDOW.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    windows = []
    for head, end in zip(heads, ends, strict=True):
        fields = {name: plain_number(value) for name, value in _first_fields(text, head.end(), end)}
        energy_uj = fields.get("Total Energy") or fields.get("Energy")
        per_inference_uj = fields.get("Energy/Inf")
        if not energy_uj or not per_inference_uj:
            continue
        number = int(head[2])
        windows.append(
            PrintedWindow(
                number=number,
                is_trial=head[1] == "trial",
                start_s=plain_number(head[3] or ""),
                seconds=plain_number(head[4] or "") or fields.get("Elapsed time"),
                energy_uj=energy_uj,
                per_inference_uj=per_inference_uj,
                inferences=fields.get("Inferences") or counts.get(number),
            )
        )
    return windows


def _first_fields(text: str, start: int, end: int) -> Iterator[tuple[str, str]]:
    """Yield name and value of the fields of a window; the first of a name counts."""
    seen = set()
    for match in _FIELDS.finditer(text, start, end):
        if match[1] not in seen:
            seen.add(match[1])
            yield match[1], match[2]


def _inferences_by_window(text: str) -> dict[int, float]:
    counts = {}
    for number, body in _PERFORMANCE.findall(text):
        match = _INFERENCES.search(body)
        if match:
            counts[int(number)] = float(match[1])
    return counts


def read_median_uj(text: str) -> float | None:
    """Return the median energy of an inference that ``results.txt`` prints [uJ]."""
    return _last_number(_MEDIAN, text)


def read_throughput(text: str) -> float | None:
    """Return the median throughput that a ``results.txt`` prints [inferences/s]."""
    return _last_number(_THROUGHPUT, text)


def read_script_voltage_v(text: str) -> float | None:
    """Return the first supply voltage that ``script.async`` sets [V]; ``None`` if it sets none."""
    match = _SCRIPT_VOLTAGE.search(text)
    return float(match[1]) / 1000 if match else None


def _last_number(pattern: re.Pattern[str], text: str) -> float | None:
    values = pattern.findall(text)
    return plain_number(values[-1]) if values else None


@dataclass(frozen=True, slots=True)
class Session:
    """What ``log.txt`` of an energy run states.

    Attributes:
        start_ns: When the session began, by the runner's clock without its zone [ns]; ``None``
            if it is not stated.
        iterations: Inferences of each window; ``None`` if it is not stated.
        voltage_v: Supply voltage that was set [V]; ``None`` if it is not stated.
        meter: Name of the energy meter; empty if it is not stated.
        spans_s: Begin and end of each inference command, by the log's clock, since the trace was
            switched on [s]; empty if it is not stated.
        captured: Samples and markers of each trial, as MLCommons' runner counts them.
    """

    start_ns: int | None
    iterations: float | None
    voltage_v: float | None
    meter: str
    spans_s: tuple[tuple[float, float], ...] = ()
    captured: tuple[tuple[int, int], ...] = ()


def read_session(text: str) -> Session:
    """Return what ``log.txt`` states."""
    meter = _METER.search(text)
    iterations = _last_number(_ITERATIONS, text)
    millivolts = _last_number(_VOLTAGE, text)
    return Session(
        start_ns=_start_ns(text),
        iterations=iterations,
        voltage_v=None if millivolts is None else millivolts / 1000,
        meter=meter[1].lower() if meter else "",
        spans_s=_spans_s(text),
        captured=tuple((int(samples), int(marks)) for samples, marks in _CAPTURED.findall(text)),
    )


def _spans_s(text: str) -> tuple[tuple[float, float], ...]:
    """Return begin and end of each inference command behind the line that switches the trace on."""
    trace_on = _TRACE_ON.search(text)
    if trace_on is None:
        return ()
    on_s = float(trace_on[1])
    spans: list[tuple[float, float]] = []
    begin_s: float | None = None
    for stamp, event in _INFER.findall(text, trace_on.end()):
        if event == "start":
            begin_s = float(stamp) - on_s
        elif begin_s is not None:
            spans.append((begin_s, float(stamp) - on_s))
            begin_s = None
    return tuple(spans)


def _start_ns(text: str) -> int | None:
    match = _SESSION.search(text)
    if match is None:
        return None
    try:
        start = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    seconds = int(start.timestamp())
    return seconds * 10**9 if seconds > 0 else None


def read_quality(text: str, benchmark: str) -> Quality | None:
    """Return the quality that a ``results.txt`` prints: AUC for ad, top-1 [%] for others.

    A streaming benchmark counts the wake words that it missed, and those it heard in vain.
    """
    if benchmark == "sww":
        return _detections(text)
    metric, pattern = ("AUC", _AUC) if benchmark == "ad" else ("top-1", _TOP_1)
    value = _last_number(pattern, text)
    return None if value is None else quality("inference", benchmark, metric, value)


def _detections(text: str) -> Quality | None:
    counts = _DETECTIONS.findall(text)
    if not counts:
        return None
    missed, false = (float(count) for count in counts[-1])
    first = quality("inference", "sww", "false negatives", missed)
    second = quality("inference", "sww", "false positives", false)
    return replace(first, others=(second,))
