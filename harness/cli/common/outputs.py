"""Options for files and folders that a command writes.

A command creates the file or folder that is named. Folders above it are created below the working
directory only, so that a mistyped path, or one from a settings file, leaves no traces elsewhere;
with `--mkdir` they are created everywhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])
_MKDIR = "joulemark.mkdir"


class OutputPath(click.Path):
    """A path to write to; its parent must exist, lie in the working directory, or be allowed.

    Args:
        folder: Whether it is a folder; None takes both.
    """

    def __init__(self, *, folder: bool | None = False) -> None:
        super().__init__(path_type=Path, file_okay=folder is not True, dir_okay=folder is not False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path; fail where its parent would have to be created elsewhere."""
        path: Path = super().convert(value, param, ctx)  # type: ignore[assignment]
        may_create = ctx is not None and _MKDIR in ctx.meta
        parent = Path(os.path.abspath(path)).parent
        if not may_create and not parent.is_dir() and not _is_inside(parent, Path.cwd()):
            self.fail(
                f"{parent} does not exist and is outside the working directory; "
                "add --mkdir to create it",
                param,
                ctx,
            )
        return path


def _is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path stays in a folder, also through links."""
    return path.resolve().is_relative_to(folder.resolve())


def _allow(context: click.Context, _: click.Parameter, mkdir: bool) -> None:
    if mkdir:
        context.meta[_MKDIR] = True


def mkdir_option(command: Command) -> Command:
    """Add `--mkdir`, for commands with an `OutputPath`."""
    option = click.option(
        "--mkdir",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_allow,
        help="Create folders above an output also outside the working directory.",
    )
    return option(command)
