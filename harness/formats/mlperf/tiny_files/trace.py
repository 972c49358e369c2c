"""Read the raw traces of MLPerf Tiny: the energy of each sample, and markers in them.

EnergyRunner: ``<name>-energy.bin`` is the byte 0xF1, the sample rate [Hz] and then the energy of
each sample [uJ], all as little-endian float32; ``<name>-timestamps.json`` is a list of markers [s],
rounded to milliseconds. Window w runs from marker w - 1 to marker w.

MLCommons' runner: ``results.json`` is a list of trials; ``power.samples`` is the energy of each
sample of a millisecond [J], ``power.timestamps`` a list of ``[name, sample]``, whose last two are
the ends.

Both become a `TinyTrace` for each window: sample k has the energy from ``k / rate`` to
``(k + 1) / rate``, in seconds since the trace began.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.documents import parse_json
from harness.core.errors import UnreadableError, shorten
from harness.traces.trace import Floats

MAGIC = 0xF1
HEADER_BYTES = 5
MAX_RATE_HZ = 1e6
JSON_RATE_HZ = 1000.0
"""Rate of the samples in ``results.json``, which does not state it."""
MARKER_ERROR_S = 5e-4
"""Markers are rounded to milliseconds."""
JOULES_PER_UJ = 1e-6


@dataclass(frozen=True, slots=True)
class TinyTrace:
    """The samples of one window, with what lies before and behind it.

    Attributes:
        energy_j: Energy of each sample [J], float64, shape (n,).
        rate_hz: Samples per second.
        offset_s: When the first sample begins, since the trace began [s].
        start_s: Begin of the window, since the trace began [s].
        stop_s: End of the window, likewise [s].
        is_exact: Whether the ends are sample numbers, and not rounded times.
        markers: Markers of a trial; 2 where the ends are times.
    """

    energy_j: Floats
    rate_hz: float
    offset_s: float
    start_s: float
    stop_s: float
    is_exact: bool = False
    markers: int = 2

    def energies_uj(self) -> list[float]:
        """Return the energies that the window may have, given how its markers are printed [uJ].

        Times are printed to the millisecond: each end is at the rounded sample, or the one after.
        """
        first = round((self.start_s - self.offset_s) * self.rate_hz)
        last = round((self.stop_s - self.offset_s) * self.rate_hz)
        shifts = (0,) if self.is_exact else (0, 1)
        energies = []
        for begin in (first + shift for shift in shifts):
            for end in (last + shift for shift in shifts):
                if 0 <= begin < end <= len(self.energy_j):
                    energies.append(float(np.sum(self.energy_j[begin:end])) / JOULES_PER_UJ)
        return [energy for energy in energies if math.isfinite(energy)]


def read_energy_bin(content: bytes, where: str) -> tuple[Floats, float]:
    """Read a file of energies.

    Returns:
        Energy of each sample [J], float64, shape (n,), and samples per second.

    Raises:
        UnreadableError: It has another form, or ends within a sample.
    """
    if len(content) < HEADER_BYTES or content[0] != MAGIC:
        raise UnreadableError(
            "is no energy trace",
            where=where,
            got=shorten(content[:8].hex()),
            expected="the byte f1, the sample rate, and samples",
        )
    if (len(content) - HEADER_BYTES) % 4:
        raise UnreadableError(
            "ends within a sample",
            where=where,
            got=f"{len(content)} bytes",
            expected="5 bytes and 4 for each sample",
        )
    rate_hz = float(np.frombuffer(content, "<f4", 1, offset=1)[0])
    if not 0 < rate_hz <= MAX_RATE_HZ:
        raise UnreadableError("has no sample rate", where=where, got=f"{rate_hz:g} Hz")
    samples = np.frombuffer(content, "<f4", offset=HEADER_BYTES).astype(np.float64)
    return samples * JOULES_PER_UJ, rate_hz


def read_markers(content: bytes, where: str) -> list[float]:
    """Read the markers of a trace [s].

    Raises:
        UnreadableError: It is no ascending list of numbers.
    """
    markers = parse_json(content, where=where)
    if not isinstance(markers, list) or not all(map(_is_time, markers)):
        raise UnreadableError("is no list of times", where=where, got=shorten(markers))
    if any(later <= earlier for earlier, later in itertools.pairwise(markers)):
        raise UnreadableError("has markers that do not ascend", where=where, got=shorten(markers))
    return [float(marker) for marker in markers]


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def window_of(energy_j: Floats, rate_hz: float, markers: Sequence[float], number: int) -> TinyTrace:
    """Cut window ``number`` out of a trace, with half of the idle time at either side.

    Raises:
        UnreadableError: A marker is missing, or lies outside the trace.
    """
    length_s = len(energy_j) / rate_hz
    if number < 1 or number >= len(markers) or markers[number] > length_s + MARKER_ERROR_S:
        raise UnreadableError(
            "has no markers for a window that is printed",
            got=f"{len(markers)} markers, {length_s:g} s of samples",
            expected=f"markers {number - 1} and {number} inside the trace",
        )
    start_s, stop_s = markers[number - 1], markers[number]
    before_s = markers[number - 2] if number >= 2 else 0.0
    after_s = markers[number + 1] if number + 1 < len(markers) else length_s
    first = max(0, math.floor((start_s + before_s) / 2 * rate_hz))
    last = min(len(energy_j), math.ceil((stop_s + after_s) / 2 * rate_hz))
    return TinyTrace(energy_j[first:last], rate_hz, first / rate_hz, start_s, stop_s)


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial of a ``results.json``.

    Attributes:
        trace: Its samples and window.
        voltage_v: Supply voltage [V]; ``None`` if it is not stated.
        inferences: How many inferences it has; ``None`` if it is not stated.
    """

    trace: TinyTrace
    voltage_v: float | None
    inferences: float | None


