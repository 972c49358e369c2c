"""A declared footprint: from its factors to energy and emissions, with intervals, under its own and a common convention.

Pure: factors in, numbers out. Nothing here was measured by this harness: its results are of the declared class only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.carbon import formulas
from harness.carbon.factor import TO_G_PER_KWH, Factor, Status, checked_pue, g_per_kwh
from harness.documents.errors import UsageError
from harness.uncertainty import DRAWS, LEVEL, SEED, Budget, Estimate, Floats, LogTerm, Part, draw, interval

Numbers = Mapping[str, Any]
"""Value of each factor: a float, or draws of it, shape (draws,)."""

KG_PER_T = 1000.0
UNITS = {
    "processors": "1", "hours": "h", "processor_hours": "h", "power": "W", "it_energy": "kWh", "facility_energy": "kWh",
    "idle_energy": "kWh", "pue": "1", "queries": "1", "query_energy": "J", "tflops": "TFLOP/s", "total_flops": "FLOP",
    "heat_reused": "kWh", "carbon_removed": "kg", "functional_units": "1",
}  # fmt: skip
"""Unit of each input; intensities have their own table. query_energy is at the IT boundary, as power is."""
INTENSITIES = ("location_intensity", "market_intensity")
AS_LLAMA = {"pue": 1.1, "location_intensity": 385.0}
"""One stated set of assumptions put on every run: PUE 1.1 and a US average of 385 g/kWh (LLaMA, arXiv:2302.13971)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodied:
    """A part of the hardware and what share of it the run carries (SCI 1.1): kg, h, h, and counts."""

    what: str
    total_kg: float
    reserved_h: float
    lifespan_h: float
    reserved: float = 1.0
    resources: float = 1.0
    status: Status = "declared"
    note: str = ""

    @property
    def share_kg(self) -> float:
        """Emissions that the run carries [kg CO2e]."""
        return formulas.embodied_share_kg(
            self.total_kg, self.reserved_h, self.lifespan_h, self.reserved, self.resources
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One declared footprint.

    inputs: factors by name, those of UNITS and INTENSITIES; intensities in g/kWh
    common: factors that stand in for absent ones under the common convention only
    convention: power (measured system, rated ...), pue (stated, none, inferred, unknown), accounting (gross, net, both)
    published: energy_mwh, gross_tco2e, net_tco2e and others as printed; None where not printed
    verified: whether every figure was read in its source
    """

    id: str
    model: str
    organisation: str
    source: str
    date: str
    task: str
    hardware: str
    site: str
    convention: Mapping[str, str]
    inputs: Mapping[str, Factor]
    common: Mapping[str, Factor]
    published: Mapping[str, float | None]
    embodied: tuple[Embodied, ...]
    verified: bool
    note: str

    @property
    def without_pue(self) -> bool:
        """Whether its energy is stated without PUE."""
        return self.convention.get("pue") == "none"


def from_document(document: Mapping[str, Any]) -> Footprint:
    """The footprint of a valid document of `schemas/footprint.schema.json`. Raises UsageError for impossible values."""
    source = document["source"]
    cited = ", ".join(filter(None, (source["citation"], source.get("document"), source.get("place"))))
    return Footprint(
        id=document["id"],
        model=document["model"],
        organisation=document.get("organisation", ""),
        source=cited,
        date=document["date"],
        task=document.get("task", "training"),
        hardware=document.get("hardware", ""),
        site=document.get("site", ""),
        convention=document["convention"],
        inputs={name: _factor(document, cited, name, given) for name, given in document["inputs"].items()},
        common={name: _factor(document, cited, name, given) for name, given in document.get("common", {}).items()},
        published=document.get("published", {}),
        embodied=tuple(
            Embodied(**{k: v for k, v in item.items() if k in Embodied.__slots__})
            for item in document.get("embodied", [])
        ),
        verified=document.get("verified", False),
        note=document.get("note", ""),
    )


def _factor(document: Mapping[str, Any], cited: str, name: str, given: Mapping[str, Any]) -> Factor:
    where, value, unit = f"{document['id']}: {name}", float(given["value"]), given["unit"]
    dataset, zone = given.get("dataset", ""), given.get("zone")
    if name in INTENSITIES:
        value, unit = g_per_kwh(value, unit, where=where, market=name == "market_intensity"), "g/kWh"
        key = f"intensity|{dataset or cited}|{zone or document['id']}"
    elif name not in UNITS:
        raise UsageError("is no input of a footprint", where=where, expected=", ".join((*UNITS, *INTENSITIES)))
    elif unit != UNITS[name]:
        raise UsageError("is in another unit", where=where, got=unit, expected=UNITS[name])
    else:
        key = f"pue|{document.get('site') or document['id']}" if name == "pue" else f"{name}|{document['id']}"
        value = checked_pue(value, where=where) if name == "pue" else value
    return Factor(
        name=name,
        value=value,
        unit=unit,
        u_ln=given.get("u_ln"),
        source=given.get("source", cited),
        date=given.get("date", document["date"]),
        licence=given.get("licence", document["source"].get("licence", "")),
        status=given.get("status", "declared"),
        key=given.get("key", key),
        zone=zone,
        dataset=dataset,
        note=given.get("note", ""),
    )


# Formulas over factors


def values(factors: Mapping[str, Factor]) -> dict[str, float]:
    """The plain value of each factor."""
    return {name: factor.value for name, factor in factors.items()}


def it_kwh(x: Numbers) -> Any:
    """Energy at the IT boundary [kWh]: training and queries; None where the inputs do not give it."""
    training = x.get("it_energy")
    if training is None and "power" in x and "processor_hours" in x:
        training = formulas.it_energy_kwh(x["processor_hours"], 1, x["power"])
    elif training is None and {"hours", "processors", "power"} <= x.keys():
        training = formulas.it_energy_kwh(x["hours"], x["processors"], x["power"])
    if "queries" in x and "query_energy" in x:
        query_kwh = x["query_energy"] / 3.6e6
        return formulas.lifetime_energy_kwh(0.0 if training is None else training, x["queries"], query_kwh)
    return training


def facility_kwh(x: Numbers, without_pue: bool = False) -> Any:
    """Energy at the facility's meter [kWh]; with `without_pue`, what was stated without PUE stays so."""
    if "facility_energy" in x:
        return x["facility_energy"]
    energy = it_kwh(x)
    if energy is None or ("pue" not in x and not without_pue):
        return None
    return energy * x.get("pue", 1.0)


def emissions_kg(x: Numbers, basis: str, without_pue: bool = False) -> Any:
    """Emissions of the energy [kg CO2e] on one basis of INTENSITIES; None where a factor is absent."""
    energy = facility_kwh(x, without_pue)
    if energy is None or basis not in x:
        return None
    return formulas.emissions_kg(energy, x[basis] / TO_G_PER_KWH["kg/kWh"])


def recomputed(item: Footprint) -> dict[str, float | None]:
    """Energy [MWh] and emissions [t] from the declared inputs, by the item's own convention."""
    x = values(item.inputs)
    energy = None if "facility_energy" in x else facility_kwh(x, item.without_pue)
    gross, net = (emissions_kg(x, basis, item.without_pue) for basis in INTENSITIES)
    found = {"energy_mwh": energy, "gross_tco2e": gross, "net_tco2e": net}
    if "idle_energy" in x and "location_intensity" in x:
        found["idle_tco2e"] = formulas.emissions_kg(x["idle_energy"], x["location_intensity"] / 1000)
    if item.embodied:
        found["embodied_tco2e"] = sum(part.share_kg for part in item.embodied)
    scaled = {name: None if v is None else v / KG_PER_T for name, v in found.items()}  # kWh to MWh, kg to t
    if {"tflops", "hours", "processors"} <= x.keys():
        scaled["total_flops"] = formulas.total_flops(x["hours"], x["processors"], x["tflops"])
    return scaled


def common_convention(item: Footprint) -> tuple[dict[str, float | None], str]:
    """Watts x PUE x location-based: energy [MWh], emissions [t], and why one of them cannot be had."""
    x = values({**item.inputs, **item.common})
    energy, gross = facility_kwh(x), emissions_kg(x, "location_intensity")
    missing = [
        text
        for text, lacks in (
            ("hours or watts", it_kwh(x) is None and "facility_energy" not in x),
            ("PUE", "pue" not in x and "facility_energy" not in x),
            ("a location-based intensity", "location_intensity" not in x),
        )
        if lacks
    ]
    found = {
        "energy_mwh": None if energy is None else energy / KG_PER_T,
        "location_based_tco2e": None if gross is None else gross / KG_PER_T,
    }
    return found, f"not known: {', '.join(missing)}" if missing else ""


def alternatives(item: Footprint) -> list[dict[str, Any]]:
    """The same run under each convention that its inputs allow: how far accounting alone spreads one figure."""
    x = values({**item.inputs, **item.common})
    if it_kwh(x) is None:
        return []
    bare = {name: v for name, v in x.items() if name != "pue"}
    found = (
        ("without PUE, own grid", bare, True),
        ("own PUE, own grid", x, False),
        ("PUE 1.1, own grid", bare | {"pue": AS_LLAMA["pue"]}, False),
        ("PUE 1.1, US average 0.385 kg/kWh", bare | AS_LLAMA, False),
    )
    rows = []
    for name, numbers, without in found:
        energy, kg = facility_kwh(numbers, without), emissions_kg(numbers, "location_intensity", without)
        if energy is not None and kg is not None:
            rows.append({"name": name, "energy_mwh": energy / KG_PER_T, "tco2e": kg / KG_PER_T})
    return rows


# Intervals


def draws_of(factor: Factor, seed: int, draws: int) -> Floats:
    """Values of a factor that could be true; factors with one key share their draws."""
    log = LogTerm(factor.name, factor.u_ln or 0.0, factor.key)
    return draw(Budget(factor.name, (Part("", factor.value, 0.0),), logs=(log,)), seed=seed, draws=draws)


def joint_draws(factors: Mapping[str, Factor], seed: int = SEED, draws: int = DRAWS) -> dict[str, Floats]:
    """Draws of all factors of one footprint."""
    return {name: draws_of(factor, seed, draws) for name, factor in factors.items()}


def interval_of(
    value: float | None, drawn: Any, factors: Mapping[str, Factor], unit: str, level: float = LEVEL
) -> Estimate:
    """An estimate from draws; without interval where a factor's uncertainty is unknown, and the note names it."""
    if value is None:
        return Estimate(None, None, None, unit, level, "a factor it needs is not known")
    unknown = [name for name, factor in factors.items() if factor.u_ln is None]
    if unknown:
        return Estimate(value, None, None, unit, level, f"uncertainty not known: {', '.join(unknown)}")
    low, high = interval(np.broadcast_to(drawn, (DRAWS,)) if np.ndim(drawn) == 0 else drawn, level)
    return Estimate(value, min(low, value), max(high, value), unit, level, u_c=float(np.std(drawn)))
