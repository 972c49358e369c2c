"""A power session of MLPerf Inference from beginning to end, and the package it leaves.

    joulemark run WORKLOAD --scenario S --meter ptdaemon:host=...,log=FILE --mlperf-session
    joulemark run WORKLOAD --scenario S --meter scpi:host=... --mlperf-session

The package lies below OUT as a submission to MLPerf has it; our own run directories, read from it,
lie beside it in OUT/runs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.files import MAX_FILE_BYTES, read_bytes, write_text
from harness.formats.load import read
from harness.formats.run_directory_writer import write_entry
from harness.live.director.package import LOADGEN_LOGS, client_files, sources
from harness.live.director.power_client import PowerClient
from harness.live.director.power_server import (
    EMULATED_LABEL,
    SETTLE_S,
    DirectedAnalyzer,
    PowerServer,
    SessionFailed,
    named_failure,
)
from harness.live.director.remote import Director, LocalDirector, RemoteDirector
from harness.live.director.scpi_analyzer import ScpiAnalyzer
from harness.live.measure import Notify, Plan, prepare, silent
from harness.live.system import collect
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.lines import LineClient
from harness.meters.network.clients.ptdaemon import PtdClient
from harness.meters.network.clients.scpi import DEFAULT_PORT as SCPI_PORT
from harness.meters.network.clients.scpi import LINKS, ScpiClient
from harness.meters.registry import MeterSpec
from harness.runners.base import Job
from harness.runners.process import execute

DAEMON, SCPI = "ptdaemon", "scpi"
OPTIONS = {
    DAEMON: frozenset({"host", "port", "log", "timeout"}),
    SCPI: frozenset({"host", "port", "link", "elements", "timeout"}),
}
"""The meters that can direct, and the options that they take."""
DEFAULT_PORT, TIMEOUT_S = 8888, 15.0
MAX_ELEMENTS = 6
"""Elements of the largest analyzer."""
RUNS, LOGS, SYSTEMS = "runs", "logs", "systems"
EMULATED_NOTE = "SIMULATED: the readings come from an emulated PTDaemon"


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """How to run a session.

    Attributes:
        meters: The analyzers, as `--meter` names them: PTDaemons, each with the option `log`, or
            analyzers over SCPI.
        ntp: Time server to compare with; "" for none.
        director: HOST:PORT of a director on another machine; "" for one in this process.
        settle_s: Pause before each Go and each Stop [s].
    """

    meters: Sequence[MeterSpec]
    ntp: str = ""
    director: str = ""
    settle_s: float = SETTLE_S


@dataclass(frozen=True, slots=True)
class WrittenSession:
    """What a session left.

    Attributes:
        package: Folder of the result, as MLPerf has it.
        runs: Our run directories, read from it.
        emulated: Whether a PTDaemon was emulated.
    """

    package: Path
    runs: Sequence[Path]
    emulated: bool


def run_session(plan: Plan, request: SessionRequest, notify: Notify = silent) -> WrittenSession:
    """Make a power session of a workload under LoadGen.

    Args:
        plan: The workload; its meters are not used.
        request: How to run the session.
        notify: Called with a line for the user.

    Raises:
        JoulemarkError: The session cannot be made, or fails.
    """
    if plan.entry.task != "inference":
        raise UsageError(
            "a power session runs a workload under LoadGen",
            where="--mlperf-session",
            got=plan.entry.benchmark,
            expected="a workload of MLPerf Inference, like image-classification",
        )
    out = plan.entry.directory.parent.parent
    package = _package_folder(plan, out)
    if package.exists():
        raise UsageError(
            "there is a session already", where=str(package), fix="Choose another --out."
        )
    director = _director(request)
    client = PowerClient(director.ask, request.ntp)
    prepare(plan, notify)
    logs = {"ranging": out / LOGS / "ranging", "testing": out / LOGS / "run_1"}
    try:
        client.run(_workload(plan, logs, notify), sources())
        files = client_files(client, logs) | director.files()
    finally:
        director.close()
    for path, content in files.items():
        write_text(package / "performance" / path, content)
    emulated = EMULATED_LABEL in client.session
    _write_accuracy(plan, package)
    _write_system(plan, package, emulated)
    notify(f"package: {package}")
    return WrittenSession(package, _write_runs(package, out / RUNS), emulated)


def _director(request: SessionRequest) -> Director:
    """Return the director of a session: in this process, or on another machine.

    Raises:
        JoulemarkError: It, or one of its PTDaemons, cannot be used.
    """
    if request.director:
        return RemoteDirector(request.director)
    return LocalDirector(power_server(request.meters, request.settle_s))


def power_server(meters: Sequence[MeterSpec], settle_s: float = SETTLE_S) -> PowerServer:
    """Return a director's side whose analyzers answer.

    Args:
        meters: The analyzers, as `--meter` names them.
        settle_s: Pause before each Go and each Stop [s].

    Raises:
        JoulemarkError: One cannot direct, does not answer, or its log cannot be read.
    """
    analyzers = [_analyzer(spec, number) for number, spec in enumerate(meters, 1)]
    _identify(analyzers)
    return PowerServer(analyzers, settle_s=settle_s)


def _package_folder(plan: Plan, out: Path) -> Path:
    entry = plan.entry
    submitter = entry.submitter or "unnamed"
    results = out / entry.division / submitter / "results"
    return results / entry.system / entry.benchmark / entry.scenario


def _analyzer(spec: MeterSpec, number: int) -> DirectedAnalyzer:
    """Return the analyzer of a `--meter`.

    Raises:
        UsageError: It is neither a PTDaemon nor an analyzer that speaks SCPI, or an option is
            wrong or missing.
    """
    allowed = OPTIONS.get(spec.name, frozenset())
    unknown = sorted(spec.options.keys() - allowed)
    if not allowed or unknown:
        raise UsageError(
            "a power session is measured by PTDaemons, or by analyzers over SCPI",
            where=f"--meter {spec.name}",
            got=", ".join(unknown) or spec.name,
            expected="ptdaemon:host=HOST,log=FILE or scpi:host=HOST",
            fix="Measure other meters in a run of their own.",
        )
    return (_over_scpi if spec.name == SCPI else _over_daemon)(spec, number)


def _over_daemon(spec: MeterSpec, number: int) -> DirectedAnalyzer:
    log = spec.options.get("log")
    if not log:
        raise UsageError(
            "the log of the PTDaemon is not named",
            where="--meter ptdaemon",
            expected="log=FILE, the file that its option -l names",
            fix="MLPerf's package contains it as ptd_logs.txt.",
        )
    address, timeout_s = _place(spec, DEFAULT_PORT)
    lines = LineClient(address.host, address.port, timeout_s)
    command = ("(runs already)", "-p", str(address.port))
    return DirectedAnalyzer(number, PtdClient(lines), functools.partial(_read_log, log), command)


def _over_scpi(spec: MeterSpec, number: int) -> DirectedAnalyzer:
    link = options.choice(SCPI, "link", spec.options.get("link", "") or LINKS[0], LINKS)
    address, timeout_s = _place(spec, SCPI_PORT)
    client = ScpiClient(address.host, address.port, link, timeout_s)
    analyzer = ScpiAnalyzer(client, _elements(spec.options.get("elements", "")))
    return DirectedAnalyzer(number, analyzer, analyzer.log_text, ("(no PTDaemon: SCPI)",))


def _elements(text: str) -> Sequence[int]:
    """Return the elements that an option like `1+2+3` names; the first where it is empty.

    Raises:
        UsageError: They are none of an analyzer.
    """
    words = text.split("+") if text else ["1"]
    elements = [int(word) for word in words if word.isdecimal() and len(word) == 1]
    is_valid = len(elements) == len(words) == len(set(elements))
    if not is_valid or not set(elements) <= set(range(1, MAX_ELEMENTS + 1)):
        raise UsageError(
            "names no elements of an analyzer",
            where=f"{SCPI}:elements",
            got=text,
            expected=f"numbers from 1 to {MAX_ELEMENTS}, like 1+2+3",
        )
    return sorted(elements)


def _place(spec: MeterSpec, default_port: int) -> tuple[options.Address, float]:
    """Return address and time limit [s] of an analyzer."""
    stated = spec.options
    address = options.address(
        spec.name, stated.get("host", ""), stated.get("port", ""), default_port
    )
    timeout_s = options.number(
        spec.name, "timeout", stated.get("timeout", ""), TIMEOUT_S, 0.1, options.MAX_TIMEOUT_S
    )
    return address, timeout_s


def _read_log(path: str) -> str:
    """Return what a PTDaemon has logged.

    Raises:
        UnreadableError: Its log cannot be read.
    """
    return read_bytes(Path(path), limit=MAX_FILE_BYTES).decode("utf-8", "replace")


def _identify(analyzers: Sequence[DirectedAnalyzer]) -> None:
    """Check that each daemon answers and its log can be read."""
    try:
        for analyzer in analyzers:
            analyzer.client.open()
            analyzer.client.close()
            analyzer.log_text()
    except PeerFailed as error:
        raise named_failure(error) from None


def _workload(plan: Plan, logs: dict[str, Path], notify: Notify) -> Callable[[str], None]:
    """Return what runs the workload in one mode.

    It raises SessionFailed where LoadGen leaves no logs.
    """

    def run(mode: str) -> None:
        job = Job(logs[mode], 1 if mode == "ranging" else 2, plan.seeds[0])
        notify(f"{mode}: the workload runs")
        environment = {"JOULEMARK_LOG": str(job.log.absolute()), "JOULEMARK_SEED": str(job.seed)}
        environment |= dict(plan.runner.environment)
        result = execute(plan.runner.command(job), job.log, lambda: None, environment)
        missing = [name for name in LOADGEN_LOGS if not (job.log / name).is_file()]
        if missing:
            raise SessionFailed("the workload wrote no logs of LoadGen", where=str(job.log))
        outcome = plan.runner.outcome(job, result)
        for advice in outcome.advice:
            notify(f"{mode}: {advice}")

    return run


def _write_accuracy(plan: Plan, package: Path) -> None:
    """Write what the accuracy run reached, in the words of MLPerf's script for classification."""
    quality = getattr(plan.runner, "quality", None)
    if quality is not None:
        write_text(package / "accuracy" / "accuracy.txt", f"accuracy={100 * quality.value:.3f}%\n")


def _write_system(plan: Plan, package: Path, emulated: bool) -> None:
    """Write the description of the system as MLPerf names its fields."""
    document: dict[str, Any] = collect() | {
        "submitter": plan.entry.submitter or "unnamed",
        "system_name": plan.entry.system,
        "division": plan.entry.division,
        "number_of_nodes": 1,
    }
    if emulated:
        document["hw_notes"] = EMULATED_NOTE
    systems = package.parents[3] / SYSTEMS
    write_text(systems / f"{plan.entry.system}.json", json.dumps(document, indent=4) + "\n")


def _write_runs(package: Path, out: Path) -> list[Path]:
    """Write our own run directories beside the package."""
    tree = read(package.parents[4])
    folders: list[Path] = []
    for entry in tree.entries:
        if entry.directory.resolve() == package.resolve() or package in entry.directory.parents:
            folders += write_entry(entry, out / entry.benchmark / entry.scenario)
    return folders
