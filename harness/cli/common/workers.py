"""Options of commands whose work on many entries may be shared out."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from harness.cli.common.outputs import Command
from harness.core.executors.workers import Workers


def workers_option(command: Command) -> Command:
    """Add `--jobs`, `--scheduler` and `--cache`, and give the command one argument `workers`."""

    @click.option(
        "-j",
        "--jobs",
        default=1,
        show_default=True,
        type=click.IntRange(1, 256),
        help="Number of processes.",
    )
    @click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Let the workers of a Dask scheduler do it, such as tcp://head:8786 (extra `dask`).",
    )
    @click.option(
        "--cache",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Keep outcomes here, and reuse those of entries that did not change.",
    )
    @functools.wraps(command)
    def wrapped(
        *args: Any, jobs: int, scheduler: str | None, cache: Path | None, **options: Any
    ) -> Any:
        return command(*args, workers=Workers(jobs, scheduler, cache), **options)

    return wrapped  # type: ignore[return-value]
