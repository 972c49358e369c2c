"""CO2e of a result: the factors asked for (`Inputs`), and the emissions (`Co2e`).

Two bases, location-based and market-based, are never mixed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.carbon.factor import Factor
from harness.carbon.series import Series
from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import BudgetRow
from harness.uncertainty.estimate import Estimate

Role = Literal["as run", "reference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """Factors that turn energy into emissions.

    Attributes:
        location: Intensity of the grid (location-based, "gross"), by time or one annual factor.
        market: Intensity after contracts (market-based, "net").
        pue: Facility energy over IT energy, by time or one factor; None: emissions end at the
            meter.
        role: "as run": the grid when and where it ran; "reference": one grid for all, so that it
            cancels in comparisons.
        fallback: Whether a run outside the series takes its mean, with that uncertainty.
    """

    location: Factor | Series | None = None
    market: Factor | Series | None = None
    pue: Factor | Series | None = None
    role: Role = "as run"
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Emissions on one basis.

    Attributes:
        total: Emissions of a run [g CO2e].
        per_unit: Emissions per unit of work [g CO2e].
        budget: Uncertainty budget of the total.
        per_unit_budget: Uncertainty budget per unit of work.
        mean_g_per_kwh: Intensity, weighted by energy [g/kWh].
        mean_pue: PUE, weighted by energy; None where none was given.
        missing_share: Share of the energy in hours without a value.
        rows: The budget as a table.
        factors: Provenance of intensity and PUE.
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
    """Emissions of a result on both bases; None where the factors were not given.

    Attributes:
        location_based: At the average intensity of the grid.
        market_based: After contracts.
        inputs: The factors asked for.
        notes: What a reader must know.
        marginal: At the marginal intensity of the grid, which says what one more kWh emits; it
            never stands in `location_based`.
    """

    location_based: Basis | None
    market_based: Basis | None
    inputs: Inputs
    notes: tuple[str, ...] = ()
    marginal: Basis | None = None

    @property
    def reference(self) -> str:
        """Which intensity, in words: `reference, gross: US 2024, owid-ember`."""
        first = "marginal" if is_marginal(self.inputs.location) else "gross"
        bases = ((first, self.inputs.location), ("net", self.inputs.market))
        described = [
            f"{name}: {describe(intensity)}" for name, intensity in bases if intensity is not None
        ]
        return f"{self.inputs.role}, {'; '.join(described)}"


def about(item: Factor | Series) -> Factor:
    """Return the provenance of a factor or a series."""
    return item.about if isinstance(item, Series) else item


def is_marginal(intensity: Factor | Series | None) -> bool:
    """Whether an intensity is of the plants that one more kWh starts."""
    return isinstance(intensity, Series) and intensity.kind == "marginal"


def describe(intensity: Factor | Series) -> str:
    """Return zone, value and source of an intensity, in words."""
    factor = about(intensity)
    form = "by the hour, mean " if isinstance(intensity, Series) else ""
    place = f"{factor.zone or 'declared'} {factor.date}".strip()
    return f"{place}, {form}{factor.value:.4g} g/kWh ({factor.dataset or factor.source})"


def document(co2e: Co2e | None, name: str = "total") -> dict[str, Any]:
    """Return both bases of results and tables as plain data.

    Args:
        co2e: Emissions; None where none were computed.
        name: "total" or "per_unit".
    """
    bases: dict[str, Any] = {}
    names = ["location_based", "market_based"]
    if co2e is not None and co2e.marginal is not None:
        names.append("marginal")
    for basis in names:
        item = getattr(co2e, basis) if co2e is not None else None
        estimate = getattr(item, name) if item is not None else None
        bases[basis] = asdict(estimate) if estimate is not None else None
    return bases


def details(co2e: Co2e | None) -> dict[str, Any] | None:
    """Return factors with provenance, means, budget and notes; None where none were computed."""
    if co2e is None:
        return None
    marginal = _basis_details(co2e.marginal)
    return {
        "role": co2e.inputs.role,
        "intensity": co2e.reference,
        "notes": list(co2e.notes),
        "location_based": _basis_details(co2e.location_based),
        "market_based": _basis_details(co2e.market_based),
        **({} if marginal is None else {"marginal": marginal}),
    }


def _basis_details(basis: Basis | None) -> dict[str, Any] | None:
    if basis is None:
        return None
    return {
        "mean_g_per_kwh": basis.mean_g_per_kwh,
        "mean_pue": basis.mean_pue,
        "missing_share": basis.missing_share,
        "factors": [factor.document() for factor in basis.factors],
        "budget": [asdict(row) for row in basis.rows],
    }