def read_trials(
    content: bytes, where: str, seconds: Mapping[int, float | None]
) -> dict[int, Trial]:
    """Read the trials of a ``results.json`` that have samples, by their number.

    Args:
        content: The file.
        where: Its path, for messages.
        seconds: Length of each trial as ``results.txt`` prints it [s].

    Raises:
        UnreadableError: It has another form.
    """
    # Python writes a sample that the meter's line was cut in as NaN, which is no JSON.
    document = parse_json(re.sub(rb"\bNaN\b", b"null", content), where=where)
    if isinstance(document, Mapping):  # a script without a loop has one trial
        document = [document]
    if not isinstance(document, list):
        raise UnreadableError("is no list of trials", where=where)
    trials = {}
    for number, trial in enumerate(document):
        power = trial.get("power") if isinstance(trial, Mapping) else None
        if not isinstance(power, Mapping) or not isinstance(power.get("samples"), list):
            continue
        infer = trial.get("infer")
        iterations = infer.get("iterations") if isinstance(infer, Mapping) else None
        trace = _trace_of_trial(power, where, seconds.get(number))
        trials[number] = Trial(trace, _number(power.get("voltage")), _number(iterations))
    return trials


def _trace_of_trial(power: Mapping[str, object], where: str, printed_s: float | None) -> TinyTrace:
    """Return the samples of a trial, and the window between its last two markers.

    Switching the board on may move the pin of the markers before the first window: the runner
    takes the last two. Where their distance is not the printed length, the pair that is nearest to
    it is taken.
    """
    samples, stamps = power["samples"], power.get("timestamps")
    ends: list[int] = []
    for stamp in stamps if isinstance(stamps, list) else []:
        is_pair = isinstance(stamp, list) and len(stamp) == 2
        if is_pair and isinstance(stamp[1], int) and not isinstance(stamp[1], bool):
            ends.append(stamp[1])
    try:
        energy_j = np.array(
            [math.nan if sample is None else sample for sample in samples],  # type: ignore[attr-defined]
            np.float64,
        )
    except (TypeError, ValueError, OverflowError):
        raise UnreadableError("has samples that are no numbers", where=where) from None
    pairs = [
        (begin, end) for begin, end in itertools.pairwise(ends) if 0 <= begin < end <= len(energy_j)
    ]
    if energy_j.ndim != 1 or not pairs:
        raise UnreadableError(
            "has a trial without two markers inside its samples",
            where=where,
            got=f"{shorten(ends)} in {len(energy_j)} samples",
        )
    begin, end = pairs[-1]
    if printed_s is not None:
        begin, end = min(reversed(pairs), key=lambda pair: _length_error_ms(pair, printed_s))
    return TinyTrace(
        energy_j,
        JSON_RATE_HZ,
        0.0,
        begin / JSON_RATE_HZ,
        end / JSON_RATE_HZ,
        is_exact=True,
        markers=len(ends),
    )


def _length_error_ms(pair: tuple[int, int], printed_s: float) -> int:
    """Return how far the distance of two markers is from a printed length [ms]."""
    return round(abs((pair[1] - pair[0]) / JSON_RATE_HZ - printed_s) * 1000)


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e12 else None  # type: ignore[operator,arg-type]
