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
from dataclasses import dataclass
from datetime import UTC, datetime

from harness.core.numbers import plain_number
from harness.formats.base import Quality
from harness.formats.reference.benchmarks import quality

BENCHMARKS = (
    ("sww", r"sww|streaming_?wake_?words?"),
    ("ad", r"ad|ad01|anomaly_?detection"),
    ("ic", r"ic|ic01|image_?class(?:ification)?"),
    ("kws", r"kws|kws01|key_?word_?(?:spotting|spot)"),
    ("vww", r"vww|vww01|visual_?wake_?words?|person_?detection"),
)
"""Benchmarks, and how submitters spell them in folder names (lower case, underscores)."""
TEXT_BYTES = 2**22
"""More of a log is not read; real ones have some kilobytes."""
_NUMBER = r"([0-9.]{1,24})"
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
_METER = re.compile(r"m-regfile-fn\[[^\]]{0,80}energy\.bin\]-type\[emon\]-name\[([\w-]{1,24})\]")
_SESSION = re.compile(r"(?:session-start-id\[|sessions[\\/])([0-9]{8})_?([0-9]{6})")
_TOP_1 = re.compile(rf"Top[- ]1%?\s*[:=]\s*{_NUMBER}")
_AUC = re.compile(rf"AUC\s*[:=]\s*{_NUMBER}")


def benchmark_named(name: str) -> str | None:
    """Return the benchmark that a folder is named after; ``None`` if it is none of Tiny.

    Example:
        >>> benchmark_named("Anomaly-Detection"), benchmark_named("bert")
        ('ad', None)
    """
    folded = re.sub(r"[\s-]+", "_", name.lower())
    for benchmark, spelling in BENCHMARKS:
        if re.fullmatch(spelling, folded):
            return benchmark
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedWindow:
    """One window, or trial, as ``results.txt`` prints it.

    Attributes:
        number: Its number there; windows of the EnergyRunner count by twos.
        is_trial: Whether MLCommons' runner printed it.
        seconds: Its length [s]; ``None`` if it is not printed.
        energy_uj: Its energy [uJ].
        per_inference_uj: Energy of an inference [uJ].
        inferences: How many inferences it has; ``None`` if it is not printed.
    """

    number: int
    is_trial: bool
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
    """

    start_ns: int | None
    iterations: float | None
    voltage_v: float | None
    meter: str


def read_session(text: str) -> Session:
    """Return what ``log.txt`` states."""
    meter = _METER.search(text)
    iterations = _last_number(_ITERATIONS, text)
    millivolts = _last_number(_VOLTAGE, text)
    return Session(
        start_ns=_start_ns(text),
        iterations=iterations,
        voltage_v=None if millivolts is None else millivolts / 1000,
        meter=meter[1] if meter else "",
    )


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
    """Return the quality that ``accuracy/results.txt`` prints: AUC for ad, top-1 [%] for others."""
    metric, pattern = ("AUC", _AUC) if benchmark == "ad" else ("top-1", _TOP_1)
    value = _last_number(pattern, text)
    return None if value is None else quality("inference", f"tiny-{benchmark}", metric, value)
