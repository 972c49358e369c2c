"""From what a person asks for to a plan: which entry, which runner, which meters."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.core.schemas import write_document
from harness.formats.base import NATIVE, Entry
from harness.formats.run_directory import SYSTEM
from harness.live.distributed.launcher import rank
from harness.live.measure import IDLE_S, Plan
from harness.live.recording import unwritable
from harness.live.system import collect
from harness.meters import MeterSpec, make, parse
from harness.meters.base import Unavailable
from harness.meters.sampler_process import MeterRequest
from harness.runners.base import Runner
from harness.runners.command import Command
from harness.runners.workload import Workload

ROUND = "joulemark-2026"
AUTOMATIC = ("rapl", "nvml")
"""Meters that are used where they are there and nobody asked for any; they measure different parts."""
FALLBACK = "estimator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to run. meters: as the command line writes them; interval_s: between reads [s]; idle_s: before, after [s]

    meet: where rank 0 waits for the others of a run on several machines, "" for the folder `out` that they share
    """

    out: Path
    meters: Sequence[str] = ()
    interval_s: float = 0.1
    idle_s: tuple[float, float] = (IDLE_S, IDLE_S)
    repeat: int | None = None
    seed: int = 1
    system: str = "this machine"
    submitter: str = ""
    division: str = "open"
    options: Mapping[str, Any] = field(default_factory=dict)
    meet: str = ""


def meters(settings: Settings) -> list[MeterRequest]:
    """The meters that are asked for, or those that are there. An option `interval` of any meter is its own."""
    specs = (
        [parse(text) for text in settings.meters] or [*available(AUTOMATIC)] or [parse(FALLBACK)]
    )
    return [_asked(spec, settings.interval_s) for spec in specs]


def _asked(spec: MeterSpec, interval_s: float) -> MeterRequest:
    options = dict(spec.options)
    text = options.pop("interval", str(interval_s))
    try:
        own = float(text)
    except ValueError:
        own = 0.0
    if not 0.001 <= own <= 3600:
        raise UsageError(
            "is not an interval",
            where=f"{spec.name}:interval",
            got=shorten(text),
            expected="seconds, 0.001 to 3600",
        )
    make(MeterSpec(spec.name, options))  # a wrong name or option is said before anything is written
    return MeterRequest(MeterSpec(spec.name, options), own)


def available(names: Sequence[str]) -> list[MeterSpec]:
    """Those of some meters that can be used here."""
    found = []
    for name in names:
        try:
            make(parse(name)).probe()
        except Unavailable:
            continue
        found.append(parse(name))
    return found


def plan_command(argv: Sequence[str], settings: Settings, *, name: str | None = None) -> Plan:
    """A plan for any program."""
    if not argv:
        raise UsageError(
            "no program to run", expected="joulemark run --command -- program arguments"
        )
    benchmark = name or re.sub(r"[^A-Za-z0-9._-]", "_", Path(argv[0]).name) or "command"
    entry = _entry(settings, benchmark, "", "training")
    return _plan(entry, Command(tuple(argv)), settings, settings.repeat or 1)


def plan_workload(chosen: Workload, settings: Settings, *, scenario: str | None = None) -> Plan:
    """A plan for a workload of ours, or of a folder. Raises JoulemarkError."""
    if chosen.runner is None:
        raise UsageError(
            f"{chosen.name} is not run live",
            fix=f"{chosen.folder.name}/README.md says how it is used.",
        )
    if absent := chosen.missing():
        raise Unavailable(
            f"{chosen.name} needs packages that are not installed",
            got=", ".join(absent),
            fix=f"pip install 'joulemark[{chosen.spec['runner'].get('extra', 'workloads')}]'",
        )
    if chosen.runner == "loadgen" and rank(os.environ).of > 1:
        raise UsageError(
            f"{chosen.name} runs on one machine",
            got=f"{rank(os.environ).of} ranks",
            fix="Start one.",
        )
    how = chosen.scenario(scenario)
    entry = _entry(settings, chosen.name, how["name"], chosen.spec["task"])
    repeats = settings.repeat or int(chosen.spec.get("repeats", 5))
    return _plan(entry, _runner(chosen, how, settings), settings, repeats)


def _runner(chosen: Workload, scenario: Mapping[str, Any], settings: Settings) -> Runner:
    if chosen.runner == "training":
        from harness.runners.training import Training

        return Training(chosen.folder, chosen.spec, settings.options)
    if chosen.runner == "loadgen":
        from harness.runners.loadgen import LoadGen

        return LoadGen(chosen.folder, chosen.spec, scenario, settings.options)
    raise UsageError(
        f"{chosen.name} asks for an unknown runner",
        got=chosen.runner or "",
        expected="training, loadgen",
    )


def _entry(settings: Settings, benchmark: str, scenario: str, task: Any) -> Entry:
    return Entry(
        id="/".join(filter(None, (benchmark, scenario))),
        directory=settings.out.joinpath(benchmark, scenario)
        if scenario
        else settings.out / benchmark,
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


def _plan(entry: Entry, runner: Runner, settings: Settings, repeats: int) -> Plan:
    seeds = [settings.seed + number for number in range(repeats)]
    ours = rank(os.environ)
    return Plan(entry, runner, meters(settings), seeds, settings.idle_s, ours, settings.meet)


def describe(plan: Plan, nodes: int = 1) -> None:
    """Write the description of this machine, of which there are several, beside the runs, where none is yet.

    Raises JoulemarkError.
    """
    path = plan.entry.directory / SYSTEM
    if path.exists():
        return
    given = {
        "system_name": plan.entry.system,
        "submitter": plan.entry.submitter or None,
        "number_of_nodes": nodes,
    }
    try:
        write_document("system", collect() | given, path)
    except OSError as error:
        raise unwritable(path, error) from None
