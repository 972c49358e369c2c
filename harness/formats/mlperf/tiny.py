"""Read the energy results of MLPerf Tiny, rounds v0.7 to v1.3.

A result is a benchmark folder with three runs of a board::

    energy/{results.txt,log.txt,script.async}          five windows, and their median
    energy/{trace1-energy.bin,trace1-timestamps.json}  raw trace of EEMBC's EnergyRunner
    energy/results.json                                raw traces of MLCommons' runner (v1.3)
    performance/results.txt                            throughput, without a meter
    accuracy/results.txt                               top-1, or AUC

Each window is a run, so that the scatter between them is known. A result without a raw trace
states its energies only (class *declared*). The boundary is the supply rail of the board or chip.
"""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.printable import well_formed
from harness.core.timestamps import NS
from harness.formats.base import Entry, Format, Quality, Quantity, Run, Work
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader, natural
from harness.formats.evidence import Evidence, TinyEvidence
from harness.formats.mlperf import tiny_log, tiny_trace
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_SENSOR, instrument
from harness.traces.trace import Trace, Window

METERS = {"lpm01a": "st-lpm01a"}
"""Names of meters in logs, and their rows in the table of instruments."""
UNDATED_NS = 946_684_800 * NS
"""A trace whose session states no date is put into the year 2000: only differences of its times
mean anything."""
PRINT_TOLERANCE = 1e-6
"""Relative difference of a printed and a recomputed energy that single precision explains."""
_ROUND = re.compile(r"tiny[-_](?:results[-_])?v([0-9]{1,3}\.[0-9]{1,3})(?![0-9])")
_DECIMAL_COMMA = re.compile(r"([0-9]),([0-9]+ (?:uJ|uW|mW|sec|inf))")
MEDIAN_TOLERANCE_UJ = 6e-4
"""Medians are printed with three decimals or more [uJ]."""
DIVISIONS = ("closed", "open")
MIN_SECONDS = 10.0
"""A window that is long enough is a success for the runner; what is shorter it calls too short,
and early rounds accepted it all the same."""


