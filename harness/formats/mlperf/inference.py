"""Read MLPerf inference power results, rounds v1.0 to v5.1.

A result is a scenario folder with three runs of LoadGen::

    accuracy/accuracy.txt
    performance/power/{client.json,server.json,ptd_logs.txt}  the session with the analyzer
    performance/ranging/{mlperf_log_detail.txt,spl.txt}   finds the analyzer's ranges
    performance/run_1/{mlperf_log_detail.txt,spl.txt}     the testing run, which counts

The power session (``power/``) is shared by the ranging and the testing run.
``docs/reference/formats.md`` tells what changed from round to round.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS
from harness.formats.base import Entry, Format, Run
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader
from harness.formats.evidence import Evidence, InferenceEvidence
from harness.formats.mlperf import inference_path, loadgen_log, local_time
from harness.formats.mlperf.accuracy import read_accuracy
from harness.formats.ptdaemon import analyzer, power_session
from harness.formats.ptdaemon.electric import Electric
from harness.formats.ptdaemon.spl import read_spl
from harness.traces.time_zone import zone_shift_ns
from harness.traces.trace import Trace, Window

DETAIL = "performance/run_1/mlperf_log_detail.txt"
EMULATED_DAEMON = "-emulated,"
"""End of the version that joulemark's emulator of a PTDaemon states."""
UNCOUNTED_ROUNDS = ("mlperf-inference-v1.0", "mlperf-inference-v1.1")
"""Rounds whose LoadGen does not say how many queries a stream issued."""


class MlperfInference(Format):
    """Reader of one inference power result."""

    name = "mlperf-inference-power"
    family = "mlperf-inference"
    priority = 20
    skip_is_final = True

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Whether this is a scenario folder whose performance run was measured."""
        performance = directory / "performance"
        return (
            "performance" in names
            and not performance.is_symlink()
            and ((performance / "power").is_dir() or (performance / "run_1" / "spl.txt").is_file())
        )

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:  # noqa: ARG002
        """Say that a scenario folder has no power measurement."""
        return "no power was measured" if {"performance", "accuracy"} <= names else ""

    def surroundings(self, directory: Path) -> tuple[Path, ...]:
        """Return the folders of a submission that describe systems and power."""
        path = Path(os.path.abspath(directory))
        if len(path.parents) < 4:
            return tuple(path.parents)
        root, scenario = path.parents[3], path.parts[-3:]
        measurements = [root.joinpath("measurements", *scenario[:depth]) for depth in range(4)]
        return (*path.parents[:3], root / "systems", root / "power", *measurements)

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read the testing run, and the ranging run as evidence beside it."""
        reader = Reader(directory)
        names = inference_path.place(directory)

        # 1. The documents that both runs share.
        documents = _read_documents(directory, names, reader)

        # 2. The testing run, and what its log and the tree say of the result.
        testing = _read_loadgen_run("testing", documents, reader)
        round_name = _round(directory, testing.values, reader)
        scenario = _scenario(directory, testing.values, reader)
        description = _system_description(directory, names["system"], reader)
        timed_run = _timed_run(testing, scenario, round_name, documents, names, reader)
        _note_derived_count(timed_run, scenario, round_name, reader, directory)

        # 3. The ranging run.
        ranging = _read_ranging_run(documents, reader)
        ranging_run = None if ranging is None else _ranging_run(ranging)

        # 4. The session they share; everything that was stamped in local time becomes UTC.
        session = _session(documents, testing, ranging)
        if round_name == local_time.ROUND:
            shift_ns = _local_time_shift_ns(session, timed_run, reader)
            if shift_ns:
                session = replace(session, utc_shift_ns=shift_ns)
                timed_run = local_time.moved(timed_run, shift_ns)
                ranging_run = ranging_run and local_time.moved(ranging_run, shift_ns)

        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            round=round_name,
            task="inference",
            submitter=names["submitter"],
            system=names["system"],
            benchmark=names["benchmark"],
            scenario=scenario,
            division=names["division"],
            runs=(_with_session(timed_run, session),),
            ranging=ranging_run,
            system_description=description,
            simulated=_is_simulated(description, documents.server),
            defects=tuple(reader.defects),
        )


def _is_simulated(description: Mapping[str, Any] | None, server: Mapping[str, Any]) -> bool:
    """Return whether the description, or a PTDaemon itself, says that nothing was measured."""
    notes = str((description or {}).get("hw_notes", ""))
    return "SIMULATED" in notes or EMULATED_DAEMON in str(server.get("ptd_messages", ""))


@dataclass(frozen=True, slots=True)
class _Documents:
    """What the ranging and the testing run share.

    Attributes:
        performance: The folder ``performance``.
        server: The document ``power/server.json``.
        client: The document ``power/client.json``.
        ptd_log: Bytes of ``power/ptd_logs.txt``.
        clock_error_s: Largest difference of the two machines' clocks [s]; ``None`` if unknown.
        owner: Submitter and system, who own an analyzer without a serial number.
    """

    performance: Path
    server: Mapping[str, Any]
    client: Mapping[str, Any]
    ptd_log: bytes
    clock_error_s: float | None
    owner: str


