"""Read the energy results of MLPerf Tiny, rounds v0.7 to v1.3.

A result is a benchmark folder with three runs of a board::

    energy/{results.txt,log.txt,script.async}          five windows, and their median
    energy/{trace1-energy.bin,trace1-timestamps.json}  raw trace of EEMBC's EnergyRunner
    energy/results.json                                raw traces of MLCommons' runner (v1.3)
    performance/results.txt                            throughput, without a meter
    accuracy/results.txt                               top-1, or AUC

Some submitters put the runner's name of the mode before each file (``energy_results.txt``), spell
the folder otherwise (``power``, and once ``enegy``), or have a folder for each model below that of
the benchmark.

Each window is a run, so that the scatter between them is known. A result without a raw trace
states its energies only (class *declared*). The boundary is the supply rail of the board or chip.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS
from harness.formats.base import Entry, Format, Quality, Quantity, Run, Work
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader, natural
from harness.formats.evidence import Evidence, TinyEvidence
from harness.formats.mlperf.tiny_files import folder, log
from harness.formats.mlperf.tiny_files import trace as raw_trace
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_SENSOR, instrument
from harness.traces.trace import Trace, Window

METERS = {"lpm01a": "st-lpm01a", "js110": "joulescope-js110", "js220": "joulescope-js220"}
"""Names of meters in logs, and their rows in the table of instruments."""
UNDATED_NS = 946_684_800 * NS
"""A trace whose session states no date is put into the year 2000: only differences of its times
mean anything."""
PRINT_TOLERANCE = 1e-6
"""Relative difference of a printed and a recomputed energy that single precision explains."""
MEDIAN_TOLERANCE_UJ = 6e-4
"""Medians are printed with three decimals or more [uJ]."""
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
        if folder.benchmark_folder(directory) is None:
            return False
        return folder.energy_folder(directory, names) is not None

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:
        """Say that a folder of a Tiny benchmark has no energy run."""
        is_tiny = folder.benchmark_folder(directory) is not None
        if not is_tiny or "results" not in directory.absolute().parts:
            return ""
        has_runs = {"performance", "accuracy"} & {name.lower() for name in names}
        return "no energy was measured" if has_runs else ""

    def surroundings(self, directory: Path) -> tuple[Path, ...]:
        """Return the folder of a submission that describes systems."""
        return folder.descriptions_of(directory)

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read one run for each window of the energy run."""
        reader = Reader(directory)
        names = folder.names_of(directory)
        benchmark = folder.benchmark_of(directory)
        folder_names = frozenset(os.listdir(directory))
        energy = folder.energy_folder(directory, folder_names) or directory / folder.ENERGY_FOLDER
        if energy.name != folder.ENERGY_FOLDER:
            reader.note(DefectCode.FOLDER_NAME, energy, f"an energy run in `{energy.name}`")

        # 1. What the three runs print.
        results_path = folder.file_of(energy, folder.RESULTS)
        results = folder.read_text(results_path, reader)
        log_text = folder.read_text(folder.file_of(energy, folder.LOG), reader)
        session = log.read_session(log_text)
        script = folder.read_text(folder.file_of(energy, folder.SCRIPT), reader, quiet=True)
        performance = folder.printed_results(directory, folder_names, "performance", reader)
        accuracy = folder.printed_results(directory, folder_names, "accuracy", reader)
        windows = log.read_windows(results)
        if not results_path.exists():  # MLCommons' runner prints into its log too
            windows = log.read_windows(log_text)
        elif not windows:
            raise UnreadableError(
                "prints no energy of a window",
                where=str(results_path),
                expected="Energy data for window 2 ..., or for trial 0",
            )

        # 2. The raw trace of each window.
        raw = _RawTraces(energy, windows, session, reader)

        # 3. Each window as a run.
        quality_texts = (accuracy, performance, results) if benchmark == "sww" else (accuracy,)
        qualities = (log.read_quality(text, benchmark) for text in quality_texts)
        shared = _Shared(
            names=names,
            session=session,
            median_uj=log.read_median_uj(results),
            throughput=log.read_throughput(performance),
            energy_throughput=_energy_throughput(results, windows),
            script_voltage_v=log.read_script_voltage_v(script),
            quality=next((quality for quality in qualities if quality is not None), None),
            results_path=results_path,
        )
        runs = tuple(
            _run(number, window, raw, shared, reader) for number, window in enumerate(windows)
        )
        _note_other_median(runs, shared, reader)
        description = folder.system_description(directory, names["system"], reader)
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            round=folder.round_of(directory),
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
        energy_throughput: The same of the energy run; ``None`` if unknown.
        script_voltage_v: Supply voltage that the script sets [V]; ``None`` if unknown.
        quality: The accuracy that was reached; ``None`` if unknown.
        results_path: What the energy run prints.
    """

    names: Mapping[str, str]
    session: log.Session
    median_uj: float | None
    throughput: float | None
    energy_throughput: float | None
    script_voltage_v: float | None
    quality: Quality | None
    results_path: Path


class _RawTraces:
    """The raw traces of an energy run, whichever runner wrote them.

    Attributes:
        source: The file that holds them, relative to the entry; empty without one.
        voltage_v: Supply voltage that the runner set [V]; ``None`` if unknown.
    """

    def __init__(
        self,
        energy: Path,
        windows: Sequence[log.PrintedWindow],
        session: log.Session,
        reader: Reader,
    ) -> None:
        self._by_number: dict[int, raw_trace.TinyTrace] = {}
        self.voltage_v = session.voltage_v
        self._inferences: dict[int, float] = {}
        self.source = ""
        is_trials = any(window.is_trial for window in windows)
        try:
            if is_trials:
                self._read_json(folder.file_of(energy, folder.RESULTS_JSON), windows, reader)
            else:
                self._read_bin(energy, windows, reader)
        except UnreadableError as error:
            reader.note(DefectCode.TRACE_UNREADABLE, error.where or energy, str(error))
            self._by_number.clear()

    def _read_json(self, path: Path, windows: Sequence[log.PrintedWindow], reader: Reader) -> None:
        content = reader.optional(path, quiet=True)
        if not content:
            return
        self.source = path.relative_to(reader.root).as_posix()
        lengths_s = {window.number: window.seconds for window in windows}
        trials = raw_trace.read_trials(content, str(path), lengths_s)
        for number, trial in trials.items():
            self._by_number[number] = trial.trace
            self.voltage_v = trial.voltage_v or self.voltage_v
            if trial.inferences:
                self._inferences[number] = trial.inferences
            if trial.trace.markers > 2:
                got = f"{trial.trace.markers} markers in trial {number}: the last two are taken"
                reader.note(DefectCode.MARKER_EXTRA, path, got)

    def _read_bin(self, energy: Path, windows: Sequence[log.PrintedWindow], reader: Reader) -> None:
        paths = sorted(energy.glob("*[-_]energy.bin"), key=lambda path: natural(path.name))
        if not paths:
            return
        path = paths[0]
        stem = path.name.removesuffix("energy.bin")
        markers_path = path.with_name(f"{stem}timestamps.json")
        content = reader.optional(path)
        markers_content = reader.optional(markers_path)
        if not content or not markers_content:
            return
        self.source = path.relative_to(reader.root).as_posix()
        energy_j, rate_hz = raw_trace.read_energy_bin(content, str(path))
        markers = raw_trace.read_markers(markers_content, str(markers_path))
        for window in windows:
            self._by_number[window.number] = raw_trace.window_of(
                energy_j, rate_hz, markers, window.number
            )

    def trace(self, number: int) -> raw_trace.TinyTrace | None:
        """Return the trace of a window; ``None`` without one."""
        return self._by_number.get(number)

    def inferences(self, number: int) -> float | None:
        """Return the inferences of a trial, as its trace states them."""
        return self._inferences.get(number)


def _run(
    number: int,
    window: log.PrintedWindow,
    raw: _RawTraces,
    shared: _Shared,
    reader: Reader,
) -> Run:
    inferences = window.inferences or raw.inferences(window.number) or shared.session.iterations
    trace = raw.trace(window.number)
    if trace is not None:
        _note_other_energy(window, trace, shared, reader)
    throughput = shared.throughput or shared.energy_throughput
    timed, channel_trace = (None, None) if trace is None else _timed(trace, window, raw, shared)
    seconds = timed.seconds if timed else window.seconds
    results_name = shared.results_path.relative_to(reader.root).as_posix()
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
        evidence=Evidence(tiny=_evidence(number, window, trace, raw, shared)),
        sources=(results_name, *((raw.source,) if raw.source else ())),
    )


def _evidence(
    number: int,
    window: log.PrintedWindow,
    trace: raw_trace.TinyTrace | None,
    raw: _RawTraces,
    shared: _Shared,
) -> TinyEvidence:
    """Return what the files state of a window, the `number`-th of its run."""
    session = shared.session
    energies_uj = [] if trace is None else trace.energies_uj()
    span_s = None if window.is_trial else _item(session.spans_s, number)
    captured = _item(session.captured, window.number) if window.is_trial else None
    is_timed = trace is not None and not window.is_trial
    return TinyEvidence(
        energy_uj=window.energy_uj,
        per_inference_uj=window.per_inference_uj,
        median_uj=shared.median_uj,
        seconds=window.seconds,
        throughput=shared.throughput,
        energy_throughput=shared.energy_throughput,
        voltage_v=raw.voltage_v,
        script_voltage_v=shared.script_voltage_v,
        recomputed_uj=(min(energies_uj), max(energies_uj)) if energies_uj else None,
        start_s=trace.start_s if trace is not None and is_timed else window.start_s,
        logged_start_s=None if span_s is None else span_s[0],
        logged_seconds=None if span_s is None else span_s[1] - span_s[0],
        samples=len(trace.energy_j) if trace is not None and window.is_trial else None,
        logged_samples=None if captured is None else captured[0],
    )


def _item(items: Sequence[tuple[Any, Any]], index: int) -> tuple[Any, Any] | None:
    return items[index] if index < len(items) else None


def _energy_throughput(results: str, windows: Sequence[log.PrintedWindow]) -> float | None:
    """Return the throughput of the energy run: as it is printed, else of its windows."""
    printed = log.read_throughput(results)
    if printed is not None:
        return printed
    rates = [
        window.inferences / window.seconds
        for window in windows
        if window.inferences and window.seconds
    ]
    return statistics.median(rates) if rates and len(rates) == len(windows) else None


def _note_other_energy(
    window: log.PrintedWindow,
    trace: raw_trace.TinyTrace,
    shared: _Shared,
    reader: Reader,
) -> None:
    """Note a printed energy that the trace does not give within the rounding of its markers."""
    slack = max(PRINT_TOLERANCE * window.energy_uj, 5e-4)
    energies_uj = trace.energies_uj()
    if any(abs(energy - window.energy_uj) <= slack for energy in energies_uj):
        return
    recomputed = " or ".join(f"{energy:.3f}" for energy in sorted(energies_uj)) or "no energy"
    got = f"window {window.number} prints {window.energy_uj:.3f} uJ, its trace has {recomputed} uJ"
    reader.note(DefectCode.WINDOW_ENERGY_DIFFERS, shared.results_path, got)


def _note_other_median(runs: Sequence[Run], shared: _Shared, reader: Reader) -> None:
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
    if shared.median_uj is None or not printed:
        return
    printed_uj, where = shared.median_uj, shared.results_path
    median_uj = statistics.median(printed)
    low_uj, high_uj = statistics.median(lowest), statistics.median(highest)
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
    trace: raw_trace.TinyTrace,
    window: log.PrintedWindow,
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
        clock_error_s=raw_trace.MARKER_ERROR_S,
        current="dc",
        source=raw.source,
        extra={} if raw.voltage_v is None else {"voltage_v": raw.voltage_v},
    )
    timed = Window(start_ns + round(trace.start_s * NS), start_ns + round(trace.stop_s * NS))
    return timed, build_trace(channel, t_ns, trace.energy_j * trace.rate_hz)


FORMAT = MlperfTiny()
