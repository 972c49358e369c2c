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
MIN_TEMPERATURE_C, MAX_TEMPERATURE_C = 18.0, 28.0
"""Temperatures for which manuals state the limits [°C]."""
MAX_AGE_MONTHS = 12.0
"""Time after a calibration beyond which no manual states a limit [months]."""


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
        valid_months: Time after a calibration for which these limits hold [months].
        aged_factor: Factor of the reading limit from then on, up to 12 months.
        temperature_pct_per_k: Added to the reading limit per kelvin outside 18 to 28 °C [%/K].
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
    valid_months: float
    aged_factor: float
    temperature_pct_per_k: float
    status: str
    source: str

    def accuracy(
        self,
        *,
        range_w: float | None = None,
        power_factor: float | None = None,
        volts: float | None = None,
        amps: float | None = None,
        age_months: float | None = None,
        temperature_c: float | None = None,
    ) -> Accuracy:
        """Return the limits at a measuring range and power factor.

        Self-heating grows with voltage and current; where they are not known it is that of the
        measuring range, at which it is largest. An unknown age of the calibration counts as 12
        months, the longest that manuals speak of, and an unknown temperature as 18 to 28 °C.

        Args:
            range_w: Voltage range x current range x channels [W].
            power_factor: Mean power factor of the trace.
            volts: Voltage, or voltage range [V].
            amps: Current, or current range [A].
            age_months: Time since the calibration [months].
            temperature_c: Temperature of the meter's surroundings [°C].
        """
        is_fresh = age_months is not None and age_months <= self.valid_months
        limit_pct = self.reading_limit_pct * (1.0 if is_fresh else self.aged_factor)
        heating_pct = self.self_heating_v2_pct * (volts or 0.0) ** 2
        heating_pct += self.self_heating_a2_pct * (amps or 0.0) ** 2
        if temperature_c is not None:
            beyond_k = max(MIN_TEMPERATURE_C - temperature_c, temperature_c - MAX_TEMPERATURE_C, 0)
            heating_pct += self.temperature_pct_per_k * beyond_k
        return Accuracy(
            reading_limit_pct=limit_pct + heating_pct,
            range_limit_w=self.range_limit_pct / 100 * (range_w or 0.0),
            power_factor_limit_pct=self.power_factor_limit_pct,
            power_factor=power_factor,
            source=self._source(age_months),
            assumed=self.status == "class limit",
        )

    def _source(self, age_months: float | None) -> str:
        """Return who states the limits, and what they assume of the calibration."""
        if self.measurement_class != "analyzer" or self.status == "class limit":
            return self.source
        if age_months is None:
            return f"{self.source}; calibration date unknown, 12 months taken"
        if age_months > MAX_AGE_MONTHS:
            return f"{self.source}; calibrated {age_months:.0f} months before, the limits end at 12"
        return self.source


@functools.cache
def instruments() -> dict[str, Instrument]:
    """Return all instruments of the table, by id."""
    numbers = (
        "reading_limit_pct",
        "range_limit_pct",
        "power_factor_limit_pct",
        "self_heating_v2_pct",
        "self_heating_a2_pct",
        "valid_months",
        "aged_factor",
        "temperature_pct_per_k",
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
