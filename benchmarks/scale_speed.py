"""Time the audit of many results: by the number of copies, and two processes against one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row, clock, compare
from harness import api

BOUND_JOBS = 1.7
"""How much faster two processes must be than one."""


def rows(tree: Path, folder: Path, copies: int, pairs: int) -> Iterator[Row]:
    """Two rows. The processes of a pool are started before the clock: half a second that no tree
    makes longer."""
    for number in range(copies):
        shutil.copytree(tree, folder / f"copy-{number}", copy_function=os.link)
    one, many = (
        min(clock(lambda: _audit(tree, 1)) for _ in range(9)),
        clock(lambda: _audit(folder, 1)),
    )
    yield Row(
        f"audit of {copies} copies of the tree",
        many,
        f"{copies} times one",
        copies * one,
        (many / one / copies,),
        1.1,
    )
    yield compare(
        f"audit of {copies} copies, two processes",
        lambda: _audit(folder, 2),
        "one process",
        lambda: _audit(folder, 1),
        pairs=pairs,
        bar=BOUND_JOBS,
        at_least=True,
    )


def _audit(tree: Path, jobs: int) -> None:
    report = api.audit(tree, jobs=jobs)
    if report.unreadable:
        raise RuntimeError(f"cannot be read: {report.unreadable[0]}")
