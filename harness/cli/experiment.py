"""`joulemark experiment NAME`."""

from __future__ import annotations

import signal
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
    seeded,
    shows_progress,
)
from harness.cli.common.progress_line import progress_line
from harness.cli.live.options import INTERVAL, METERS, OUT, SUBMITTER, SYSTEM

if TYPE_CHECKING:
    from harness.experiments.design import Design
    from harness.live.plan import Settings

PAGE, DOCUMENT = "index.html", "experiment.json"


@cli.command()
@click.argument("name", metavar="EXPERIMENT")
@METERS
@INTERVAL
@click.option(
    "--idle",
    default=1.0,
    show_default=True,
    type=Number(0, 3600),
    help="Idle time to record before and after each run [s].",
)
@SYSTEM
@SUBMITTER
@click.option(
    "--hourly",
    multiple=True,
    help="Series of a zone: file or PROVIDER:ZONE; the first is the runs' own. Repeat for several.",
)
@click.option("--resume", is_flag=True, help="Keep the complete runs in OUT; make the others.")
@click.option("--analyse-only", is_flag=True, help="Make no runs; analyse those in OUT.")
@JSON
@OUT
@seeded
def experiment(
    name: str,
    out: Path,
    as_json: bool,
    hourly: tuple[str, ...],
    analyse_only: bool,
    level: float,
    seed: int,
    **options: Any,
) -> int:
    """Make the runs of a registered experiment, and compare its sides.

    EXPERIMENT is a name, or a file with a design. The sides run in alternation, each to the
    registered target. OUT then holds the runs, a page (index.html) and its document
    (experiment.json). With --hourly, also says what the runs would have emitted in other zones
    and at other hours.

    \b
        joulemark experiment dense-against-sparse --out experiment
    """
    from harness.cli.carbon.options import read_series
    from harness.core.documents import write_document
    from harness.core.files import write_text
    from harness.experiments.analysis import analyse
    from harness.experiments.design import find_design
    from harness.experiments.recording import FRONTIER
    from harness.live.plan import Settings
    from harness.render.experiment.document import experiment_document
    from harness.render.experiment.terminal import experiment_text
    from harness.site.experiment_page import experiment_page

    design = find_design(name)
    zones = [read_series(text) for text in hourly]
    settings = Settings(
        out=out,
        meters=options["meters"],
        interval_s=options["interval"],
        idle_s=(options["idle"], options["idle"]),
        system=options["system"],
        submitter=options["submitter"],
        resume=options["resume"],
    )
    if not analyse_only:
        _make_runs(design, settings)
    analysis = analyse(design, out, zones, level=level, seed=seed)
    document = experiment_document(analysis)
    write_document("experiment", document, out / DOCUMENT)
    write_text(out / PAGE, experiment_page(analysis))
    if as_json:
        emit("experiment", document)
    else:
        click.echo(experiment_text(analysis), nl=False)
    note(f"the page: {out / PAGE}")
    compared = [item for item in analysis.sides if item.role != FRONTIER]
    is_valid = all(item.report.verdict != "invalid" for item in compared)
    return OK if is_valid else FINDINGS


def _make_runs(design: Design, settings: Settings) -> None:
    """Make all runs, and say what became of each."""
    from harness.cli.live.run_report import report_on
    from harness.experiments.recording import perform

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # batch systems stop a job by SIGTERM
    try:
        with progress_line(shows_progress()) as line:
            for recorded in perform(design, settings, note, line.phase):
                line.phase("")
                report = report_on(recorded)
                note(f"{recorded.folder}: {report.summary}")
                for text in report.notes:
                    complain(f"{recorded.folder.name}: {text}")
    except KeyboardInterrupt:
        complain(f"{settings.out} keeps the complete runs; --resume makes the missing ones")
        raise
