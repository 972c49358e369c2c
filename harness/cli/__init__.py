"""The command line: a thin shell over `harness.api`. Heavy modules are imported by the command that needs them."""

from harness.cli import audit, compare, endpoint, footprint, run, whatif
from harness.cli import score as results
from harness.cli import submission as sign
from harness.cli.base import cli, main

__all__ = [
    "audit",
    "cli",
    "compare",
    "endpoint",
    "footprint",
    "main",
    "results",
    "run",
    "sign",
    "whatif",
]
