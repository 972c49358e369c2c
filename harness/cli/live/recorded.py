"""Commands on recorded runs: merge, replay."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import JSON, OK, cli, note, wrote
from harness.cli.live.options import OUT


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