def _read_documents(directory: Path, names: Mapping[str, str], reader: Reader) -> _Documents:
    power = f"{directory}/performance/power"
    server = reader.document(f"{power}/server.json")
    client = reader.document(f"{power}/client.json")
    return _Documents(
        performance=directory / "performance",
        server=server,
        client=client,
        ptd_log=reader.optional(f"{power}/ptd_logs.txt"),
        clock_error_s=analyzer.clock_error_s(client, server),
        owner=f"{names['submitter']}/{names['system']}",
    )


@dataclass(frozen=True, slots=True)
class _LoadgenRun:
    """One run of LoadGen and the readings taken meanwhile.

    Attributes:
        id: Name of its folder.
        values: Values of its detail log.
        window: ``power_begin`` to ``power_end``, on the clock of the readings.
        traces: Of its spl.txt.
        electric: Voltage, current and power factor of its spl.txt.
        meter: The analyzer with the ranges of this run.
    """

    id: str
    values: Mapping[str, Any]
    window: Window | None
    traces: tuple[Trace, ...]
    electric: Electric | None
    meter: analyzer.Analyzer

    @property
    def sources(self) -> tuple[str, str]:
        """The files it was read from, relative to the entry."""
        folder = f"performance/{self.id}"
        return f"{folder}/mlperf_log_detail.txt", f"{folder}/spl.txt"


def _read_loadgen_run(
    mode: power_session.Mode, documents: _Documents, reader: Reader
) -> _LoadgenRun:
    folder = documents.performance / power_session.FOLDERS[mode]
    meter = analyzer.analyzer(documents.server, documents.ptd_log, mode)
    values, window = _read_detail(f"{folder}/mlperf_log_detail.txt", reader)
    traces, electric = _read_readings(folder, meter, documents, reader)
    if window is not None and traces:
        window = _in_zone_of_readings(window, traces[0], reader, folder)
    return _LoadgenRun(folder.name, values, window, traces, electric, meter)


def _read_ranging_run(documents: _Documents, reader: Reader) -> _LoadgenRun | None:
    folder = documents.performance / power_session.FOLDERS["ranging"]
    if not folder.is_dir():
        reader.note(DefectCode.FILE_UNREADABLE, folder, "no folder of a ranging run")
        return None
    return _read_loadgen_run("ranging", documents, reader)


def _read_detail(path: str, reader: Reader) -> tuple[Mapping[str, Any], Window | None]:
    content = reader.optional(path)
    values, broken = loadgen_log.read_detail(content)
    if broken:
        reader.note(DefectCode.MLLOG_LINE_BROKEN, path, f"{broken} lines", broken)
    try:
        window = loadgen_log.window(values, path)
    except UnreadableError as error:
        reader.note(DefectCode.WINDOW_UNREADABLE, path, error.got)
        return values, None
    if content and window is None:
        reader.note(DefectCode.WINDOW_MISSING, path, "no power_begin or no power_end")
    return values, window


def _read_readings(
    folder: Path, meter: analyzer.Analyzer, documents: _Documents, reader: Reader
) -> tuple[tuple[Trace, ...], Electric | None]:
    path = f"{folder}/spl.txt"
    content = reader.optional(path)
    if not content:
        return (), None
    try:
        spl = read_spl(content, path, meter.channels)
    except UnreadableError as error:
        reader.note(DefectCode.TRACE_UNREADABLE, path, error.message)
        return (), None
    try:
        traces = analyzer.traces(
            spl,
            meter,
            owner=documents.owner,
            clock_error=documents.clock_error_s,
            source=f"performance/{folder.name}/spl.txt",
        )
    except UnreadableError as error:
        reader.note(DefectCode.TRACE_UNREADABLE, path, error.message)
        return (), spl.electric
    if spl.broken:
        reader.note(DefectCode.TRACE_LINE_BROKEN, path, f"{spl.broken} lines", spl.broken)
    return traces, spl.electric


def _in_zone_of_readings(window: Window, trace: Trace, reader: Reader, folder: Path) -> Window:
    """Move the window where LoadGen's clock and the readings' are a time zone apart."""
    shift_ns = zone_shift_ns(trace, window)
    if not shift_ns:
        return window
    got = f"{shift_ns / NS / 3600:+g} h between readings and power_begin"
    reader.note(DefectCode.ZONE_SHIFT, folder / "spl.txt", got)
    return Window(window.start_ns - shift_ns, window.stop_ns - shift_ns)


