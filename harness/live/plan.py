"""From what the user requests to a plan: which entry, which runner, which meters."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.documents import read_document, write_document
from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.formats.base import NATIVE, Entry, Rated
from harness.formats.run_directory import SYSTEM
from harness.live.distributed.job import TOKEN_VARIABLE, job_token
from harness.live.distributed.launcher import ProcessRank, rank_from_environment
from harness.live.distributed.rendezvous import WORK_LIMIT_S
from harness.live.measure import DEFAULT_IDLE_S, Plan
from harness.live.recording import not_writable
from harness.live.sensors.shared_equipment import PREFIX, refuse_several
from harness.live.system import collect
from harness.meters import MeterSpec, automatic, make, parse, probe
from harness.meters.base import Unavailable
from harness.meters.calibration import read_calibration
from harness.meters.sampler_process import MeterRequest
from harness.runners.base import Runner
from harness.runners.command import Command
from harness.runners.workload import Workload

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ROUND = "joulemark-2026"
FALLBACK = "estimator"
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.001, 3600.0
DEFAULT_REPEATS = 5
MAX_SHARED_W = 1e9
"""Equipment of more power is a slip of the pen [W]."""
SHARED_IDLE_SHARE = 0.5
"""Lowest plausible share of the rated power of a switch: an assumption, wide, without a source."""
FOLDER_NAME = re.compile(r"\w[\w .+-]{0,99}")
"""Names of benchmarks and scenarios become folders below --out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to run.

    Attributes:
        out: Folder below which the entry is written.
        meters: Meters as the command line writes them; empty for those that are available.
        interval_s: Time between reads [s].
        idle_s: Idle time before and after the workload [s].
        repeat: Number of runs; None for what the workload states.
        seed: Seed of the first run; each further run adds 1.
        system: Name of the system.
        submitter: Who runs it.
        division: closed or open.
        options: Settings of the workload, by name.
        meet: HOST:PORT where rank 0 of a run on several machines waits; "" for a shared folder.
        anchor: File or address that takes the heads of the journals' chains; "" for none.
        calibration: Document of `joulemark calibrate` for the sensors; "" for none.
        calibration_key: File with the public key of who signed it; "" for none.
        authority: Address of an authority that stamps them with its time; "" for none.
        plan_key: Private key that signs the plan; None for none.
        resume: Keep the complete runs that are there, and make the missing ones.
        shared_meters: Meters of equipment that all machines share, as the command line writes them.
        shared_power: Shared equipment that nobody measures, as `NAME=WATTS` or `NAME=WATTS*SHARE`.
        work_limit_s: How long a rank whose work has ended waits for that of the others [s].
        described: Fields of the system description that the user states.
    """

    out: Path
    meters: Sequence[str] = ()
    interval_s: float = 0.1
    idle_s: tuple[float, float] = (DEFAULT_IDLE_S, DEFAULT_IDLE_S)
    repeat: int | None = None
    seed: int = 1
    system: str = "this machine"
    submitter: str = ""
    division: str = "open"
    options: Mapping[str, Any] = field(default_factory=dict)
    meet: str = ""
    anchor: str = ""
    calibration: str = ""
    calibration_key: str = ""
    authority: str = ""
    plan_key: Ed25519PrivateKey | None = None
    resume: bool = False
    shared_meters: Sequence[str] = ()
    shared_power: Sequence[str] = ()
    work_limit_s: float = WORK_LIMIT_S
    described: Mapping[str, Any] = field(default_factory=dict)


def meters(settings: Settings) -> list[MeterRequest]:
    """Return the requested meters, or the available ones where none is requested.

    An option `interval` of a meter takes precedence over the common interval.
    """
    specs = [parse(text) for text in settings.meters]
    if not specs:
        specs = available() or [parse(FALLBACK)]
    path, key_file = settings.calibration, settings.calibration_key
    if path:
        read_calibration(Path(path), key_file)  # a wrong file is refused before the first run
    requests = [_request(spec, settings.interval_s) for spec in specs]
    return [replace(item, calibration=path, calibration_key=key_file) for item in requests]


def shared_meters(settings: Settings) -> list[MeterRequest]:
    """Return the meters of equipment that all machines share."""
    requests = [_request(parse(text), settings.interval_s) for text in settings.shared_meters]
    return [replace(request, journal_prefix=PREFIX) for request in requests]


def shared_power(settings: Settings) -> list[Rated]:
    """Return the shared equipment that is declared by its rated power.

    Raises:
        UsageError: A declaration has another form.
    """
    return [_rated(text) for text in settings.shared_power]


def _rated(text: str) -> Rated:
    name, equals, amount = text.partition("=")
    watts, _, share = amount.partition("*")
    try:
        power_w, part = float(watts), float(share or 1)
    except ValueError:
        power_w, part = -1.0, 0.0
    if not (name and equals and 0 < power_w < MAX_SHARED_W and 0 < part <= 1):
        raise UsageError(
            "is no power of shared equipment",
            where="--shared-power",
            got=shorten(repr(text)),
            expected="NAME=WATTS or NAME=WATTS*SHARE, like switch=350*0.25",
        )
    return Rated(
        id=name,
        power_w=power_w * part,
        boundary="interconnect",
        idle_share=SHARED_IDLE_SHARE,
        source=f"declared by the submitter: rated power {power_w:g} W, share {part:g}",
    )


def _request(spec: MeterSpec, common_interval_s: float) -> MeterRequest:
    options = dict(spec.options)
    text = options.pop("interval", str(common_interval_s))
    try:
        interval_s = float(text)
    except ValueError:
        interval_s = 0.0
    if not MIN_INTERVAL_S <= interval_s <= MAX_INTERVAL_S:
        raise UsageError(
            "is not an interval",
            where=f"{spec.name}:interval",
            got=shorten(text),
            expected=f"seconds, {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g}",
        )
    without_interval = MeterSpec(spec.name, options)
    make(without_interval)  # a wrong name or option is reported before anything is written
    return MeterRequest(without_interval, interval_s)


def available() -> list[MeterSpec]:
    """Return the meters that a run uses for which none was requested, as far as they work here."""
    usable = []
    for spec in automatic():
        try:
            probe(spec)
        except JoulemarkError:
            continue
        usable.append(spec)
    return usable


def plan_command(argv: Sequence[str], settings: Settings, *, name: str | None = None) -> Plan:
    """Plan runs of any program."""
    if not argv:
        raise UsageError(
            "no program to run", expected="joulemark run --command -- program arguments"
        )
    benchmark = name or re.sub(r"[^A-Za-z0-9._-]", "_", Path(argv[0]).name) or "command"
    entry = make_entry(settings, benchmark, "", "training")
    return make_plan(entry, Command(tuple(argv)), settings, settings.repeat or 1)


def plan_workload(workload: Workload, settings: Settings, *, scenario: str | None = None) -> Plan:
    """Plan runs of a workload.

    Args:
        workload: A workload of this installation or of a folder.
        settings: How to run it.
        scenario: Name of the scenario; None for the first.

    Raises:
        JoulemarkError: The workload cannot be run live here.
    """
    _require_runnable(workload)
    spec = workload.scenario(scenario)
    entry = make_entry(settings, workload.name, spec["name"], workload.spec["task"])
    repeats = settings.repeat or int(workload.spec.get("repeats", DEFAULT_REPEATS))
    return make_plan(entry, _runner(workload, spec, settings), settings, repeats)


def _require_runnable(workload: Workload) -> None:
    if workload.runner is None:
        raise UsageError(
            f"{workload.name} is not run live",
            fix=f"{workload.folder.name}/README.md says how it is used.",
        )
    require_packages(workload)
    world_size = rank_from_environment(os.environ).world_size
    if workload.runner == "loadgen" and world_size > 1:
        raise UsageError(
            f"{workload.name} runs on one machine", got=f"{world_size} ranks", fix="Start one."
        )


def require_packages(workload: Workload) -> None:
    """Check that the packages of a workload are installed.

    Raises:
        Unavailable: One is missing; the error names the command that installs it.
    """
    missing = workload.missing_packages()
    if missing:
        extra = workload.spec["runner"].get("extra", "workloads")
        raise Unavailable(
            f"{workload.name} needs packages that are not installed",
            got=", ".join(missing),
            fix=f"pip install 'joulemark[{extra}]'",
        )


def _runner(workload: Workload, scenario: Mapping[str, Any], settings: Settings) -> Runner:
    if workload.runner == "training":
        from harness.runners.training import Training

        return Training(workload.folder, workload.spec, settings.options)
    if workload.runner == "loadgen":
        from harness.runners.loadgen import LoadGen

        return LoadGen(workload.folder, workload.spec, scenario, settings.options)
    raise UsageError(
        f"{workload.name} names an unknown runner",
        got=workload.runner or "",
        expected="training, loadgen",
    )


def make_entry(settings: Settings, benchmark: str, scenario: str, task: Any) -> Entry:
    """Return the entry that all runs of a plan share.

    Raises:
        UsageError: The name of the benchmark cannot be that of a folder.
    """
    folders = [benchmark, scenario] if scenario else [benchmark]
    for name in folders:
        if not FOLDER_NAME.fullmatch(name):
            raise UsageError(
                "is not a name for a benchmark",
                where="--name",
                got=shorten(repr(name)),
                expected="at most 100 letters, digits, spaces and . _ + -, not first a dot",
            )
    return Entry(
        id="/".join(folders),
        directory=settings.out.joinpath(*folders),
        format=NATIVE,
        family=NATIVE,
        round=ROUND,
        task=task,
        submitter=settings.submitter,
        system=settings.system,
        benchmark=benchmark,
        scenario=scenario,
        division=settings.division,
    )


def make_plan(entry: Entry, runner: Runner, settings: Settings, repeats: int) -> Plan:
    """Return the plan of an entry, with a seed for each run.

    Raises:
        UsageError: Ranks of other jobs could not be told apart, or a meter cannot be used so.
    """
    _require_same_system(entry, settings.described)
    process = rank_from_environment(os.environ)
    _require_name_of_job(process, settings.meet)
    shared = shared_meters(settings)
    if process.rank == 0:
        refuse_several([item for request in shared for item in probe(request.spec).channels])
    return Plan(
        entry=entry,
        runner=runner,
        meters=meters(settings),
        seeds=[settings.seed + number for number in range(repeats)],
        idle_s=settings.idle_s,
        process=process,
        meet=settings.meet,
        anchor=settings.anchor,
        authority=settings.authority,
        plan_key=settings.plan_key,
        resume=settings.resume,
        shared_meters=shared,
        rated=shared_power(settings),
        work_limit_s=settings.work_limit_s,
        described=settings.described,
    )


def _require_same_system(entry: Entry, described: Mapping[str, Any]) -> None:
    """Refuse to add runs to those of a system that was described otherwise.

    Raises:
        UsageError: The description beside the runs states something else.
    """
    path = entry.directory / SYSTEM
    if not described or not path.exists():
        return
    before = read_document("system", path)
    for name, value in described.items():
        if before.get(name) != value:
            raise UsageError(
                f"the runs there are of a system with another {name}",
                where=str(path),
                got=str(value),
                expected=shorten(str(before.get(name))),
                fix="Write to another folder.",
            )


def _require_name_of_job(process: ProcessRank, meet: str) -> None:
    """Refuse to meet at a port without anything that tells this job from another one there."""
    if meet and process.world_size > 1 and not process.job and not job_token():
        raise UsageError(
            "nothing tells the ranks of this job from those of another one at this port",
            where="--meet",
            expected=f"a launcher that names the job, or the variable {TOKEN_VARIABLE}",
            fix=f"Set it to one random text on all ranks: export {TOKEN_VARIABLE}=..."
            " (openssl rand -hex 16 makes one).",
        )


def describe_system(plan: Plan, nodes: int = 1) -> None:
    """Write the description of this machine beside the runs, unless there is one.

    Args:
        plan: The plan whose entry holds the runs.
        nodes: Number of machines like this one that took part.

    Raises:
        JoulemarkError: The file cannot be written.
    """
    path = plan.entry.directory / SYSTEM
    if path.exists():
        return
    stated = {
        "system_name": plan.entry.system,
        "submitter": plan.entry.submitter or None,
        "number_of_nodes": nodes,
        **plan.described,
    }
    try:
        write_document("system", collect() | stated, path)
    except OSError as error:
        raise not_writable(path, error) from None
