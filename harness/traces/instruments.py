"""Instruments by id, with the limits of their systematic error and who states them."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.traces.channel import Accuracy

UNKNOWN_ANALYZER, UNKNOWN_SENSOR = "unknown-analyzer", "unknown-sensor"
"""Meters of which only the class is known: they carry the widest limit the class allows."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of `instruments.csv`.

    Attributes:
        id: Id of the instrument.
        name: Name in words.
        measurement_class: analyzer, sensor or modelled.
        reading_limit_pct: Limit of the part that is proportional to the reading [%].
        range_limit_pct: Limit of the part that is proportional to the measuring range [%].
        power_factor_limit_pct: Added to the reading limit per unit of tan(phi) [%].
        self_heating_v2_pct: Added to the reading limit per square of the voltage [%/V^2].
        self_heating_a2_pct: Added to the reading limit per square of the current [%/A^2].
        status: Whether the limits are stated or those of the class.
        source: Document and clause that state the limits.
    """

    id: str
    name: str
    measurement_class: str
    reading_limit_pct: float
    range_limit_pct: float
    power_factor_limit_pct: float
    self_heating_v2_pct: float
    self_heating_a2_pct: float
    status: str
    source: str

    def accuracy(
        self,
        *,
        range_w: float | None = None,
        power_factor: float | None = None,
        volts: float | None = None,
        amps: float | None = None,
    ) -> Accuracy:
        """Return the limits at a measuring range and power factor.

        Self-heating grows with voltage and current; where they are not known it is that of the
        measuring range, at which it is largest.

        Args:
            range_w: Voltage range x current range x channels [W].
            power_factor: Mean power factor of the trace.
            volts: Voltage, or voltage range [V].
            amps: Current, or current range [A].
        """
        heating_pct = self.self_heating_v2_pct * (volts or 0.0) ** 2
        heating_pct += self.self_heating_a2_pct * (amps or 0.0) ** 2
        return Accuracy(
            reading_limit_pct=self.reading_limit_pct + heating_pct,
            range_limit_w=self.range_limit_pct / 100 * (range_w or 0.0),
            power_factor_limit_pct=self.power_factor_limit_pct,
            power_factor=power_factor,
            source=self.source,
            assumed=self.status == "class limit",
        )


@functools.cache
def instruments() -> dict[str, Instrument]:
    """Return all instruments of the table, by id."""
    numbers = (
        "reading_limit_pct",
        "range_limit_pct",
        "power_factor_limit_pct",
        "self_heating_v2_pct",
        "self_heating_a2_pct",
    )
    with Path(__file__).with_name("instruments.csv").open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    for row in rows:
        row |= {name: float(row[name]) for name in numbers}
    return {row["id"]: Instrument(**row) for row in rows}


def instrument(name: str) -> Instrument:
    """Return the instrument with this id.

    Raises:
        UsageError: The table has no such instrument.
    """
    table = instruments()
    if name not in table:
        raise UsageError("no such instrument", got=name, expected="one of " + ", ".join(table))
    return table[name]
