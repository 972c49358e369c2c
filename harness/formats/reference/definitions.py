"""Where MLPerf changed what a benchmark is, while its name stayed.

``definitions.csv`` has a row for each change: the family of rounds, the first version with it, the
benchmark and scenario that it is about (empty for all), and the source. It lists what is known, and
is not complete.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """A row of ``definitions.csv``.

    Attributes:
        family: Family of rounds, such as ``mlperf-inference``.
        version: Major and minor number of the first round with it.
        benchmark: The benchmark; "" for all.
        scenario: The scenario; "" for all.
        change: What is new, and what was before.
        source: Where the rules state it.
    """

    family: str
    version: tuple[int, int]
    benchmark: str
    scenario: str
    change: str
    source: str

    def is_about(self, family: str, benchmark: str, scenario: str) -> bool:
        """Return whether it concerns a benchmark and scenario of a family."""
        same_benchmark = self.benchmark in ("", benchmark)
        return self.family == family and same_benchmark and self.scenario in ("", scenario)


@functools.cache
def definition_changes() -> tuple[DefinitionChange, ...]:
    """Return all rows."""
    path = Path(__file__).with_suffix(".csv")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_change(row) for row in csv.DictReader(file))


def _change(row: dict[str, str]) -> DefinitionChange:
    major, minor = row["version"].split(".")
    return DefinitionChange(
        family=row["family"],
        version=(int(major), int(minor)),
        benchmark=row["benchmark"],
        scenario=row["scenario"],
        change=row["change"],
        source=row["source"],
    )
