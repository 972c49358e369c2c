"""MLPerf inference power results: `performance/{power,ranging,run_1}` below a scenario folder.

Formats by MLPerf's power-dev tools, rounds v1.0 to v5.1; docs/reference/formats.md tells what changed when.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS
from harness.formats.base import Entry, Quality, Run
from harness.formats.entry_reader import Reader
from harness.formats.mlperf import inference_path as inference_place
from harness.formats.mlperf import loadgen_log, local_time
from harness.formats.mlperf.accuracy import read_accuracy
from harness.formats.ptdaemon import analyzer as ptd
from harness.formats.ptdaemon import power_session as ptd_session
from harness.formats.ptdaemon.spl import Electric, read_spl
from harness.traces.time_zone import zone_shift_ns
from harness.traces.trace import Trace, Window

DETAIL = "performance/run_1/mlperf_log_detail.txt"
UNCOUNTED = ("mlperf-inference-v1.0", "mlperf-inference-v1.1")
"""Rounds whose LoadGen does not say how many queries a stream issued."""


class MlperfInference:
    """Reader of one inference power result."""

    name = "mlperf-inference-power"

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """A scenario folder whose performance run was measured."""
        performance = directory / "performance"
        return (
            "performance" in names
            and not performance.is_symlink()
            and ((performance / "power").is_dir() or (performance / "run_1" / "spl.txt").is_file())
        )

    def read(self, directory: Path, entry_id: str) -> Entry:
        """The entry: one testing run, and the ranging run as evidence."""
        performance = directory / "performance"
        place = inference_place.place(directory)
        log = Reader(directory)
        server, client = (
            log.document(f"{performance}/power/{side}.json") for side in ("server", "client")
        )
        ptd_log = log.optional(f"{performance}/power/ptd_logs.txt")
        clock_error = ptd.clock_error_s(client, server)
        owner = f"{place['submitter']}/{place['system']}"
        testing = ptd.analyzer(server, ptd_log, "testing")
        electric: dict[ptd_session.Mode, Electric] = {}
        run, values = self._run(performance / "run_1", testing, owner, clock_error, log, electric)
        accuracy = log.optional(f"{directory}/accuracy/accuracy.txt", quiet=True)
        round_name = _round(directory, values, log)
        scenario = _scenario(directory, values, log)
        description = _system(directory, place["system"], log)
        facts: dict[str, Any] = {
            "values": values,
            "server": server,
            "client": client,
            "identity": testing.identity,
            "range_w": testing.range_w,
        }
        run = _complete(
            run, values, scenario, round_name, read_accuracy(accuracy, place["benchmark"]), facts
        )
        _note_count(run, scenario, round_name, log, directory)
        ranging = self._ranging(
            performance / "ranging", server, ptd_log, owner, clock_error, log, electric
        )
        said: dict[ptd_session.Mode, Mapping[str, Any]] = {
            "ranging": ranging.facts["values"] if ranging else {},
            "testing": values,
        }
        session = ptd_session.Session(performance, server, client, said, electric)
        shift_ns = _local(session, run, log) if round_name == local_time.ROUND else 0
        if shift_ns:
            facts["utc_shift_ns"] = shift_ns
            session = replace(session, utc_shift_ns=shift_ns)
            run, ranging = (
                local_time.moved(run, shift_ns),
                ranging and local_time.moved(ranging, shift_ns),
            )
        facts["session"] = session
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            round=round_name,
            task="inference",
            submitter=place["submitter"],
            system=place["system"],
            benchmark=place["benchmark"],
            scenario=scenario,
            division=place["division"],
            runs=(run,),
            ranging=ranging,
            system_description=description,
            simulated="SIMULATED" in str((description or {}).get("hw_notes", "")),
            defects=tuple(log.defects),
        )

    def _run(
        self,
        folder: Path,
        meter: ptd.Analyzer,
        owner: str,
        clock_error: float | None,
        log: Reader,
        electric: dict[ptd_session.Mode, Electric],
    ) -> tuple[Run, dict[str, Any]]:
        detail_path, spl_path = (
            f"{folder}/{name}" for name in ("mlperf_log_detail.txt", "spl.txt")
        )
        detail = log.optional(detail_path)
        values, broken = loadgen_log.read_detail(detail)
        if broken:
            log.note("mllog-line-broken", detail_path, f"{broken} lines", broken)
        try:
            window = loadgen_log.window(values, detail_path)
            if detail and window is None:
                log.note("window-missing", detail_path, "no power_begin or no power_end")
        except UnreadableError as error:
            window = None
            log.note("window-unreadable", detail_path, error.got)
        traces: tuple[Trace, ...] = ()
        if content := log.optional(spl_path):
            try:
                spl = read_spl(content, spl_path, meter.channels)
                electric["ranging" if folder.name == "ranging" else "testing"] = spl.electric
                traces = ptd.traces(
                    spl,
                    meter,
                    owner=owner,
                    clock_error=clock_error,
                    source=f"performance/{folder.name}/spl.txt",
                )
                if spl.broken:
                    log.note("trace-line-broken", spl_path, f"{spl.broken} lines", spl.broken)
            except UnreadableError as error:
                log.note("trace-unreadable", spl_path, error.message)
        window = _in_trace_zone(window, traces, log, folder)
        sources = tuple(
            f"performance/{folder.name}/{name}" for name in ("mlperf_log_detail.txt", "spl.txt")
        )
        return Run(id=folder.name, window=window, traces=traces, sources=sources), values

    def _ranging(
        self,
        folder: Path,
        server: Mapping[str, Any],
        ptd_log: bytes,
        owner: str,
        error: float | None,
        log: Reader,
        electric: dict[ptd_session.Mode, Electric],
    ) -> Run | None:
        if not folder.is_dir():
            log.note("file-unreadable", folder, "no folder of a ranging run")
            return None
        run, values = self._run(
            folder, ptd.analyzer(server, ptd_log, "ranging"), owner, error, log, electric
        )
        return _complete(
            run, values, loadgen_log.scenario(values, ""), "", None, {"values": values}
        )


def _complete(
    run: Run,
    values: dict[str, Any],
    scenario: str,
    round_name: str,
    quality: Quality | None,
    facts: dict[str, Any],
) -> Run:
    seconds = run.window.seconds if run.window else None
    validity = values.get("result_validity")
    return Run(
        id=run.id,
        window=run.window,
        traces=run.traces,
        work=loadgen_log.work(values, scenario, seconds),
        performance=loadgen_log.performance(values, scenario, round_name, seconds),
        quality=quality,
        seconds=seconds,
        success=None if validity is None else validity == "VALID",
        facts=facts,
        sources=run.sources,
    )


def _in_trace_zone(
    window: Window | None, traces: tuple[Trace, ...], log: Reader, folder: Path
) -> Window | None:
    """The window in the trace's time zone, where the two clocks differ by a zone."""
    if window is None or not traces:
        return window
    shift = zone_shift_ns(traces[0], window)
    if not shift:
        return window
    log.note(
        "zone-shift",
        folder / "spl.txt",
        f"{shift / NS / 3600:+g} h between readings and power_begin",
    )
    return Window(window.start_ns - shift, window.stop_ns - shift)


