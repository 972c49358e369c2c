"""A factor: a number that goes into emissions, with its provenance; and the units of intensity."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.carbon.formulas import KG_PER_LB
from harness.core.errors import UsageError

Status = Literal["measured", "printed", "inferred", "assumed", "unverified", "declared"]

TO_G_PER_KWH = {
    "g/kWh": 1.0,
    "kg/kWh": 1000.0,
    "kg/MWh": 1.0,
    "t/MWh": 1000.0,
    "lb/kWh": 1000 * KG_PER_LB,
    "lb/MWh": KG_PER_LB,
}
"""g CO2e per kWh in one of each unit of intensity."""

MIN_G_PER_KWH, MAX_G_PER_KWH = 3.0, 1500.0
"""A grid's mean intensity lies between these [g/kWh]: hydropower alone is near 10 to 24, lignite
near 1,200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor with its provenance.

    Attributes:
        name: What it is: location_intensity, market_intensity, pue, power ...
        value: The number [unit].
        unit: Its unit.
        u_ln: Standard uncertainty of its logarithm, close to the relative one; None is unknown, and
            the interval says so.
        source: Who states it, and where.
        date: Date of the value, as the source has it.
        licence: Licence under which the source publishes it.
        status: How the source came by it.
        key: Factors with one key share their error: one draw for each zone and version of a data
            set.
        zone: Zone of a grid.
        dataset: What two intensities of one comparison must have in common.
        annual: Whether it is the mean over a year, which says little of one hour.
        note: What a reader must know.
    """

    name: str
    value: float
    unit: str
    u_ln: float | None
    source: str
    date: str
    licence: str
    status: Status = "declared"
    key: str | None = None
    zone: str | None = None
    dataset: str = ""
    annual: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise UsageError(
                f"{self.name} has no source",
                got=f"{self.value:g} {self.unit}",
                expected="who says so, and where",
                fix="Name the document or data set, like --intensity-source 'supplier statement "
                "2025'.",
            )

    def document(self) -> dict[str, Any]:
        """Return the factor as it stands in results."""
        return asdict(self)


def g_per_kwh(value: float, unit: str, *, where: str = "", market: bool = False) -> float:
    """Convert an intensity to g/kWh.

    Args:
        value: The intensity [unit].
        unit: One of TO_G_PER_KWH.
        where: File and row, or option, for messages.
        market: Whether it is market-based; such a figure may be 0 (all of it bought clean).

    Raises:
        UsageError: No grid has such an intensity; the message says what was likely meant.
    """
    if unit not in TO_G_PER_KWH:
        raise UsageError(
            "not a unit of intensity",
            where=where,
            got=repr(unit),
            expected="one of " + ", ".join(TO_G_PER_KWH),
        )
    converted = value * TO_G_PER_KWH[unit]
    if (market and converted == 0) or MIN_G_PER_KWH <= converted <= MAX_G_PER_KWH:
        return converted
    message = "no grid has such an intensity"
    if value < 0:
        message = "intensity is negative, but no grid takes up CO2e"
    raise UsageError(
        message,
        where=where,
        got=f"{value:.6g} {unit}" + ("" if unit == "g/kWh" else f" = {converted:.6g} g/kWh"),
        expected=f"{MIN_G_PER_KWH:g} to {MAX_G_PER_KWH:g} g/kWh",
        fix=likely_meaning(value, unit),
    )


def likely_meaning(value: float, unit: str) -> str:
    """Say in words what a number was likely meant to be."""
    common = ("g/kWh", "kg/kWh", "lb/MWh", "lb/kWh")
    meanings = []
    for name in common:
        converted = value * TO_G_PER_KWH[name]
        if name != unit and MIN_G_PER_KWH <= converted <= MAX_G_PER_KWH:
            meanings.append(f"{value:.6g} {name} (= {converted:.4g} g/kWh)")
    if not meanings:
        return "Leave out what is not known: absent is not zero."
    return f"Likely meant: {' or '.join(meanings)}."


def checked_pue(value: float, *, where: str = "") -> float:
    """Check a PUE: at least 1 (facility energy over IT energy, ISO/IEC 30134-2), and below 5."""
    if 1 <= value < 5:
        return value
    fix = (
        "Give the ratio, like 1.10 for 10 % overhead."
        if value < 1 or value > 20
        else "Check the source."
    )
    raise UsageError(
        "PUE is out of range", where=where, got=f"{value:g}", expected="1 to 5", fix=fix
    )


def same_dataset(factors: list[Factor]) -> None:
    """Check that all intensities of one comparison come from one data set.

    Raises:
        UsageError: They come from several, which the message names.
    """
    origins = {(factor.dataset or factor.source, factor.zone or factor.name) for factor in factors}
    datasets = {dataset for dataset, _ in origins}
    if len(datasets) > 1:
        shown = "; ".join(f"{zone} from {dataset}" for dataset, zone in sorted(origins)[:6])
        raise UsageError(
            "intensities of two sources are in one comparison",
            got=shown,
            expected="one source for all",
            fix="Sources differ by 12 % in the median country and by more than 30 % in some: "
            "give one --source, or one "
            "reference --zone for all.",
        )
