"""`joulemark report PATH --standard NAME`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from harness.cli.base import JSON, OK, PATHS, UNREADABLE, cli, note, read_tree, seeded
from harness.cli.carbon.options import gridded
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.core.errors import UsageError

STANDARDS = ("annex-xi", "boamps", "sci-ai")


@cli.command()
@PATHS
@JSON
@click.option(
    "--standard",
    required=True,
    type=click.Choice(STANDARDS),
    help="annex-xi (EU AI Act), sci-ai (ISO/IEC 21031 and SCI for AI) or boamps (Boavizta).",
)
@click.option(
    "--facts",
    "facts_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What no measurement knows: a document of the schema `disclosure-facts`, YAML or JSON.",
)
@click.option("-o", "--out", type=OutputPath(), help="Write to this file instead of stdout.")
@mkdir_option
@gridded
@seeded
def report(
    paths: tuple[Path, ...],
    as_json: bool,
    standard: str,
    facts_path: Path | None,
    out: Path | None,
    level: float,
    seed: int,
    carbon: Any,
) -> int:
    """Disclose energy in the terms of a regulation or standard.

    Measured, estimated, declared and unknown figures stand apart, each measured one with its
    interval and the files behind it. Prints Markdown, or JSON with --json; boamps is always JSON,
    of exactly one result.
    """
    from harness import api
    from harness.core.documents import dump_document, read_document

    facts = {} if facts_path is None else read_document("disclosure-facts", facts_path)
    tree = read_tree(paths)
    results, reports = api.score_and_audit(tree, level=level, seed=seed, carbon=carbon)
    if standard == "boamps":
        text = json.dumps(_boamps(results, facts), indent=2) + "\n"
    else:
        from harness.render.disclosure.sheet import disclosure_document, disclosure_sheet

        verdicts = {entry_id: str(entry.verdict) for entry_id, entry in reports.items()}
        document = disclosure_document(standard, results, verdicts, facts, tree.unreadable)
        is_json = as_json or (out is not None and out.suffix.lower() == ".json")
        text = dump_document("disclosure", document) if is_json else disclosure_sheet(document)
    if out is None:
        click.echo(text, nl=False)
    else:
        from harness.core.files import write_text

        write_text(out, text)
        note(f"wrote {out}")
    return OK if results else UNREADABLE


def _boamps(results: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """Make the report of the one result there is."""
    from datetime import UTC, datetime

    from harness.render.disclosure import boamps

    if len(results) != 1:
        raise UsageError(
            "a BoAmps report is of one result",
            got=f"{len(results)} results",
            expected="1",
            fix="Name the folder of one result.",
        )
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return boamps.report(results[0], facts, moment)
