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
