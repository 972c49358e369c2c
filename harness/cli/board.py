"""`joulemark board`: the results as a web site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import (
    JSON,
    OK,
    PATHS,
    TIMEOUT,
    UNREADABLE,
    cli,
    note,
    read_stored_results,
    read_tree,
    seeded,
    shows_progress,
)
from harness.cli.carbon.options import gridded
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.cli.common.progress_line import progress_line
from harness.core.errors import UsageError


@cli.command()
@PATHS
@JSON
@click.option(
    "-o",
    "--out",
    type=OutputPath(folder=True),
    help="Folder of the site: a new or empty one, or that of an earlier board.",
)
@mkdir_option
@click.option("--serve", is_flag=True, help="Then show it on 127.0.0.1 until interrupted.")
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Port of --serve; any free one by default.",
)
@click.option("--title", help="Title of the site.")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Trust file, whose keys let readers check signatures in their browsers.",
)
@gridded
@TIMEOUT
@seeded
def board(
    paths: tuple[Path, ...],
    as_json: bool,
    out: Path | None,
    serve: bool,
    port: int,
    title: str | None,
    trust: Path | None,
    timeout: float,
    level: float,
    seed: int,
    carbon: Any,
) -> int:
    """Write the results as a web site with evidence.

    It has tables, plots, a page for each result and comparisons, and needs no network and no
    server: open its index.html. Prints where it is, and the root of the hashes of all its files.
    Of a store that `collect` wrote, it has all but the readings: no plot of a trace, and nothing
    to recompute. With --serve and without --out, PATHS is a site to show.
    """
    if out is None:
        return _serve_existing(paths, serve, port)
    _refuse_inputs(out, paths)
    from harness import api
    from harness.render.store.files import are_stores

    tree: api.Tree | api.Examined
    if are_stores(paths):
        tree = read_stored_results(paths, level, seed, carbon)
    else:
        tree = read_tree(paths, timeout_s=timeout)
    with progress_line(shows_progress()) as progress:
        built = api.board(
            tree,
            out,
            level=level,
            seed=seed,
            carbon=carbon,
            trust=trust,
            title=title,
            sources=[str(path) for path in paths],
            timeout_s=timeout,
            progress=progress,
        )
    if as_json:
        from harness.cli.base import wrote

        wrote("board", [{"kind": "site", "path": str(built.index), "sha256": built.root}], as_json)
    else:
        click.echo(f"{built.index}: {built.entries} results, {built.files} files")
        click.echo(f"root {built.root}")
    if serve:
        _serve(out, port)
    return OK if built.entries else UNREADABLE


def _refuse_inputs(out: Path, paths: tuple[Path, ...]) -> None:
    """Raise UsageError where the site would replace what it is made of.

    A tree may hold the mark of a site, and its folders would be emptied.
    """
    for path in paths:
        if path.resolve().is_relative_to(out.resolve()):
            raise UsageError(
                "--out: would replace what is read",
                got=str(out),
                expected=f"a folder that does not hold {path}",
                fix="Choose another folder.",
            )


def _serve_existing(paths: tuple[Path, ...], serve: bool, port: int) -> int:
    if not serve:
        raise UsageError("--out: is missing", fix="Name the folder of the site: --out site")
    if len(paths) != 1:
        raise UsageError("--serve shows one site", got=f"{len(paths)} paths", expected="one")
    _serve(paths[0], port)
    return OK


def _serve(folder: Path, port: int) -> None:
    """Show a site until the user interrupts."""
    from harness.site.server import serving

    with serving(folder, port) as (server, address):
        click.echo(address)
        note("press Ctrl-C to stop")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            note("stopped")