def _local(session: ptd_session.Session, run: Run, log: Reader) -> int:
    """What makes the stamps of round v1.0 UTC [ns]; 0 where they are, or where window and readings do not agree."""
    shift = (
        local_time.utc_shift_ns(session, "testing")
        if run.window == session.window("testing")
        else 0
    )
    if shift:
        log.note(
            "local-time",
            session.directory.parent / DETAIL,
            f"stamps in local time, {shift / NS / 3600:+g} h to UTC",
        )
    return shift


def _scenario(directory: Path, values: dict[str, Any], log: Reader) -> str:
    found, ran, folder = (
        loadgen_log.scenario(values, directory.name),
        loadgen_log.ran(values),
        loadgen_log.named(directory.name),
    )
    if loadgen_log.inferred(values, found):
        log.note("scenario-inferred", directory / DETAIL, f"inferred from a {ran} run")
    elif folder and found != folder:
        log.note("scenario-differs", directory / DETAIL, f"a {ran} run in a folder {folder}")
    return found


def _note_count(run: Run, scenario: str, round_name: str, log: Reader, directory: Path) -> None:
    values = run.facts["values"]
    if run.work is None or (loadgen_log.ran(values) or scenario) not in loadgen_log.STREAMS:
        return
    found = loadgen_log.issued(values, run.seconds)
    if found is not None and found.by != "result_query_count":
        got = f"no result_query_count: {found.queries:.0f} queries by {found.by} and the window"
        if round_name in UNCOUNTED:
            log.note("count-derived", directory / DETAIL, got)
        else:
            log.note("count-missing", directory / DETAIL, got)


def _round(directory: Path, values: dict[str, Any], log: Reader) -> str:
    """The round that the tree states, else that of LoadGen's version."""
    by_tree, by_log = inference_place.round_of(directory), loadgen_log.round_of(values)
    if by_tree and by_log not in ("", by_tree):
        log.note(
            "round-differs", directory / DETAIL, f"LoadGen is of {by_log}, the tree of {by_tree}"
        )
    return by_tree or by_log


def _system(directory: Path, system: str, log: Reader) -> Mapping[str, Any] | None:
    parents = Path(os.path.abspath(directory)).parents
    if len(parents) < 4 or parents[2].name != "results":
        return None
    return log.document(parents[3] / "systems" / f"{system}.json") or None


FORMAT = MlperfInference()
