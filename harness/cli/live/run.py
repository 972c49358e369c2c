"""The command `run`: measure a workload or any program."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import FINDINGS, JSON, OK, Number, cli, complain, note, shows_progress, wrote
from harness.cli.common.progress_line import progress_line
from harness.cli.live.options import IDLE, INTERVAL, METERS, OUT, SUBMITTER, SYSTEM
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from harness.live.measure import Plan, RecordedRun
    from harness.live.plan import Settings
    from harness.runners.workload import Workload


class RunCommand(click.Command):
    """The command `run`, which says so if options of a program were parsed as its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; for an unknown option of a program, say that `--` is missing."""
        words = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if "--command" not in words or "--" in words:
                raise
            raise UsageError(
                "put -- before the command",
                where=error.option_name,
                expected="joulemark run --command [OPTIONS] -- program arguments",
                fix="What follows -- is passed on as it is.",
            ) from error


@cli.command(cls=RunCommand)
@click.argument("words", metavar="[WORKLOAD]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--command",
    "command",
    is_flag=True,
    help="Measure any program; put -- before it.",
)
@METERS
@click.option(
    "-n",
    "--repeat",
    type=click.IntRange(1, 1000),
    help="Number of timed runs; by default what the workload asks for.",
)
@click.option("--scenario", help="Scenario of the workload, like Offline.")
@INTERVAL
@IDLE
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Seed of the first run; each further run adds 1.",
)
@click.option("--name", help="Name of the benchmark that --command measures.")
@SYSTEM
@SUBMITTER
@click.option(
    "--division",
    default="open",
    show_default=True,
    type=click.Choice(["closed", "open"]),
    help="Division to submit to.",
)
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Setting of the workload, like target_qps=50; repeat for several.",
)
@click.option(
    "--meet",
    default="",
    metavar="HOST:PORT",
    help="Address at which rank 0 waits for the other machines.",
)
@click.option(
    "--shared-meter",
    "shared_meters",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,...]",
    help="Meter of equipment that all machines share, like a switch; rank 0 reads it.",
)
@click.option(
    "--shared-power",
    "shared_power",
    multiple=True,
    metavar="NAME=WATTS[*SHARE]",
    help="Shared equipment that nobody measures: rated power, and the share of this job.",
)
@click.option(
    "--rank-timeout",
    default=3600.0,
    show_default=True,
    type=Number(1, 31_536_000),
    help="How long a rank whose work has ended waits for the other ranks [s].",
)
@click.option(
    "--anchor",
    default="",
    metavar="FILE|URL",
    help="Append the heads of the journals' hash chains there each minute.",
)
@click.option(
    "--time-stamp",
    default="",
    metavar="URL",
    help="Let this authority (RFC 3161) stamp the plan and, each minute, the journals.",
)
@click.option(
    "--plan-key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Sign the plan of the runs with this private key before the first run.",
)
@click.option(
    "--calibration",
    type=click.Path(dir_okay=False),
    help="Document of joulemark calibrate: lag, averaging, quantum and limits of the sensors.",
)
@click.option(
    "--calibration-key",
    default="",
    type=click.Path(dir_okay=False),
    help="Public key that must have signed --calibration.",
)
@click.option("--resume", is_flag=True, help="Keep the complete runs in OUT; make the others.")
@click.option(
    "--mlperf-session",
    is_flag=True,
    help="Make a power session of MLPerf Inference with the PTDaemons, or the analyzers over SCPI, "
    "that --meter names.",
)
@click.option("--ntp", default="", metavar="HOST", help="Time server of --mlperf-session.")
@click.option(
    "--director",
    default="",
    metavar="HOST:PORT",
    help="Director of --mlperf-session on another machine, in place of --meter.",
)
@JSON
@OUT
def run(
    words: tuple[str, ...],
    command: bool,
    repeat: int | None,
    scenario: str | None,
    out: Path,
    as_json: bool,
    **options: Any,
) -> int:
    """Run a workload or any program under meters.

    Each run becomes a run directory below OUT that survives crashes: readings are on disk as
    soon as they are taken.

    \b
        joulemark run digits-training --meter rapl --repeat 5 --out runs
        joulemark run --command --name mine --out runs -- ./train.sh --epochs 3
    """
    from harness.live.plan import Settings, plan_command
    from harness.runners.workload import find_workload

    settings = Settings(
        out=out,
        meters=options["meters"],
        interval_s=options["interval"],
        idle_s=(options["idle"], options["idle"]),
        repeat=repeat,
        seed=options["seed"],
        system=options["system"],
        submitter=options["submitter"],
        division=options["division"],
        options=_options(options["pairs"]),
        meet=options["meet"],
        anchor=options["anchor"],
        calibration=options["calibration"] or "",
        calibration_key=options["calibration_key"],
        authority=options["time_stamp"],
        plan_key=_plan_key(options["plan_key"]),
        resume=options["resume"],
        shared_meters=options["shared_meters"],
        shared_power=options["shared_power"],
        work_limit_s=options["rank_timeout"],
    )
    _note_calibration(settings)
    if options["mlperf_session"]:
        place = {"ntp": options["ntp"], "director": options["director"]}
        return _power_session(words, settings, scenario, place, as_json)
    if command:
        plans = [plan_command(words, settings, name=options["name"])]
    elif len(words) == 1:
        workload = find_workload(words[0])
        plans = _workload_plans(workload, settings, scenario)
        if workload.runner == "endpoint" and not as_json:
            return _perform_points(plans, out / workload.name)
    else:
        raise UsageError(
            "name one workload or one program",
            got=" ".join(words) or "neither",
            expected="joulemark run WORKLOAD, or joulemark run --command -- program arguments",
        )
    return perform(plans, as_json)


def _note_calibration(settings: Settings) -> None:
    """Say what limits the use of the calibration that was named.

    Raises:
        JoulemarkError: It cannot be used.
    """
    if not settings.calibration:
        return
    from harness.meters.calibration import read_calibration

    calibration = read_calibration(Path(settings.calibration), settings.calibration_key)
    for remark in calibration.remarks():
        note(f"calibration: {remark}")


def _plan_key(path: Path | None) -> Ed25519PrivateKey | None:
    """Read the key that signs the plan."""
    if path is None:
        return None
    from harness.cli.submission import ask_passphrase
    from harness.signing.keys import read_private

    return read_private(path, ask_passphrase)


def _power_session(
    words: tuple[str, ...],
    settings: Settings,
    scenario: str | None,
    place: dict[str, str],
    as_json: bool,
) -> int:
    """Make a power session of MLPerf Inference, and say where its package lies."""
    from dataclasses import replace

    from harness.live.director.session import SessionRequest, run_session
    from harness.live.plan import plan_workload
    from harness.meters import parse
    from harness.runners.workload import find_workload

    if len(words) != 1 or bool(settings.meters) == bool(place["director"]):
        raise UsageError(
            "a power session needs one workload, and PTDaemons or a director",
            where="--mlperf-session",
            expected="joulemark run WORKLOAD --mlperf-session --meter ptdaemon:host=HOST,log=FILE",
        )
    meters = [parse(text) for text in settings.meters]
    request = SessionRequest(meters, ntp=place["ntp"], director=place["director"])
    # the readings come from the daemons; the plan needs no meters of its own
    plan = plan_workload(
        find_workload(words[0]), replace(settings, meters=["estimator"]), scenario=scenario
    )
    written = run_session(plan, request, note)
    if written.emulated:
        complain("a PTDaemon is emulated: every log says so, and no official round takes it")
    note(f"now: joulemark audit {written.package.parents[4]}")
    if as_json:
        paths = [{"kind": "run", "path": str(folder)} for folder in written.runs]
        wrote("run", [{"kind": "submission", "path": str(written.package)}, *paths], as_json)
    return OK


def _workload_plans(workload: Workload, settings: Settings, scenario: str | None) -> list[Plan]:
    """Plan one scenario of a workload; of an LLM endpoint all of them unless one is named."""
    from harness.live.plan import plan_workload

    if workload.runner == "endpoint":
        from harness.live.endpoint import workload_points

        return list(workload_points(workload, settings, scenario))
    return [plan_workload(workload, settings, scenario=scenario)]


def _perform_points(plans: Sequence[Plan], folder: Path) -> int:
    """Make the runs of all points of an LLM endpoint, and print their table."""
    from harness.cli.endpoint import report_points

    status = perform(plans, as_json=False)
    report_points(folder, as_json=False)
    return status


def perform(plans: Sequence[Plan], as_json: bool) -> int:
    """Make the runs of some plans, one plan after the other, and say what became of each run.

    Returns:
        The exit code: 1 if a run is not valid.
    """
    from harness.cli.live.run_report import report_on
    from harness.live.measure import measure
    from harness.live.plan import describe_system

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # batch systems stop a job by SIGTERM
    written: list[dict[str, Any]] = []
    for plan in plans:
        if plan.process.rank:  # rank 0 reports for all ranks
            for _ in measure(plan):
                pass
            continue
        _announce(plan)
        is_whole = True
        with progress_line(shows_progress()) as line, _says_what_was_kept(plan):
            for recorded in measure(plan, note, line.phase):
                line.phase("")
                describe_system(plan, recorded.nodes)
                if recorded.waits_for:
                    is_whole = False
                    note(f"{recorded.folder}: recorded. {_next_step(recorded)}")
                    written.append({"kind": "run", "path": str(recorded.folder), "valid": None})
                    continue
                report = report_on(recorded)
                note(f"{recorded.folder}: {report.summary}")
                for text in report.notes:
                    complain(f"{recorded.folder.name}: {text}")
                written.append(report.document())
        if is_whole:
            note(f"now: joulemark score {plan.entry.directory}")
    if as_json and written:
        wrote("run", written, as_json)
    return FINDINGS if any(item["valid"] is False for item in written) else OK


def _next_step(recorded: RecordedRun) -> str:
    return f"{recorded.waits_for}, then: joulemark merge {recorded.folder}"


@contextmanager
def _says_what_was_kept(plan: Plan) -> Iterator[None]:
    """On an interrupt, say what was kept and what to do next."""
    try:
        yield
    except KeyboardInterrupt:
        complain(
            f"{plan.entry.directory} keeps the complete runs, and what was recorded of the last;"
            " the same command with --resume makes the missing ones"
        )
        raise


def _announce(plan: Plan) -> None:
    """Say before the start what will be measured, and how much disk it takes."""
    from harness.live.disk import needed_text

    note("meters: " + ", ".join(str(request.spec) for request in plan.meters))
    note(needed_text(plan.meters, plan.entry.directory))


def _options(pairs: tuple[str, ...]) -> dict[str, str]:
    options = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError("is no setting", where="--set", got=pair, expected="NAME=VALUE")
        options[name] = value
    return options
