"""The command line: a thin shell over `harness.api`. Heavy modules are imported by the command that needs them."""

from harness.cli import compare, footprint, results, run, whatif
from harness.cli.base import cli, main

__all__ = ["cli", "compare", "footprint", "main", "results", "run", "whatif"]
