"""Energy and emissions from factors, by a footprint's own and by a common convention.

Values may be draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.carbon import formulas
from harness.carbon.factor import TO_G_PER_KWH, Factor
from harness.carbon.footprint.document import INTENSITIES, Footprint

Numbers = Mapping[str, Any]
"""Value of each factor: a float, or draws of it, shape (draws,)."""

KG_PER_T = 1000.0
AS_LLAMA = {"pue": 1.1, "location_intensity": 385.0}
"""One stated set of assumptions put on every run: PUE 1.1 and a US average of 385 g/kWh (LLaMA,
arXiv:2302.13971)."""


def values(factors: Mapping[str, Factor]) -> dict[str, float]:
    """Return the plain value of each factor."""
    return {name: factor.value for name, factor in factors.items()}


def it_kwh(x: Numbers) -> Any:
    """Return the energy at the IT boundary [kWh], training and queries; None where not known."""
    training = x.get("it_energy")
    if training is None and "power" in x and "processor_hours" in x:
        training = formulas.it_energy_kwh(x["processor_hours"], 1, x["power"])
    elif training is None and {"hours", "processors", "power"} <= x.keys():
        training = formulas.it_energy_kwh(x["hours"], x["processors"], x["power"])
    if "queries" in x and "query_energy" in x:
        query_kwh = x["query_energy"] / 3.6e6
        return formulas.lifetime_energy_kwh(
            0.0 if training is None else training, x["queries"], query_kwh
        )
    return training


def facility_kwh(x: Numbers, without_pue: bool = False) -> Any:
    """Return the energy at the facility's meter [kWh].

    With `without_pue`, what was stated without PUE stays so.
    """
    if "facility_energy" in x:
        return x["facility_energy"]
    energy = it_kwh(x)
    if energy is None or ("pue" not in x and not without_pue):
        return None
    return formulas.facility_energy_kwh(energy, x.get("pue", 1.0))


def emissions_kg(x: Numbers, basis: str, without_pue: bool = False) -> Any:
    """Return emissions [kg CO2e] on one basis of INTENSITIES; None where a factor is absent."""
    energy = facility_kwh(x, without_pue)
    if energy is None or basis not in x:
        return None
    return formulas.emissions_kg(energy, x[basis] / TO_G_PER_KWH["kg/kWh"])


def recomputed(item: Footprint) -> dict[str, float | None]:
    """Return energy [MWh] and emissions [t] from the declared inputs, by their own convention."""
    x = values(item.inputs)
    energy = None if "facility_energy" in x else facility_kwh(x, item.without_pue)
    gross, net = (emissions_kg(x, basis, item.without_pue) for basis in INTENSITIES)
    totals = {"energy_mwh": energy, "gross_tco2e": gross, "net_tco2e": net}
    if "idle_energy" in x and "location_intensity" in x:
        totals["idle_tco2e"] = formulas.emissions_kg(
            x["idle_energy"], x["location_intensity"] / 1000
        )
    if item.embodied:
        totals["embodied_tco2e"] = sum(part.share_kg for part in item.embodied)
    scaled = {
        name: None if v is None else v / KG_PER_T for name, v in totals.items()
    }  # kWh to MWh, kg to t
    if {"tflops", "hours", "processors"} <= x.keys():
        scaled["total_flops"] = formulas.total_flops(x["hours"], x["processors"], x["tflops"])
    return scaled


def common_convention(item: Footprint) -> tuple[dict[str, float | None], str]:
    """Return energy [MWh] and gross emissions [t] by watts x PUE, and what is missing."""
    x = values({**item.inputs, **item.common})
    energy, gross = facility_kwh(x), emissions_kg(x, "location_intensity")
    missing = []
    if "facility_energy" not in x:
        if it_kwh(x) is None:
            missing.append("hours or watts")
        if "pue" not in x:
            missing.append("PUE")
    if "location_intensity" not in x:
        missing.append("a location-based intensity")
    totals = {
        "energy_mwh": None if energy is None else energy / KG_PER_T,
        "location_based_tco2e": None if gross is None else gross / KG_PER_T,
    }
    return totals, f"not known: {', '.join(missing)}" if missing else ""


def alternatives(item: Footprint) -> list[dict[str, Any]]:
    """Return the same run under each convention that its inputs allow.

    The rows show how far accounting alone spreads one figure.
    """
    x = values({**item.inputs, **item.common})
    if it_kwh(x) is None:
        return []
    bare = {name: v for name, v in x.items() if name != "pue"}
    conventions = (
        ("without PUE, own grid", bare, True),
        ("own PUE, own grid", x, False),
        ("PUE 1.1, own grid", bare | {"pue": AS_LLAMA["pue"]}, False),
        ("PUE 1.1, US average 0.385 kg/kWh", bare | AS_LLAMA, False),
    )
    rows = []
    for name, numbers, without in conventions:
        energy, kg = (
            facility_kwh(numbers, without),
            emissions_kg(numbers, "location_intensity", without),
        )
        if energy is not None and kg is not None:
            rows.append({"name": name, "energy_mwh": energy / KG_PER_T, "tco2e": kg / KG_PER_T})
    return rows
