"""Identical systems through the command line: how often does `joulemark compare` call one better?

Two entries of equal true energy are written as run directories, read back and compared by the
command.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from benchmarks.laboratory.tables import TableCell, entries_of
from harness.cli import cli
from harness.formats.run_directory_writer import write_entry

SEED = 20210410


@dataclass(frozen=True)
class Verdicts:
    """Share of each verdict of `joulemark compare`."""

    counts: Counter[str]

    @property
    def told_apart(self) -> float:
        """Share of pairs of which one is called better."""
        wrong = self.counts["better"] + self.counts["worse"]
        return wrong / sum(self.counts.values())


def pairs_of_cells() -> list[TableCell]:
    """Return kinds of pairs of identical systems."""

    def scales(cv: float) -> Callable[[np.random.Generator], np.ndarray]:
        return lambda rng: np.full(2, cv) + 0 * rng.uniform()

    tie = (0.0, 0.0)
    return [
        TableCell(name="three runs each, CV 1 %", truth=tie, scales=scales(0.01), n=(3, 3)),
        TableCell(name="five runs each, CV 1 %", truth=tie, scales=scales(0.01), n=(5, 5)),
        TableCell(
            name="one timed run each with a ranging run, CV 1 %",
            truth=tie,
            scales=scales(0.01),
            n=(1, 1),
            pairs=True,
        ),
        TableCell(name="one run each, CV 1 %", truth=tie, scales=scales(0.01), n=(1, 1)),
    ]


def compare_pairs(cell: TableCell, count: int, seed: int = SEED) -> Verdicts:
    """Compare `count` pairs of identical systems through the command line."""
    counts: Counter[str] = Counter()
    for number in range(count):
        rng = np.random.default_rng([seed, number, *(ord(letter) for letter in cell.name)])
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for entry in entries_of(cell, rng):
                path = Path(folder, entry.id.replace(" ", "-"))
                write_entry(entry, path)
                paths.append(str(path))
            result = CliRunner().invoke(cli, ["compare", *paths, "--json"])
            assert result.exit_code == 0, result.output
            counts[json.loads(result.stdout)["verdict"]] += 1
    return Verdicts(counts)
