"""CO2e of a result: what is asked (`Inputs`), and what comes of it (`Co2e`). Two bases, never mixed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.carbon.factor import Factor
from harness.carbon.series import Series
from harness.uncertainty.budget import Budget, BudgetRow
from harness.uncertainty.estimate import Estimate

Role = Literal["as run", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Factors that turn energy into emissions.

    location: of the grid (location-based, "gross"), by time or one annual factor; market: after contracts ("net")
    pue: facility energy over IT energy, by time or one factor; None: emissions end at the meter
    role: as run: the grid when and where it ran; reference: one grid for all, so that it cancels in comparisons
    fallback: whether a run outside the series takes its annual mean, with that uncertainty
    """

    location: Factor | Series | None = None
    market: Factor | Series | None = None
    pue: Factor | Series | None = None
    role: Role = "as run"
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Emissions on one basis.

    total [g CO2e] of a run, per_unit [g CO2e per unit of work], with their budgets
    mean_g_per_kwh: intensity and mean_pue: PUE, weighted by energy; missing_share: energy in hours without a value
    """

    total: Estimate
    per_unit: Estimate | None
    budget: Budget
    per_unit_budget: Budget | None
    mean_g_per_kwh: float
    mean_pue: float | None
    missing_share: float
    rows: tuple[BudgetRow, ...]
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Co2e:
    """Emissions of a result on both bases; None where its factors were not given, and notes say why."""

    location_based: Basis | None
    market_based: Basis | None
    inputs: Inputs
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Which intensity, in words: `reference, gross: US 2024, owid-ember`."""
        bases = (("gross", self.inputs.location), ("net", self.inputs.market))
        said = [f"{name}: {described(given)}" for name, given in bases if given is not None]
        return f"{self.inputs.role}, {'; '.join(said)}"


def about(given: Factor | Series) -> Factor:
    """The provenance of a factor or a series."""
    return given.about if isinstance(given, Series) else given


def described(given: Factor | Series) -> str:
    """Zone, value and source of an intensity, in words."""
    factor = about(given)
    form = "by the hour, mean " if isinstance(given, Series) else ""
    place = f"{factor.zone or 'declared'} {factor.date}".strip()
    return f"{place}, {form}{factor.value:.4g} g/kWh ({factor.dataset or factor.source})"


def document(co2e: Co2e | None, name: str = "total") -> dict[str, Any]:
    """`{"location_based", "market_based"}` of results and tables, as plain data; name: total or per_unit."""
    found: dict[str, Any] = {}
    for basis in ("location_based", "market_based"):
        item = getattr(co2e, basis) if co2e is not None else None
        estimate = getattr(item, name) if item is not None else None
        found[basis] = asdict(estimate) if estimate is not None else None
    return found


def details(co2e: Co2e | None) -> dict[str, Any] | None:
    """Factors with their provenance, means, budget and notes of an emission; None where none was computed."""
    if co2e is None:
        return None
    bases = {"location_based": co2e.location_based, "market_based": co2e.market_based}
    return {
        "role": co2e.inputs.role,
        "intensity": co2e.reference,
        "notes": list(co2e.notes),
        **{
            name: None
            if basis is None
            else {
                "mean_g_per_kwh": basis.mean_g_per_kwh,
                "mean_pue": basis.mean_pue,
                "missing_share": basis.missing_share,
                "factors": [factor.document() for factor in basis.factors],
                "budget": [asdict(row) for row in basis.rows],
            }
            for name, basis in bases.items()
        },
    }
