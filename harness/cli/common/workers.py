"""Options of commands whose work on many entries may be shared out."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import click

from harness.cli.common.outputs import Command


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work.

    Attributes:
        jobs: Number of processes of this machine.
        scheduler: Address of a Dask scheduler; None for this machine.
    """

    jobs: int = 1
    scheduler: str | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether other processes than this one do it."""
        return self.jobs > 1 or self.scheduler is not None

    def options(self) -> dict[str, Any]:
        """Return the arguments of the functions of `harness.api`."""
        return {"jobs": self.jobs, "scheduler": self.scheduler}


def workers_option(command: Command) -> Command:
    """Add `--jobs` and `--scheduler`, and give the command one argument `workers`."""

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
    @functools.wraps(command)
    def wrapped(*args: Any, jobs: int, scheduler: str | None, **options: Any) -> Any:
        return command(*args, workers=Workers(jobs, scheduler), **options)

    return wrapped  # type: ignore[return-value]
