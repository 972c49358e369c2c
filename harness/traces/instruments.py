"""Instruments by id, with the limits of their systematic error and who states them."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import UsageError
from harness.traces.channel import Accuracy

UNKNOWN_ANALYZER, UNKNOWN_SENSOR = "unknown-analyzer", "unknown-sensor"
"""Meters of which only the class is known: they carry the widest limit the class allows."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of `instruments.csv`.

    reading_limit_pct: limit of the part that is proportional to the reading [%]
    range_limit_pct: limit of the part that is proportional to the measuring range [%]
    power_factor_limit_pct: added to the reading limit per unit of tan(phi) [%]
    """

    id: str
    name: str
    measurement_class: str
    reading_limit_pct: float
    range_limit_pct: float
    power_factor_limit_pct: float
    status: str
    source: str

    def accuracy(
        self, *, range_w: float | None = None, power_factor: float | None = None
    ) -> Accuracy:
        """Limits at a measuring range [W] (voltage range x current range x channels) and power factor."""
        return Accuracy(
            reading_limit_pct=self.reading_limit_pct,
            range_limit_w=self.range_limit_pct / 100 * (range_w or 0.0),
            power_factor_limit_pct=self.power_factor_limit_pct,
            power_factor=power_factor,
            source=self.source,
            assumed=self.status == "class limit",
        )


@functools.cache
def instruments() -> dict[str, Instrument]:
    """All instruments of the table, by id."""
    numbers = ("reading_limit_pct", "range_limit_pct", "power_factor_limit_pct")
    with Path(__file__).with_name("instruments.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {k: float(v) if k in numbers else v for k, v in row.items()}
            for row in csv.DictReader(file)
        ]
    return {str(row["id"]): Instrument(**row) for row in rows}  # type: ignore[arg-type]


def instrument(name: str) -> Instrument:
    """The instrument with this id. Raises UsageError."""
    table = instruments()
    if name not in table:
        raise UsageError("no such instrument", got=name, expected="one of " + ", ".join(table))
    return table[name]
