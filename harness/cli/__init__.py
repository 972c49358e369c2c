"""The command line: a thin shell over `harness.api`.

Each command imports the heavy modules that it needs, so `--help` stays fast.
"""

from harness.cli import audit, board, collect, compare, endpoint, experiment, fidelity
from harness.cli import score as results
from harness.cli import submission as sign
from harness.cli.base import cli, main
from harness.cli.carbon import footprint, report, whatif
from harness.cli.live import calibrate, director, inventory, recorded, run
from harness.cli.live.watch import watch
from harness.cli.scaffold import new

__all__ = [
    "audit",
    "board",
    "calibrate",
    "cli",
    "collect",
    "compare",
    "director",
    "endpoint",
    "experiment",
    "fidelity",
    "footprint",
    "inventory",
    "main",
    "new",
    "recorded",
    "report",
    "results",
    "run",
    "sign",
    "watch",
    "whatif",
]
