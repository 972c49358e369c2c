"""Commands of the auditor: audit, rules."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import (
    FINDINGS,
    JSON,
    OK,
    PATHS,
    TIMEOUT,
    UNJUDGED,
    UNREADABLE,
    check_suffix,
    cli,
    complain_of,
    emit,
    note,
    shows_progress,
)
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.cli.common.progress_line import progress_line
from harness.cli.common.workers import workers_option
from harness.core.executors.workers import Workers

if TYPE_CHECKING:
    from harness.auditing.changes import Change
    from harness.auditing.report import Report
    from harness.core.progress import Progress
    from harness.formats.base import Entry
    from harness.render.style import Style

MAX_WIDTH = 120
"""Columns that text is wrapped to on a wider terminal."""
FILE = click.Path(path_type=Path, dir_okay=False)
FORM_BY_SUFFIX = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".sarif": "sarif",
    ".xml": "junit",
}


@cli.command()
@PATHS
@JSON
@click.option(
    "--round",
    "round_name",
    help="Judge by the rulebook of this round, whatever round an entry states.",
)
@click.option(
    "--select",
    default="",
    metavar="RULES",
    help="Apply only these rules: ids, separated by commas.",
)
@click.option("--ignore", default="", metavar="RULES", help="Do not apply these rules.")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@mkdir_option
@click.option(
    "--html", type=OutputPath(), help="Write one self-contained page with a plot of each trace."
)
@click.option(
    "-o",
    "--out",
    "outs",
    multiple=True,
    type=OutputPath(),
    help="Write the report to this file, in the form of its suffix: .html, .json, .sarif, .xml "
    "(JUnit). May be repeated.",
)
@click.option("--sarif", type=OutputPath(), help="Write SARIF 2.1.0 for code-review tools.")
@click.option("--junit", type=OutputPath(), help="Write JUnit XML for CI.")
@click.option(
    "--trust",
    type=FILE,
    help="Trust file: also check signatures, and warn of unsigned submissions.",
)
@workers_option
@TIMEOUT
@click.option(
    "--output-format",
    "form",
    type=click.Choice(["concise", "grouped", "full"]),
    help="How much to print; by default concise for more than a dozen entries.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print every finding, skipped rules too.")
@click.option(
    "--since",
    type=FILE,
    help="Show what changed since this report, written by `audit --json`.",
)
def audit(
    paths: tuple[Path, ...],
    as_json: bool,
    round_name: str | None,
    select: str,
    ignore: str,
    strict: bool,
    outs: tuple[Path, ...],
    html: Path | None,
    sarif: Path | None,
    junit: Path | None,
    trust: Path | None,
    workers: Workers,
    timeout: float,
    form: str | None,
    verbose: bool,
    since: Path | None,
) -> int:
    """Check every entry against the rules of its round.

    Takes run directories, packed submissions and MLPerf result trees. Exits with 1 if an entry
    is invalid, and with 3 if none is but one could not be judged. Questioned entries exit with 1
    only with --strict.
    """
    with progress_line(shows_progress()) as progress:
        progress.phase("Loading rules")
        chosen = {"select": _ids(select), "ignore": _ids(ignore)}
        _check_names(chosen, round_name)
        earlier = None if since is None else _earlier_report(since)
        outputs = _outputs(outs, html, sarif, junit)
        options = {"round_name": round_name, "timeout_s": timeout, "trust": trust, **chosen}
        with_plots = any(form == "html" for _, form in outputs)
        report, entries = _audit(paths, workers, with_plots, options, progress)
        progress.phase("Writing")
        changes = None
        if earlier is not None:
            from harness.auditing.changes import changes_since

            changes = changes_since(earlier, report)
        document = functools.partial(_document, report, round_name, changes)
        for path, form_of_file in outputs:
            _write(path, form_of_file, report, entries, document, strict)
    complain_of(report)
    for path, _ in outputs:
        note(f"wrote {path}")

    if as_json:
        emit("audit-report", document())
    else:
        from harness.render.terminal.audit import audit_text

        shown_form = "full" if verbose else form
        text = audit_text(report, form=shown_form, style=_style(), changes=changes)  # type: ignore[arg-type]
        click.echo(text, nl=False)
    return _code(report, strict)


def _check_names(chosen: dict[str, list[str]], round_name: str | None) -> None:
    """Refuse names of rules and rounds that do not exist, before anything is read."""
    from harness.auditing.rules.rulebook import rulebook
    from harness.auditing.rules.selection import choose

    choose(**chosen)
    if round_name is not None:
        rulebook(round_name)


def _earlier_report(path: Path) -> Any:
    """Read the report of an earlier audit."""
    from harness.core.documents import read_document

    return read_document("audit-report", path)


def _audit(
    paths: tuple[Path, ...],
    workers: Workers,
    with_plots: bool,
    options: dict[str, Any],
    progress: Progress,
) -> tuple[Report, tuple[Entry, ...]]:
    """Read and judge; return the report, and the entries where plots need their traces."""
    from harness import api

    progress.phase("Searching")
    items = api.search(*paths)
    progress.phase("Reading", len(items))
    if workers.by_entry and not with_plots:
        return api.audit(items, progress=progress, **workers.options(), **options), ()
    tree = api.load(progress.track(items), jobs=workers.jobs, timeout_s=options["timeout_s"])
    report = api.audit(tree, jobs=workers.jobs, progress=progress, **options)
    return report, tree.entries if with_plots else ()


def _style() -> Style:
    """Return the width of the terminal, whether to wrap to it, and whether it shows colour."""
    from harness.render.style import WIDTH, Style

    is_terminal = sys.stdout.isatty()
    width_is_known = is_terminal or "COLUMNS" in os.environ
    columns = shutil.get_terminal_size((WIDTH, 24)).columns if width_is_known else WIDTH
    return Style(
        width=min(columns, MAX_WIDTH),
        wraps=width_is_known,
        colour=is_terminal and not os.environ.get("NO_COLOR"),
    )


def _ids(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _outputs(
    outs: tuple[Path, ...], html: Path | None, sarif: Path | None, junit: Path | None
) -> list[tuple[Path, str]]:
    """Return the files to write, each with its form; refuse a suffix of no form."""
    for path in outs:
        check_suffix(path, FORM_BY_SUFFIX, fix="Choose one of these suffixes.")
    by_option = (html, "html"), (sarif, "sarif"), (junit, "junit")
    by_suffix = [(path, FORM_BY_SUFFIX[path.suffix.lower()]) for path in outs]
    return by_suffix + [(path, form) for path, form in by_option if path is not None]


def _document(
    report: Report, round_name: str | None, changes: list[Change] | None
) -> dict[str, Any]:
    from harness.render.audit_report.document import audit_document

    return audit_document(report, round_name, changes)


def _write(
    path: Path,
    form: str,
    report: Report,
    entries: tuple[Entry, ...],
    document: Callable[[], dict[str, Any]],
    strict: bool,
) -> None:
    """Write the report to a file in one form."""
    from harness.core.files import write_text

    if form == "html":
        from harness.render.audit_report.html import audit_html

        write_text(path, audit_html(report, entries))
    elif form == "sarif":
        from harness.render.audit_report.sarif import sarif_text

        write_text(path, sarif_text(report))
    elif form == "junit":
        from harness.render.audit_report.junit import junit_text

        write_text(path, junit_text(report, strict=strict))
    else:
        from harness.core.documents import write_document

        write_document("audit-report", document(), path)


def _code(report: Report, strict: bool) -> int:
    warned = strict and any(
        finding.status == "warn" for entry in report.entries for finding in entry.findings
    )
    if report.count("invalid") or warned:
        return FINDINGS
    if not report.entries:
        return UNREADABLE
    return UNJUDGED if report.count("unjudged") else OK


@cli.command()
@click.argument("name", metavar="[ID]", required=False)
@JSON
def rules(name: str | None, as_json: bool) -> int:
    """List all rules, or explain one with its limits."""
    from harness.auditing.rules.selection import find_rule
    from harness.render.terminal.rules import rule_text, rules_document, rules_text

    rule = None if name is None else find_rule(name)
    if as_json:
        emit("rules", rules_document() if rule is None else rules_document([rule]))
    else:
        click.echo(rules_text() if rule is None else rule_text(rule), nl=False)
    return OK
