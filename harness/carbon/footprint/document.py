"""A declared footprint: its factors, what was published and by which convention.

Nothing here was measured by this harness: its results are of the declared class only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.carbon import formulas
from harness.carbon.factor import Factor, Status, checked_pue, g_per_kwh
from harness.core.errors import UsageError

UNITS = {
    "processors": "1",
    "hours": "h",
    "processor_hours": "h",
    "power": "W",
    "it_energy": "kWh",
    "facility_energy": "kWh",
    "idle_energy": "kWh",
    "pue": "1",
    "queries": "1",
    "query_energy": "J",
    "tflops": "TFLOP/s",
    "total_flops": "FLOP",
    "heat_reused": "kWh",
    "carbon_removed": "kg",
    "functional_units": "1",
}
"""Unit of each input; intensities have their own table. query_energy is at the IT boundary, as
power is."""
INTENSITIES = ("location_intensity", "market_intensity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Embodied:
    """A part of the hardware, and the share of it that the run carries (SCI 1.1).

    Attributes:
        hardware: What it is.
        total_kg: Emissions of making it [kg CO2e].
        reserved_h: Time that it was reserved [h].
        lifespan_h: Its lifespan [h].
        reserved: Part of its resources that was reserved.
        resources: All of its resources.
        status: How the source came by the figures.
        note: What a reader must know.
        u_ln: Standard uncertainty of the logarithm.
        source: Who states it.
        date: Date of the source.
        licence: Licence of the source.
    """

    hardware: str
    total_kg: float
    reserved_h: float
    lifespan_h: float
    reserved: float = 1.0
    resources: float = 1.0
    status: Status = "declared"
    note: str = ""
    u_ln: float | None = None
    source: str = ""
    date: str = ""
    licence: str = ""

    @property
    def share_kg(self) -> float:
        """Emissions that the run carries [kg CO2e]."""
        return formulas.embodied_share_kg(
            self.total_kg, self.reserved_h, self.lifespan_h, self.reserved, self.resources
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One declared footprint.

    Attributes:
        id: Its id in the catalogue.
        model: Name of the model.
        organisation: Who trained it.
        source: Citation.
        date: Date of the source.
        task: What was done, like training.
        hardware: Hardware in words.
        site: Where it ran.
        convention: How it was accounted: power (measured system, rated ...), pue (stated, none,
            inferred, unknown), accounting (gross, net, both).
        inputs: Factors by name, those of UNITS and INTENSITIES; intensities in g/kWh.
        common: Factors that stand in for absent ones under the common convention only.
        published: energy_mwh, gross_tco2e, net_tco2e and others as printed; None where not printed.
        embodied: Parts of the hardware.
        verified: Whether every figure was read in its source.
        note: What a reader must know.
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
    """Return the footprint of a document that matches `schemas/footprint.schema.json`.

    Raises:
        UsageError: A value is impossible.
    """
    source = document["source"]
    cited = ", ".join(
        filter(None, (source["citation"], source.get("document"), source.get("place")))
    )
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
        inputs={
            name: _factor(document, cited, name, stated)
            for name, stated in document["inputs"].items()
        },
        common={
            name: _factor(document, cited, name, stated)
            for name, stated in document.get("common", {}).items()
        },
        published=document.get("published", {}),
        embodied=tuple(_embodied(document, cited, item) for item in document.get("embodied", [])),
        verified=document.get("verified", False),
        note=document.get("note", ""),
    )


def _embodied(document: Mapping[str, Any], cited: str, stated: Mapping[str, Any]) -> Embodied:
    """Return a part of the hardware; provenance that it does not state is the document's."""
    about = {
        "source": cited,
        "date": document["date"],
        "licence": document["source"].get("licence", ""),
    }
    fields = {name: value for name, value in stated.items() if name in Embodied.__slots__}
    return Embodied(hardware=stated["what"], **about | fields)


def _factor(
    document: Mapping[str, Any], cited: str, name: str, stated: Mapping[str, Any]
) -> Factor:
    where, value, unit = f"{document['id']}: {name}", float(stated["value"]), stated["unit"]
    dataset, zone = stated.get("dataset", ""), stated.get("zone")
    if not math.isfinite(value):
        raise UsageError(
            "not a finite number", where=where, got=f"{value:g}", expected=f"a number of {unit}"
        )
    if name in INTENSITIES:
        value, unit = (
            g_per_kwh(value, unit, where=where, market=name == "market_intensity"),
            "g/kWh",
        )
        key = f"intensity|{dataset or cited}|{zone or document['id']}"
    elif name not in UNITS:
        raise UsageError(
            "not an input of a footprint", where=where, expected=", ".join((*UNITS, *INTENSITIES))
        )
    elif unit != UNITS[name]:
        raise UsageError("is in another unit", where=where, got=unit, expected=UNITS[name])
    else:
        key = (
            f"pue|{document.get('site') or document['id']}"
            if name == "pue"
            else f"{name}|{document['id']}"
        )
        value = checked_pue(value, where=where) if name == "pue" else value
    return Factor(
        name=name,
        value=value,
        unit=unit,
        u_ln=stated.get("u_ln"),
        source=stated.get("source", cited),
        date=stated.get("date", document["date"]),
        licence=stated.get("licence", document["source"].get("licence", "")),
        status=stated.get("status", "declared"),
        key=stated.get("key", key),
        zone=zone,
        dataset=dataset,
        note=stated.get("note", ""),
    )
