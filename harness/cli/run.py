"""Commands that measure: run, replay, workloads, meters, doctor, pack."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from harness.cli.base import FINDINGS, OK, cli, complain

OUT = click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")


@cli.command()
@click.argument("what", nargs=-1, type=click.UNPROCESSED)
@click.option("--command", "command", is_flag=True, help="Measure any program: run --command -- program arguments.")
@click.option("--meter", "meters", multiple=True, metavar="NAME[:OPTION=VALUE,...]", help="A meter; may be repeated.")
@click.option("--repeat", type=click.IntRange(1, 1000), help="Timed runs; the workload says how many by default.")
@click.option("--scenario", help="Scenario of the workload, like Offline.")
@click.option(
    "--interval", default=0.1, show_default=True, type=click.FloatRange(0.001, 3600), help="Between reads [s]."
)
@click.option("--idle", default=3.0, show_default=True, type=click.FloatRange(0, 3600), help="Before and after [s].")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the first run; the next adds 1.")
@click.option("--name", help="Name of the benchmark, for --command.")
@click.option("--system", default="this machine", show_default=True, help="Name of the system.")
@click.option("--submitter", default="", help="Who runs it.")
@click.option("--division", default="open", show_default=True, type=click.Choice(["closed", "open"]), help="Division.")
@click.option(
    "--set", "pairs", multiple=True, metavar="NAME=VALUE", help="A setting of the workload, like target_qps=50."
)
@OUT
def run(what: tuple[str, ...], command: bool, repeat: int | None, scenario: str | None, out: Path, **given: Any) -> int:
    """Run a workload (or any program) under meters, and record it so that nothing is lost."""
    from harness.measure import measure
    from harness.running import Settings, describe, plan_command, plan_workload
    from harness.workload import workload

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch system's way to say Ctrl-C
    settings = Settings(
        out=out, meters=given["meters"], interval_s=given["interval"], idle_s=(given["idle"], given["idle"]),
        repeat=repeat, seed=given["seed"], system=given["system"], submitter=given["submitter"],
        division=given["division"], options=_options(given["pairs"]),
    )  # fmt: skip
    if command:
        plan = plan_command(what, settings, name=given["name"])
    elif len(what) == 1:
        plan = plan_workload(workload(what[0]), settings, scenario=scenario)
    else:
        raise click.UsageError("Name one workload, or write --command -- program arguments.")
    _say("meters: " + ", ".join(str(asked.spec) for asked in plan.meters))
    invalid = False
    for done in measure(plan, _say):
        describe(plan)
        _say(f"{done.folder}: {_summary(done)}")
        for advice in done.outcome.advice:
            complain(f"{done.folder.name}: {advice}")
        invalid = invalid or done.outcome.success is False
    _say(f"now: joulemark score {plan.entry.directory}")
    return FINDINGS if invalid else OK


def _summary(done: Any) -> str:
    outcome = done.outcome
    parts = [f"window {outcome.window.seconds:.2f} s"]
    if outcome.performance:
        parts.append(f"{outcome.performance.value:.4g} {outcome.performance.unit}")
    if outcome.quality:
        target = f" (target {outcome.quality.target:g})" if outcome.quality.target is not None else ""
        parts.append(f"{outcome.quality.metric} {outcome.quality.value:.4g}{target}")
    parts.append({True: "VALID", False: "INVALID", None: "validity unknown"}[outcome.success])
    return ", ".join(parts)


def _options(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--set {pair}: write NAME=VALUE.")
        found[name] = value
    return found


def _say(text: str) -> None:
    click.echo(f"joulemark: {text}", err=True)


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--realtime", is_flag=True, help="Take as long as the runs took.")
@OUT
def replay(paths: tuple[Path, ...], realtime: bool, out: Path) -> int:
    """Play recorded runs (of any format that can be read) through the same pipeline: the same bytes each time."""
    from harness.replaying import replay as play

    for folder in play(*paths, out=out, realtime=realtime, say=_say):
        click.echo(folder)
    return OK


@cli.command()
def workloads() -> int:
    """What can be run here."""
    from harness.workload import workloads as known

    for item in known():
        scenarios = ", ".join(scenario["name"] for scenario in item.spec["scenarios"])
        absent = item.missing()
        state = "not run live" if item.runner is None else "needs " + ", ".join(absent) if absent else "ready"
        click.echo(f"{item.name:<22} {item.spec['title']} ({scenarios}): {state}")
    return OK


@cli.command()
def meters() -> int:
    """What can be measured here, with what accuracy, and what to do about the rest."""
    for name, said in _probed():
        click.echo(f"{name:<10} {said}")
    return OK


def _probed() -> list[tuple[str, str]]:
    from harness.documents.errors import JoulemarkError
    from harness.meters import make, names, parse, summary

    found = []
    for name in names():
        try:
            channels = make(parse(name)).probe()
        except JoulemarkError as error:
            need = "needs an option" in error.message
            found.append((name, summary(name) + f" {error.fix}" if need else f"not here: {error}"))
            continue
        parts = [f"{c.id} ({c.kind}, {c.boundary}, {c.accuracy.reading_limit_pct:g} % of reading)" for c in channels]
        found.append((name, "ready: " + ", ".join(parts)))
    return found


@cli.command()
def doctor() -> int:
    """What is missing on this machine, with the exact fix. Exit status 1 where nothing can be run and measured."""
    from harness.system import collect, missing
    from harness.workload import workloads as known

    probed = _probed()
    measured = [name for name, said in probed if said.startswith("ready") and name != "estimator"]
    for name, said in probed:
        click.echo(f"meter {name}: {said}")
    if not measured:
        click.echo("no meter measures this machine: results will be modelled, and are ranked apart from measured ones")
    ready = 0
    for item in known():
        if absent := item.missing():
            extra = item.spec["runner"].get("extra", "workloads")
            click.echo(f"workload {item.name}: needs {', '.join(absent)}. pip install 'joulemark[{extra}]'")
        elif item.runner:
            ready += 1
            click.echo(f"workload {item.name}: ready")
    for pointer, said in missing(collect()):
        click.echo(f"system description: {pointer} cannot be found out: {said}. Write it in the file of pack --system.")
    return OK if ready and any(said.startswith("ready") for _, said in probed) else FINDINGS


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--system", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The vendor's YAML.")
@click.option("--division", default="open", show_default=True, type=click.Choice(["closed", "open"]), help="Division.")
@click.option("--force", is_flag=True, help="Pack also what an audit refuses, and mark the submission.")
@click.option("--private", is_flag=True, help="Pack also what names this machine or its user.")
@OUT
def pack(paths: tuple[Path, ...], system: Path, division: str, force: bool, private: bool, out: Path) -> int:
    """A submission of run directories: manifest, hashes, system description."""
    from harness.packing import pack as make_pack

    done = make_pack(paths, system, out, division=division, force=force, private=private)
    for pointer, said in done.missing:
        complain(f"{system}#{pointer} says nothing: {said}")
    for reason in done.forced:
        complain(f"packed by force: {reason}")
    click.echo(done.folder)
    return FINDINGS if done.forced else OK