class MlperfTiny(Format):
    """Reader of one benchmark folder of MLPerf Tiny with energy."""

    name = "mlperf-tiny"
    family = "mlperf-tiny"
    priority = 25

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether this is a folder of a Tiny benchmark with an energy run."""
        if "energy" not in names or _benchmark(directory) is None:
            return False
        energy = directory / "energy"
        return energy.is_dir() and not energy.is_symlink()

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:
        """Say that a folder of a Tiny benchmark has no energy run."""
        is_tiny = _benchmark(directory) is not None and "results" in directory.absolute().parts
        if is_tiny and {"performance", "accuracy"} & names and "energy" not in names:
            return "no energy was measured"
        return ""

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read one run for each window of the energy run."""
        reader = Reader(directory)
        names = _names(directory)
        benchmark = _benchmark(directory) or directory.name

        # 1. What the three runs print.
        results = _text(directory / "energy" / "results.txt", reader)
        session = tiny_log.read_session(_text(directory / "energy" / "log.txt", reader))
        performance = _text(directory / "performance" / "results.txt", reader, quiet=True)
        accuracy = _text(directory / "accuracy" / "results.txt", reader, quiet=True)
        windows = tiny_log.read_windows(results)
        if not windows:
            raise UnreadableError(
                "prints no energy of a window",
                where=str(directory / "energy" / "results.txt"),
                expected="Energy data for window 2 ..., or for trial 0",
            )

        # 2. The raw trace of each window.
        raw = _RawTraces(directory / "energy", windows, session, reader)

        # 3. Each window as a run.
        shared = _Shared(
            names=names,
            session=session,
            median_uj=tiny_log.read_median_uj(results),
            throughput=tiny_log.read_throughput(performance or results),
            quality=tiny_log.read_quality(accuracy, benchmark),
        )
        runs = tuple(_run(window, raw, shared, reader) for window in windows)
        _note_other_median(runs, shared.median_uj, reader)
        description = _system_description(directory, names["system"], reader)
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            round=_round(directory),
            task="inference",
            submitter=names["submitter"],
            system=names["system"],
            benchmark=benchmark,
            scenario="SingleStream",
            division=names["division"],
            runs=runs,
            system_description=description,
            defects=tuple(reader.defects),
        )


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all windows of a result share.

    Attributes:
        names: Submitter, system and division.
        session: What the log of the energy run states.
        median_uj: Median energy of an inference as it is printed [uJ]; ``None`` if it is not.
        throughput: Inferences per second of the performance run; ``None`` if unknown.
        quality: The accuracy that was reached; ``None`` if unknown.
    """

    names: Mapping[str, str]
    session: tiny_log.Session
    median_uj: float | None
    throughput: float | None
    quality: Quality | None


class _RawTraces:
    """The raw traces of an energy run, whichever runner wrote them.

    Attributes:
        source: The file that holds them, relative to the entry; empty without one.
        voltage_v: Supply voltage that the runner set [V]; ``None`` if unknown.
    """

    def __init__(
        self,
        energy: Path,
        windows: Sequence[tiny_log.PrintedWindow],
        session: tiny_log.Session,
        reader: Reader,
    ) -> None:
        self._by_number: dict[int, tiny_trace.TinyTrace] = {}
        self.voltage_v = session.voltage_v
        self._inferences: dict[int, float] = {}
        self.source = ""
        is_trials = windows[0].is_trial
        try:
            if is_trials:
                self._read_json(energy / "results.json", windows, reader)
            else:
                self._read_bin(energy, windows, reader)
        except UnreadableError as error:
            reader.note(DefectCode.TRACE_UNREADABLE, error.where or energy, str(error))
            self._by_number.clear()

    def _read_json(
        self, path: Path, windows: Sequence[tiny_log.PrintedWindow], reader: Reader
    ) -> None:
        content = reader.optional(path, quiet=True)
        if not content:
            return
        self.source = f"energy/{path.name}"
        lengths_s = [window.seconds for window in windows]
        trials = tiny_trace.read_trials(content, str(path), lengths_s)
        for number, (trace, voltage_v, inferences) in enumerate(trials):
            self._by_number[number] = trace
            self.voltage_v = voltage_v or self.voltage_v
            if inferences:
                self._inferences[number] = inferences

    def _read_bin(
        self, energy: Path, windows: Sequence[tiny_log.PrintedWindow], reader: Reader
    ) -> None:
        paths = sorted(energy.glob("*-energy.bin"), key=lambda path: natural(path.name))
        if not paths:
            return
        path = paths[0]
        markers_path = path.with_name(path.name.replace("-energy.bin", "-timestamps.json"))
        content = reader.optional(path)
        markers_content = reader.optional(markers_path)
        if not content or not markers_content:
            return
        self.source = f"energy/{path.name}"
        energy_j, rate_hz = tiny_trace.read_energy_bin(content, str(path))
        markers = tiny_trace.read_markers(markers_content, str(markers_path))
        for window in windows:
            self._by_number[window.number] = tiny_trace.window_of(
                energy_j, rate_hz, markers, window.number
            )

    def trace(self, number: int) -> tiny_trace.TinyTrace | None:
        """Return the trace of a window; ``None`` without one."""
        return self._by_number.get(number)

    def inferences(self, number: int) -> float | None:
        """Return the inferences of a trial, as its trace states them."""
        return self._inferences.get(number)


def _run(window: tiny_log.PrintedWindow, raw: _RawTraces, shared: _Shared, reader: Reader) -> Run:
    inferences = window.inferences or raw.inferences(window.number) or shared.session.iterations
    trace = raw.trace(window.number)
    recomputed = None if trace is None else trace.recomputed_uj()
    if recomputed is not None:
        _note_other_energy(window, recomputed, reader)
    throughput = shared.throughput
    timed, channel_trace = (None, None) if trace is None else _timed(trace, window, raw, shared)
    seconds = timed.seconds if timed else window.seconds
    return Run(
        id=f"{'trial' if window.is_trial else 'window'}-{window.number}",
        window=timed,
        traces=() if channel_trace is None else (channel_trace,),
        work=Work(inferences, "query") if inferences else None,
        performance=Quantity(throughput, "Inferences/s", "throughput") if throughput else None,
        quality=shared.quality,
        seconds=seconds,
        success=True if seconds is not None and seconds >= MIN_SECONDS else None,
        declared_energy_j=window.energy_uj * 1e-6,
        evidence=Evidence(
            tiny=TinyEvidence(
                energy_uj=window.energy_uj,
                per_inference_uj=window.per_inference_uj,
                median_uj=shared.median_uj,
                seconds=window.seconds,
                throughput=throughput,
                voltage_v=raw.voltage_v,
                recomputed_uj=recomputed,
            )
        ),
        sources=("energy/results.txt", *((raw.source,) if raw.source else ())),
    )


def _note_other_energy(
    window: tiny_log.PrintedWindow, recomputed: tuple[float, float], reader: Reader
) -> None:
    """Note a printed energy that the trace does not give within the rounding of its markers."""
    low, high = recomputed
    slack = max(PRINT_TOLERANCE * window.energy_uj, 5e-4)
    if low - slack <= window.energy_uj <= high + slack:
        return
    got = (
        f"window {window.number} prints {window.energy_uj:.3f} uJ, "
        f"its trace has {low:.3f} to {high:.3f} uJ"
    )
    reader.note(DefectCode.WINDOW_ENERGY_DIFFERS, reader.root / "energy" / "results.txt", got)


def _note_other_median(runs: Sequence[Run], printed_uj: float | None, reader: Reader) -> None:
    """Note a printed median that the printed energies, or the raw traces, do not have."""
    printed: list[float] = []
    lowest: list[float] = []
    highest: list[float] = []
    for run in runs:
        tiny = run.evidence.tiny
        if run.work is None or tiny is None:
            return
        low, high = tiny.recomputed_uj or (tiny.energy_uj, tiny.energy_uj)
        printed.append(tiny.energy_uj / run.work.count)
        lowest.append(low / run.work.count)
        highest.append(high / run.work.count)
    if printed_uj is None:
        return
    median_uj = statistics.median(printed)
    low_uj, high_uj = statistics.median(lowest), statistics.median(highest)
    where = reader.root / "energy" / "results.txt"
    if abs(median_uj - printed_uj) > MEDIAN_TOLERANCE_UJ:
        got = f"a median of {printed_uj:g} uJ is printed, the windows have {median_uj:.4f} uJ"
        reader.note(DefectCode.ENERGY_DIFFERS, where, got)
    elif not low_uj - MEDIAN_TOLERANCE_UJ <= printed_uj <= high_uj + MEDIAN_TOLERANCE_UJ:
        got = (
            f"a median of {printed_uj:g} uJ is printed, the traces have "
            f"{low_uj:.4f} to {high_uj:.4f} uJ"
        )
        reader.note(DefectCode.ENERGY_DIFFERS, where, got)


def _timed(
    trace: tiny_trace.TinyTrace,
    window: tiny_log.PrintedWindow,
    raw: _RawTraces,
    shared: _Shared,
) -> tuple[Window, Trace]:
    """Return the window and the readings of a trace, as mean powers of its samples."""
    start_ns = shared.session.start_ns or UNDATED_NS
    if window.is_trial:  # each trial has a trace of its own: put them one after the other
        start_ns += window.number * 3600 * NS
    samples = np.arange(1, len(trace.energy_j) + 1)
    end_s = trace.offset_s + samples / trace.rate_hz
    t_ns = start_ns + np.rint(end_s * NS).astype(np.int64)
    meter = METERS.get(shared.session.meter, UNKNOWN_SENSOR)
    channel = Channel(
        id="rail",
        kind="mean",
        boundary="rail",
        meter=meter,
        calibration_id=f"{meter}/{shared.names['submitter']}",
        accuracy=instrument(meter).accuracy(),
        nominal_interval_s=1 / trace.rate_hz,
        clock="energy meter",
        clock_error_s=tiny_trace.MARKER_ERROR_S,
        current="dc",
        source=raw.source,
        extra={} if raw.voltage_v is None else {"voltage_v": raw.voltage_v},
    )
    timed = Window(start_ns + round(trace.start_s * NS), start_ns + round(trace.stop_s * NS))
    return timed, build_trace(channel, t_ns, trace.energy_j * trace.rate_hz)


def _text(path: Path, reader: Reader, *, quiet: bool = False) -> str:
    """Return a text file without carriage returns; empty if it cannot be read."""
    content = reader.optional(path, quiet=quiet)
    text = content[: tiny_log.TEXT_BYTES].decode("utf-8", "replace").replace("\r", "")
    if _DECIMAL_COMMA.search(text):
        reader.note(DefectCode.CSV_DIALECT, path, "written with a decimal comma; read so")
        text = _DECIMAL_COMMA.sub(r"\1.\2", text)
    return text


def _benchmark(directory: Path) -> str | None:
    """Return the benchmark that a folder is named after; ``None`` if it is none of Tiny."""
    return tiny_log.benchmark_named(directory.absolute().name)


def _names(directory: Path) -> dict[str, str]:
    """Return names of ``<division>/<submitter>/results/<system>[/<board>]/<benchmark>``."""
    parts = tuple(map(well_formed, Path(os.path.abspath(directory)).parts))
    names = {"submitter": "", "division": "", "system": parts[-2] if len(parts) > 1 else ""}
    if "results" in parts[:-1]:
        at = len(parts) - 1 - parts[::-1].index("results")
        names["system"] = "/".join(parts[at + 1 : -1]) or names["system"]
        names["submitter"] = parts[at - 1] if at > 0 else ""
        division = parts[at - 2] if at > 1 else ""
        names["division"] = division if division in DIVISIONS else ""
    return names


def _round(directory: Path) -> str:
    """Return the round in the name of a folder above the submitter's; empty if none has it."""
    parts = Path(os.path.abspath(directory)).parts
    above = parts
    if "results" in parts:
        at = len(parts) - 1 - parts[::-1].index("results")
        above = parts[: max(at - 1, 0)]
    matches = [match for part in above if (match := _ROUND.search(part))]
    return f"mlperf-tiny-v{matches[-1][1]}" if matches else ""


def _system_description(directory: Path, system: str, reader: Reader) -> Mapping[str, Any] | None:
    """Return the description of a system; its file has the name of the system, or contains it."""
    parts = Path(os.path.abspath(directory)).parts
    if "results" not in parts:
        return None
    at = len(parts) - 1 - parts[::-1].index("results")
    folder = Path(*parts[:at]) / "systems"
    wanted = _letters(system.rpartition("/")[2])
    if not wanted:
        return None
    for path in sorted(folder.glob("*.json")):
        if wanted in _letters(path.stem):
            # The template of the rules has one key twice, and some submitters kept it.
            return reader.document(path, repeats_keys=True) or None
    return None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


FORMAT = MlperfTiny()
