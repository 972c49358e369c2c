"""`joulemark compare A B`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import JSON, OK, cli, emit, read_tree, seeded
from harness.documents.errors import UsageError


@cli.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@JSON
@seeded
def compare(a: Path, b: Path, as_json: bool, level: float, seed: int) -> int:
    """Difference of two results with shared errors cancelled: better, worse or tied, and what would resolve it.

    A and B are folders that hold one result each.
    """
    from harness import api
    from harness.comparison import compare as compare_results
    from harness.render.comparison import comparison_document, comparison_text

    results = []
    for path in (a, b):
        tree = read_tree([path])
        if len(tree.entries) != 1:
            ids = ", ".join(entry.id for entry in tree.entries[:5])
            raise UsageError(
                "one result is compared with one", where=str(path), got=f"{len(tree.entries)} ({ids})", expected="1",
                fix="Name the folder of one result.",
            )  # fmt: skip
        results += api.score(tree, level=level, seed=seed)
    found = compare_results(*results, level=level, seed=seed)
    if as_json:
        emit("comparison", comparison_document(found))
    else:
        click.echo(comparison_text(found), nl=False)
    return OK
