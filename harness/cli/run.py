"""Commands that measure: run, merge, replay, workloads, meters, doctor, pack."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from harness.cli.base import FINDINGS, JSON, OK, Number, cli, complain, emit, wrote

OUT = click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.",
)


@cli.command()
@click.argument("what", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--command",
    "command",
    is_flag=True,
    help="Measure any program: run --command -- program arguments.",
)
@click.option(
    "--meter",
    "meters",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,...]",
    help="A meter; may be repeated.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 1000),
    help="Timed runs; the workload says how many by default.",
)
@click.option("--scenario", help="Scenario of the workload, like Offline.")
@click.option(
    "--interval",
    default=0.1,
    show_default=True,
    type=Number(0.001, 3600),
    help="Between reads [s].",
)
@click.option(
    "--idle", default=3.0, show_default=True, type=Number(0, 3600), help="Before and after [s]."
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Of the first run; the next adds 1.",
)
@click.option("--name", help="Name of the benchmark, for --command.")
@click.option("--system", default="this machine", show_default=True, help="Name of the system.")
@click.option("--submitter", default="", help="Who runs it.")
@click.option(
    "--division",
    default="open",
    show_default=True,
    type=click.Choice(["closed", "open"]),
    help="Division.",
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting of the workload, like target_qps=50.",
)
@click.option(
    "--meet",
    default="",
    metavar="HOST:PORT",
    help="Where rank 0 of a run on several machines waits.",
)
@JSON
@OUT
def run(
    what: tuple[str, ...],
    command: bool,
    repeat: int | None,
    scenario: str | None,
    out: Path,
    as_json: bool,
    **given: Any,
) -> int:
    """Run a workload (or any program) under meters, and record it so that nothing is lost."""
    from harness.live.measure import measure
    from harness.live.plan import Settings, describe, plan_command, plan_workload
    from harness.runners.workload import workload

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a batch system's way to say Ctrl-C
    settings = Settings(
        out=out,
        meters=given["meters"],
        interval_s=given["interval"],
        idle_s=(given["idle"], given["idle"]),
        repeat=repeat,
        seed=given["seed"],
        system=given["system"],
        submitter=given["submitter"],
        division=given["division"],
        options=_options(given["pairs"]),
        meet=given["meet"],
    )
    if command:
        plan = plan_command(what, settings, name=given["name"])
    elif len(what) == 1:
        plan = plan_workload(workload(what[0]), settings, scenario=scenario)
    else:
        raise click.UsageError("Name one workload, or write --command -- program arguments.")
    if plan.rank.number:  # rank 0 speaks for all
        for _ in measure(plan):
            pass
        return OK
    _say("meters: " + ", ".join(str(asked.spec) for asked in plan.meters))
    written: list[dict[str, Any]] = []
    for done in measure(plan, _say):
        describe(plan, done.nodes)
        _say(f"{done.folder}: {_summary(done)}")
        for advice in done.outcome.advice:
            complain(f"{done.folder.name}: {advice}")
        written.append(
            {
                "kind": "run",
                "path": str(done.folder),
                "window_s": done.outcome.window.seconds,
                "valid": done.outcome.success,
                "summary": _summary(done),
                "notes": list(done.outcome.advice),
            }
        )
    _say(f"now: joulemark score {plan.entry.directory}")
    if as_json:
        wrote("run", written, as_json)
    return FINDINGS if any(item["valid"] is False for item in written) else OK


def _summary(done: Any) -> str:
    outcome = done.outcome
    parts = [f"window {outcome.window.seconds:.2f} s"]
    if outcome.performance:
        parts.append(f"{outcome.performance.value:.4g} {outcome.performance.unit}")
    if outcome.quality:
        target = (
            f" (target {outcome.quality.target:g})" if outcome.quality.target is not None else ""
        )
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
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@JSON
def merge(paths: tuple[Path, ...], as_json: bool) -> int:
    """Make runs of several machines whole, when the folders of all ranks lie in RUN/ranks."""
    from harness.live.merge_ranks import merge as make_whole

    for folder in paths:
        make_whole(folder)
    wrote("merge", [{"kind": "run", "path": str(folder)} for folder in paths], as_json)
    return OK


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--realtime", is_flag=True, help="Take as long as the runs took.")
@JSON
@OUT
def replay(paths: tuple[Path, ...], realtime: bool, as_json: bool, out: Path) -> int:
    """Play recorded runs (of any format that can be read) through the same pipeline: the same bytes each time."""
    from harness.live.replay import replay as play

    folders = play(*paths, out=out, realtime=realtime, say=_say)
    wrote("replay", [{"kind": "run", "path": str(folder)} for folder in folders], as_json)
    return OK


@cli.command()
@JSON
def workloads(as_json: bool) -> int:
    """What can be run here."""
    from harness.live import inventory
    from harness.render.terminal.inventory import workloads_text

    found = inventory.workloads()
    _inventory({"workloads": found}, workloads_text(found), as_json)
    return OK


@cli.command()
@JSON
def meters(as_json: bool) -> int:
    """What can be measured here, with what accuracy, and what to do about the rest."""
    from harness.live import inventory
    from harness.render.terminal.inventory import meters_text

    found = inventory.meters()
    _inventory({"meters": found}, meters_text(found), as_json)
    return OK


@cli.command()
@JSON
def doctor(as_json: bool) -> int:
    """What is missing on this machine, with the exact fix. Exit status 1 where nothing can be run and measured."""
    from harness.live import inventory
    from harness.render.terminal.inventory import doctor_text

    found = inventory.everything()
    _inventory(found, doctor_text(found), as_json)
    return (
        OK
        if all(any(item["ready"] for item in found[name]) for name in ("meters", "workloads"))
        else FINDINGS
    )


def _inventory(found: dict[str, Any], text: str, as_json: bool) -> None:
    from harness.core.schemas import SCHEMA_VERSION

    if as_json:
        emit("inventory", {"schema_version": SCHEMA_VERSION} | found)
    else:
        click.echo(text, nl=False)


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--system",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The vendor's YAML.",
)
@click.option(
    "--division",
    default="open",
    show_default=True,
    type=click.Choice(["closed", "open"]),
    help="Division.",
)
@click.option(
    "--force", is_flag=True, help="Pack also what an audit refuses, and mark the submission."
)
@click.option("--private", is_flag=True, help="Pack also what names this machine or its user.")
@JSON
@OUT
def pack(
    paths: tuple[Path, ...],
    system: Path,
    division: str,
    force: bool,
    private: bool,
    as_json: bool,
    out: Path,
) -> int:
    """A submission of run directories: manifest, hashes, system description."""
    from harness.submission.pack import pack as make_pack

    done = make_pack(paths, system, out, division=division, force=force, private=private)
    for pointer, said in done.missing:
        complain(f"{system}#{pointer} says nothing: {said}")
    for reason in done.forced:
        complain(f"packed by force: {reason}")
    notes = [f"{pointer} says nothing: {said}" for pointer, said in done.missing]
    made = {
        "kind": "submission",
        "path": str(done.folder),
        "valid": not done.forced,
        "notes": [*notes, *done.forced],
    }
    wrote("pack", [made], as_json)
    return FINDINGS if done.forced else OK
