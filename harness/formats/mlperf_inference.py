"""MLPerf inference power results: `performance/{power,ranging,run_1}` below a scenario folder.

Formats by MLPerf's power-dev tools, rounds v1.0 to v5.1; docs/formats.md tells what changed when.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.documents.errors import UnreadableError
from harness.documents.printable import well_formed
from harness.documents.times import NS
from harness.formats import loadgen_log, ptd, ptd_session
from harness.formats.base import Entry, Run
from harness.formats.reader import Reader
from harness.formats.spl import Electric, read_spl
from harness.traces.align import zone_shift_ns
from harness.traces.trace import Trace, Window


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
        place = _place(directory)
        log = Reader(directory)
        server = log.document(performance / "power" / "server.json")
        client = log.document(performance / "power" / "client.json")
        ptd_log = log.optional(performance / "power" / "ptd_logs.txt")
        clock_error = ptd.clock_error_s(client, server)
        owner = f"{place['submitter']}/{place['system']}"
        testing = ptd.analyzer(server, ptd_log, "testing")
        electric: dict[ptd_session.Mode, Electric] = {}
        run, values = self._run(performance / "run_1", testing, owner, clock_error, log, electric)
        accuracy = log.optional(directory / "accuracy" / "accuracy.txt", quiet=True)
        scenario = loadgen_log.scenario(values, directory.name)
        description = _system(directory, place["system"], log)
        facts: dict[str, Any] = {
            "values": values, "server": server, "client": client,
            "identity": testing.identity, "range_w": testing.range_w,
        }  # fmt: skip
        run = _complete(run, values, scenario, loadgen_log.read_accuracy(accuracy, place["benchmark"]), facts)
        ranging = self._ranging(performance / "ranging", server, ptd_log, owner, clock_error, log, electric)
        said: dict[ptd_session.Mode, Mapping[str, Any]] = {
            "ranging": ranging.facts["values"] if ranging else {}, "testing": values,
        }  # fmt: skip
        facts["session"] = ptd_session.Session(performance, server, client, said, electric)
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            round=loadgen_log.round_of(values),
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
        self, folder: Path, meter: ptd.Analyzer, owner: str, clock_error: float | None, log: Reader,
        electric: dict[ptd_session.Mode, Electric],
    ) -> tuple[Run, dict[str, Any]]:  # fmt: skip
        detail = log.optional(folder / "mlperf_log_detail.txt")
        values, broken = loadgen_log.read_detail(detail)
        if broken:
            log.note("mllog-line-broken", folder / "mlperf_log_detail.txt", f"{broken} lines", broken)
        try:
            window = loadgen_log.window(values, str(folder / "mlperf_log_detail.txt"))
            if detail and window is None:
                log.note("window-missing", folder / "mlperf_log_detail.txt", "no power_begin or no power_end")
        except UnreadableError as error:
            window = None
            log.note("window-unreadable", folder / "mlperf_log_detail.txt", error.got)
        traces: tuple[Trace, ...] = ()
        if content := log.optional(folder / "spl.txt"):
            try:
                spl = read_spl(content, str(folder / "spl.txt"), meter.channels)
                electric["ranging" if folder.name == "ranging" else "testing"] = spl.electric
                traces = ptd.traces(
                    spl,
                    meter,
                    owner=owner,
                    clock_error=clock_error,
                    source=f"performance/{folder.name}/spl.txt",
                )
                if spl.broken:
                    log.note("trace-line-broken", folder / "spl.txt", f"{spl.broken} lines", spl.broken)
            except UnreadableError as error:
                log.note("trace-unreadable", folder / "spl.txt", error.message)
        window = _in_trace_zone(window, traces, log, folder)
        sources = tuple(f"performance/{folder.name}/{name}" for name in ("mlperf_log_detail.txt", "spl.txt"))
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
        run, values = self._run(folder, ptd.analyzer(server, ptd_log, "ranging"), owner, error, log, electric)
        return _complete(run, values, loadgen_log.scenario(values, ""), None, {"values": values})


def _complete(run: Run, values: dict[str, Any], scenario: str, quality: Any, facts: dict[str, Any]) -> Run:
    seconds = run.window.seconds if run.window else None
    validity = values.get("result_validity")
    return Run(
        id=run.id,
        window=run.window,
        traces=run.traces,
        work=loadgen_log.work(values, scenario, seconds),
        performance=loadgen_log.performance(values, scenario),
        quality=quality,
        seconds=seconds,
        success=None if validity is None else validity == "VALID",
        facts=facts,
        sources=run.sources,
    )


def _in_trace_zone(window: Window | None, traces: tuple[Trace, ...], log: Reader, folder: Path) -> Window | None:
    """The window in the trace's time zone, where the two clocks differ by a zone."""
    if window is None or not traces:
        return window
    shift = zone_shift_ns(traces[0], window)
    if not shift:
        return window
    log.note("zone-shift", folder / "spl.txt", f"{shift / NS / 3600:+g} h between readings and power_begin")
    return Window(window.start_ns - shift, window.stop_ns - shift)


def _place(directory: Path) -> dict[str, str]:
    """Names from `<division>/<submitter>/results/<system>/<benchmark>/<scenario>`."""
    parts = tuple(map(well_formed, Path(os.path.abspath(directory)).parts))
    named = ("", "", "", *parts)
    found = {
        "scenario": named[-1],
        "benchmark": named[-2],
        "system": named[-3],
        "submitter": "",
        "division": "",
    }
    if len(parts) > 4 and parts[-4] == "results":
        found["submitter"] = parts[-5]
        division = parts[-6] if len(parts) > 5 else ""
        found["division"] = division if division in ("closed", "open", "network") else ""
    return found


def _system(directory: Path, system: str, log: Reader) -> Mapping[str, Any] | None:
    parents = Path(os.path.abspath(directory)).parents
    if len(parents) < 4 or parents[2].name != "results":
        return None
    return log.document(parents[3] / "systems" / f"{system}.json") or None


FORMAT = MlperfInference()