def _session(
    documents: _Documents, testing: _LoadgenRun, ranging: _LoadgenRun | None
) -> power_session.Session:
    values: dict[power_session.Mode, Mapping[str, Any]] = {"ranging": {}, "testing": testing.values}
    electric: dict[power_session.Mode, Electric] = {}
    if testing.electric is not None:
        electric["testing"] = testing.electric
    if ranging is not None:
        values["ranging"] = ranging.values
        if ranging.electric is not None:
            electric["ranging"] = ranging.electric
    return power_session.Session(
        documents.performance, documents.server, documents.client, values, electric
    )


def _timed_run(
    testing: _LoadgenRun,
    scenario: str,
    round_name: str,
    documents: _Documents,
    names: Mapping[str, str],
    reader: Reader,
) -> Run:
    accuracy = reader.optional(f"{documents.performance.parent}/accuracy/accuracy.txt", quiet=True)
    evidence = InferenceEvidence(
        loadgen=testing.values,
        server=documents.server,
        client=documents.client,
        identity=testing.meter.identity,
        range_w=testing.meter.range_w,
    )
    run = _run(testing, scenario, round_name, evidence)
    return replace(run, quality=read_accuracy(accuracy, names["benchmark"]))


def _ranging_run(ranging: _LoadgenRun) -> Run:
    scenario = loadgen_log.scenario_of(ranging.values, "")
    return _run(ranging, scenario, "", InferenceEvidence(loadgen=ranging.values))


def _run(
    loadgen_run: _LoadgenRun, scenario: str, round_name: str, evidence: InferenceEvidence
) -> Run:
    values, window = loadgen_run.values, loadgen_run.window
    seconds = window.seconds if window else None
    validity = values.get("result_validity")
    return Run(
        id=loadgen_run.id,
        window=window,
        traces=loadgen_run.traces,
        work=loadgen_log.work(values, scenario, seconds),
        performance=loadgen_log.performance(values, scenario, round_name, seconds),
        seconds=seconds,
        success=None if validity is None else validity == "VALID",
        evidence=Evidence(inference=evidence),
        sources=loadgen_run.sources,
    )


def _with_session(run: Run, session: power_session.Session) -> Run:
    """Return the run with the logs of its session, once they are known to be in UTC or not."""
    inference = run.evidence.inference or InferenceEvidence()
    inference = replace(inference, session=session, utc_shift_ns=session.utc_shift_ns)
    return replace(run, evidence=Evidence(inference=inference))


def _local_time_shift_ns(session: power_session.Session, run: Run, reader: Reader) -> int:
    """Return what makes UTC of the local stamps of round v1.0 [ns].

    It is 0 where the stamps are UTC already, or where window and readings do not agree.
    """
    if run.window != session.window("testing"):
        return 0
    shift_ns = local_time.utc_shift_ns(session, "testing")
    if shift_ns:
        got = f"stamps in local time, {shift_ns / NS / 3600:+g} h to UTC"
        reader.note(DefectCode.LOCAL_TIME, session.directory.parent / DETAIL, got)
    return shift_ns


def _scenario(directory: Path, values: Mapping[str, Any], reader: Reader) -> str:
    scenario = loadgen_log.scenario_of(values, directory.name)
    ran, folder = loadgen_log.ran(values), loadgen_log.named(directory.name)
    if loadgen_log.inferred(values, scenario):
        reader.note(DefectCode.SCENARIO_INFERRED, directory / DETAIL, f"inferred from a {ran} run")
    elif folder and scenario != folder:
        reader.note(
            DefectCode.SCENARIO_DIFFERS, directory / DETAIL, f"a {ran} run in a folder {folder}"
        )
    return scenario


def _note_derived_count(
    run: Run, scenario: str, round_name: str, reader: Reader, directory: Path
) -> None:
    """Note a count of queries that the log of a stream does not state itself."""
    values = run.evidence.loadgen
    ran = loadgen_log.ran(values) or scenario
    if run.work is None or ran not in loadgen_log.STREAMS:
        return
    issued = loadgen_log.issued(values, run.seconds)
    if issued is None or issued.by == "result_query_count":
        return
    got = f"no result_query_count: {issued.queries:.0f} queries by {issued.by} and the window"
    code = DefectCode.COUNT_DERIVED if round_name in UNCOUNTED_ROUNDS else DefectCode.COUNT_MISSING
    reader.note(code, directory / DETAIL, got)


def _round(directory: Path, values: Mapping[str, Any], reader: Reader) -> str:
    """Return the round that the tree states, else that of LoadGen's version."""
    by_tree, by_log = inference_path.round_of(directory), loadgen_log.round_of(values)
    if by_tree and by_log not in ("", by_tree):
        got = f"LoadGen is of {by_log}, the tree of {by_tree}"
        reader.note(DefectCode.ROUND_DIFFERS, directory / DETAIL, got)
    return by_tree or by_log


def _system_description(directory: Path, system: str, reader: Reader) -> Mapping[str, Any] | None:
    parents = Path(os.path.abspath(directory)).parents
    if len(parents) < 4 or parents[2].name != "results":
        return None
    return reader.document(parents[3] / "systems" / f"{system}.json") or None


FORMAT = MlperfInference()
