"""Time MLPerf's result summarizer on the same package, as a function call and as a command.

In one process the draws of a seed exist already, as for the second package of a tree; the row after
it is for the first package.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.start_speed import run
from benchmarks.table import Row, compare
from harness import api
from harness.uncertainty import random_draws as draws

RULES = ("training", "4.0.0")


def rows(package: Path, pairs: int) -> Iterator[Row]:
    """Three rows; none where the peer is not installed."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            from mlperf_logging.result_summarizer.result_summarizer import summarize_results
    except ImportError as error:
        print(f"peer left out: {error}", file=sys.stderr)
        return
    peer = "mlperf-logging result_summarizer"

    def theirs() -> None:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            summary, *_ = summarize_results(str(package), *RULES)
        if not len(summary):
            raise RuntimeError("the peer found no result")

    def ours() -> None:
        api.score(package)

    yield compare(
        "score of 8 nodes x 10 runs, one process",
        ours,
        peer,
        theirs,
        pairs=pairs,
        bar=20,
        at_least=True,
    )
    yield compare(
        "the same, with fresh draws",
        ours,
        peer,
        theirs,
        pairs=pairs,
        at_least=True,
        before=draws.clear_draws,
    )
    command = [sys.executable, "-m", "mlperf_logging.result_summarizer", str(package), *RULES]
    yield compare(
        "the same, whole commands",
        lambda: run("-m", "harness", "score", str(package)),
        peer,
        lambda: subprocess.run(
            command, cwd=package.parent, check=True, capture_output=True, timeout=600
        ),
        pairs=max(1, pairs // 3),
        at_least=True,
    )
