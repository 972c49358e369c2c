"""Commands that measure: run, merge, replay, workloads, meters, doctor, pack."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import (
    FINDINGS,
    JSON,
    OK,
    Number,
    cli,
    complain,
    emit,
    note,
    shows_progress,
    wrote,
)
from harness.cli.common.outputs import Command, OutputPath, mkdir_option
from harness.cli.common.progress_line import progress_line
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from harness.live.measure import Plan, RecordedRun
    from harness.live.plan import Settings
    from harness.runners.workload import Workload


def _out_option(command: Command) -> Command:
    """Add the folder to write to."""
    option = click.option(
        "-o", "--out", required=True, type=OutputPath(folder=True), help="Folder to write to."
    )
    return option(mkdir_option(command))


OUT = _out_option

# Options of all commands that record runs
METERS = click.option(
    "-m",
    "--meter",
    "meters",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,...]",
    help="Meter to read; repeat for several.",
)
INTERVAL = click.option(
    "--interval",
    default=0.1,
    show_default=True,
    type=Number(0.001, 3600),
    help="Time between two readings [s].",
)
IDLE = click.option(
    "--idle",
    default=3.0,
    show_default=True,
    type=Number(0, 3600),
    help="Idle time to record before and after each run [s].",
)
SYSTEM = click.option(
    "--system", default="this machine", show_default=True, help="Name of the system."
)
SUBMITTER = click.option("--submitter", default="", help="Name of the submitter.")


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
    help="Document of joulemark calibrate: lag, averaging and quantum of the sensors.",
)
@click.option("--resume", is_flag=True, help="Keep the complete runs in OUT; make the others.")
@click.option(
    "--mlperf-session",
    is_flag=True,
    help="Make a power session of MLPerf Inference with the PTDaemons that --meter names.",
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
        authority=options["time_stamp"],
        plan_key=_plan_key(options["plan_key"]),
        resume=options["resume"],
        shared_meters=options["shared_meters"],
        shared_power=options["shared_power"],
        work_limit_s=options["rank_timeout"],
    )
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


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, file_okay=False))
@JSON
def merge(paths: tuple[Path, ...], as_json: bool) -> int:
    """Merge the ranks of a run that several machines recorded.

    The folders of all ranks must lie in RUN/ranks.
    """
    from harness.live.merge_ranks import merge as merge_ranks

    for folder in paths:
        merge_ranks(folder)
    wrote("merge", [{"kind": "run", "path": str(folder)} for folder in paths], as_json)
    return OK


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--realtime", is_flag=True, help="Take as long as the recorded runs took.")
@JSON
@OUT
def replay(paths: tuple[Path, ...], realtime: bool, as_json: bool, out: Path) -> int:
    """Play recorded runs through the pipeline again.

    Takes every format that can be read. The same input gives the same bytes each time.
    """
    from harness.live.replay import replay as replay_runs

    folders = replay_runs(*paths, out=out, realtime=realtime, notify=note)
    wrote("replay", [{"kind": "run", "path": str(folder)} for folder in folders], as_json)
    return OK


@cli.command()
@JSON
def workloads(as_json: bool) -> int:
    """List the workloads and whether they can run here."""
    from harness.live import inventory
    from harness.render.terminal.inventory import workloads_text

    items = inventory.workloads()
    _inventory({"workloads": items}, workloads_text(items), as_json)
    return OK


@cli.command()
@click.option(
    "--probe",
    "spec",
    metavar="NAME[:OPTION=VALUE,...]",
    help="Show what this meter finds: channels, present values, and how it is recorded.",
)
@JSON
def meters(spec: str | None, as_json: bool) -> int:
    """List the meters, their channels and their accuracy.

    For a meter that cannot be used here, print what to do about it. Then show what a run without
    --meter would sum: which channel contains which, and what is not measured.

    \b
        joulemark meters --probe snmp:host=pdu-3.lab
    """
    from harness.live import inventory
    from harness.render.terminal.inventory import meters_text, probed_text

    if spec is not None:
        probed = inventory.probed_meter(spec)
        _inventory({"meters": [probed]}, probed_text(probed), as_json)
        return OK
    items, default_run = inventory.meters(), inventory.default_run()
    text = meters_text(items, default_run)
    _inventory({"meters": items, "default_run": default_run}, text, as_json)
    return OK


@cli.command()
@JSON
def doctor(as_json: bool) -> int:
    """Check this machine, and print a fix for what is missing.

    Exits with 1 if no workload can be run or nothing can be measured.
    """
    from harness.live import inventory
    from harness.render.terminal.inventory import doctor_text

    lists = inventory.everything()
    _inventory(lists, doctor_text(lists), as_json)
    for name in ("meters", "workloads"):
        if not any(item["ready"] for item in lists[name]):
            return FINDINGS
    return OK


def _inventory(lists: dict[str, Any], text: str, as_json: bool) -> None:
    from harness.core.schemas import SCHEMA_VERSION

    if as_json:
        emit("inventory", {"schema_version": SCHEMA_VERSION} | lists)
    else:
        click.echo(text, nl=False)


@cli.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--system",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="System description by the vendor (YAML).",
)
@click.option(
    "--division",
    default="open",
    show_default=True,
    type=click.Choice(["closed", "open"]),
    help="Division to submit to.",
)
@click.option(
    "--force", is_flag=True, help="Pack what an audit would refuse, and mark the submission."
)
@click.option("--private", is_flag=True, help="Pack files that name this machine or its user.")
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
    """Pack run directories into a submission.

    Writes the manifest with the hashes of all files, and the system description.
    """
    from harness.submission.pack import pack as pack_runs

    packed = pack_runs(paths, system, out, division=division, force=force, private=private)
    notes = [f"{pointer} is empty: {description}" for pointer, description in packed.missing]
    for note_text in notes:
        complain(f"{system}#{note_text}")
    for finding in packed.forced:
        complain(f"packed by force: {finding}")
    submission = {
        "kind": "submission",
        "path": str(packed.folder),
        "valid": not packed.forced,
        "notes": [*notes, *packed.forced],
    }
    wrote("pack", [submission], as_json)
    return FINDINGS if packed.forced else OK
