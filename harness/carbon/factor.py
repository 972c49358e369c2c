"""A factor: a number that goes into emissions, with all that a reader must know of it. And the units of intensity."""

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

LOWEST_G, HIGHEST_G = 3.0, 1500.0
"""A grid's mean intensity lies between these [g/kWh]: hydropower alone is near 10 to 24, lignite near 1,200."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One factor with its provenance.

    u_ln: standard uncertainty of its logarithm, near the relative one; None is unknown, and the interval says so
    key: factors with one key share their error (one draw for each zone and version of a data set)
    source: who says so and where; dataset: what two intensities of one comparison must have in common
    annual: whether it is the mean over a year, which says little of one hour
    date: of the value, as the source has it; licence: under which the source gives it
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
                fix="Name the document or data set, like --intensity-source 'supplier statement 2025'.",
            )

    def document(self) -> dict[str, Any]:
        """The factor as it lands in results."""
        return asdict(self)


def g_per_kwh(value: float, unit: str, *, where: str = "", market: bool = False) -> float:
    """Intensity in g/kWh. Raises UsageError for what no grid has, and says what was likely meant.

    market: a market-based figure may be 0 (all of it bought clean); a grid's never is
    """
    if unit not in TO_G_PER_KWH:
        raise UsageError(
            "is no unit of intensity",
            where=where,
            got=repr(unit),
            expected="one of " + ", ".join(TO_G_PER_KWH),
        )
    found = value * TO_G_PER_KWH[unit]
    if (market and found == 0) or LOWEST_G <= found <= HIGHEST_G:
        return found
    what = (
        "is negative: no grid takes up CO2e"
        if value < 0
        else "is no intensity that a grid can have"
    )
    raise UsageError(
        what,
        where=where,
        got=f"{value:.6g} {unit}" + ("" if unit == "g/kWh" else f" = {found:.6g} g/kWh"),
        expected=f"{LOWEST_G:g} to {HIGHEST_G:g} g/kWh",
        fix=likely(value, unit),
    )


def likely(value: float, unit: str) -> str:
    """What a number was likely meant to be, in words."""
    common = ("g/kWh", "kg/kWh", "lb/MWh", "lb/kWh")
    readings = [
        f"{value:.6g} {other} (= {value * factor:.4g} g/kWh)"
        for other, factor in TO_G_PER_KWH.items()
        if other in common and other != unit and LOWEST_G <= value * factor <= HIGHEST_G
    ]
    if not readings:
        return "Leave out what is not known: absent is not zero."
    return f"Likely meant: {' or '.join(readings)}."


def checked_pue(value: float, *, where: str = "") -> float:
    """A PUE: at least 1 (facility energy over IT energy, ISO/IEC 30134-2), and below 5."""
    if 1 <= value < 5:
        return value
    fix = (
        "Give the ratio, like 1.10 for 10 % overhead."
        if value < 1 or value > 20
        else "Check the source."
    )
    raise UsageError("is no PUE", where=where, got=f"{value:g}", expected="1 to 5", fix=fix)


def same_dataset(factors: list[Factor]) -> None:
    """The rule: intensities of one comparison come from one data set. Raises UsageError naming those that do not."""
    found = sorted(
        {(factor.dataset or factor.source, factor.zone or factor.name) for factor in factors}
    )
    names = sorted({dataset for dataset, _ in found})
    if len(names) > 1:
        shown = "; ".join(f"{zone} from {dataset}" for dataset, zone in found[:6])
        raise UsageError(
            "intensities of two sources are in one comparison",
            got=shown,
            expected="one source for all",
            fix="Sources differ by 12 % in the median country and by more than 30 % in some: give one --source, or one "
            "reference --zone for all.",
        )
