"""Commands of the auditor: audit, rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import (
    FINDINGS,
    JSON,
    OK,
    PATHS,
    UNJUDGED,
    UNREADABLE,
    Number,
    cli,
    complain_of,
    emit,
    note,
    progress,
    read_tree,
)

if TYPE_CHECKING:
    from harness.auditing.report import Report
    from harness.formats.base import Entry

FILE = click.Path(path_type=Path, dir_okay=False)


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
@click.option("--html", type=FILE, help="Write one self-contained page with a plot of each trace.")
@click.option("--sarif", type=FILE, help="Write SARIF 2.1.0 for code-review tools.")
@click.option("--junit", type=FILE, help="Write JUnit XML for CI.")
@click.option(
    "--trust",
    type=FILE,
    help="Trust file: also check signatures, and warn of unsigned submissions.",
)
@click.option(
    "-j",
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Number of processes.",
)
@click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    type=Number(1, 1e6),
    metavar="SECONDS",
    help="Time limit for one entry; an entry that takes longer is unjudged.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print every finding, skipped rules too.")
def audit(
    paths: tuple[Path, ...],
    as_json: bool,
    round_name: str | None,
    select: str,
    ignore: str,
    strict: bool,
    html: Path | None,
    sarif: Path | None,
    junit: Path | None,
    trust: Path | None,
    jobs: int,
    timeout: float,
    verbose: bool,
) -> int:
    """Check every entry against the rules of its round.

    Takes run directories, packed submissions and MLPerf result trees. Exits with 1 if an entry
    is invalid, and with 3 if none is but one could not be judged.
    """
    from harness import api
    from harness.auditing.engine import choose
    from harness.auditing.rules.rulebook import rulebook
    from harness.core.files import write_text

    chosen = {"select": _ids(select), "ignore": _ids(ignore)}
    choose(**chosen)  # a wrong name is said before anything is read
    if round_name is not None:
        rulebook(round_name)
    options: dict[str, Any] = {
        "round_name": round_name,
        "jobs": jobs,
        "timeout_s": timeout,
        "trust": trust,
        **chosen,
    }
    entries: tuple[Entry, ...] = ()
    if jobs > 1 and html is None:  # pictures need the traces here
        with progress(api.search(*paths), "Reading") as items:
            report = api.audit(items, **options)
        complain_of(report)
    else:
        tree = read_tree(paths, jobs=jobs, timeout_s=timeout)
        report, entries = api.audit(tree, **options), tree.entries
    for path, form in ((html, "html"), (sarif, "sarif"), (junit, "junit")):
        if path is not None:
            write_text(path, _rendered(report, entries, form, strict))
            note(f"wrote {path}")
    if as_json:
        from harness.render.audit_json import audit_document

        emit("audit-report", audit_document(report, round_name))
    else:
        from harness.render.terminal.report import audit_text

        click.echo(audit_text(report, verbose=verbose), nl=False)
    return _code(report, strict)


def _ids(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _rendered(report: Report, entries: tuple[Entry, ...], form: str, strict: bool) -> str:
    if form == "html":
        from harness.render.audit_html import audit_html

        return audit_html(report, entries)
    if form == "sarif":
        from harness.render.sarif import sarif_text

        return sarif_text(report)
    from harness.render.junit import junit_text

    return junit_text(report, strict=strict)


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
    from harness.auditing.engine import find_rule
    from harness.render.terminal.rules import rule_text, rules_document, rules_text

    rule = None if name is None else find_rule(name)
    if as_json:
        emit("rules", rules_document() if rule is None else rules_document([rule]))
    else:
        click.echo(rules_text() if rule is None else rule_text(rule), nl=False)
    return OK
