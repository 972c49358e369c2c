"""Options of commands whose result can be drawn (extra `pictures`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.base import note
from harness.cli.common.outputs import Command, OutputPath, mkdir_option

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture_option(command: Command) -> Command:
    """Add `--picture`, and `--mkdir` for it."""
    option = click.option(
        "--picture",
        type=OutputPath(),
        help="Also draw the result: .svg or .png (extra `pictures`).",
    )
    return option(mkdir_option(command))


def plot_option(command: Command) -> Command:
    """Add `--plot`, and `--mkdir` for it."""
    option = click.option(
        "--plot",
        type=OutputPath(),
        help="Also draw energies with their intervals: .svg or .png (extra `pictures`).",
    )
    return option(mkdir_option(command))


def write_picture(figure: Figure, path: Path) -> None:
    """Write a picture, and say where."""
    from harness.render.plots import save

    save(figure, path)
    note(f"wrote {path}")
