"""Options that the commands that measure share."""

from __future__ import annotations

import click

from harness.cli.base import Number
from harness.cli.common.outputs import Command, OutputPath, mkdir_option


def _out_option(command: Command) -> Command:
    """Add the folder to write to."""
    option = click.option(
        "-o", "--out", required=True, type=OutputPath(folder=True), help="Folder to write to."
    )
    return option(mkdir_option(command))


OUT = _out_option

METERS = click.option(
    "-m",
    "--meter",
    "meters",
    multiple=True,
    metavar="NAME[:OPTION=VALUE,...]",
    help="Meter to read; repeat for several.",
)
INTERVAL = click.option(
    "--interval",
    default=0.1,
    show_default=True,
    type=Number(0.001, 3600),
    help="Time between two readings [s].",
)
IDLE = click.option(
    "--idle",
    default=3.0,
    show_default=True,
    type=Number(0, 3600),
    help="Idle time to record before and after each run [s].",
)
SYSTEM = click.option(
    "--system", default="this machine", show_default=True, help="Name of the system."
)
SUBMITTER = click.option("--submitter", default="", help="Name of the submitter.")
