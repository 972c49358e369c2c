"""Software carbon intensity for AI: SCI = (E x I + M) per R.

Sources: ISO/IEC 21031:2024 (SCI: E, I, M and R; location-based intensity, no market instruments),
and the SCI for AI specification of the Green Software Foundation, sections 6 and 8: training is
the provider's boundary, with a unit of parameters, training tokens or operations; runtime is the
consumer's, with the unit that is sold.
"""

from __future__ import annotations

from harness.render.disclosure.statements import (
    Facts,
    Statement,
    energy_status,
    estimated_part,
    in_kwh,
    unknown,
)
from harness.scoring.result import Result

REFERENCE = "ISO/IEC 21031:2024; SCI for AI, Green Software Foundation, sections 6 and 8"
_E, _I, _M, _R, _SCI = "SCI: E", "SCI: I", "SCI: M", "SCI: R", "SCI"
_UNITS = "R: functional units of one run"
_PROVIDER_UNITS = {
    "training_flop": "FLOP",
    "training_tokens": "training token",
    "parameters": "parameter",
}
"""Functional units of a provider, in the order in which they are taken."""


def statements(result: Result, facts: Facts) -> list[Statement]:
    """State E, I, M, R and, where all are known, the SCI of a run."""
    persona = "provider" if result.entry.task == "training" else "consumer"
    embodied = _embodied(facts)
    units, unit = _functional_units(result, facts)
    operational = _operational(result, units, unit)
    return [
        Statement(name="Persona", clause="SCI for AI, 6", status="declared", value=persona),
        in_kwh("E: energy of one run", _E, result.energy, result),
        *estimated_part(_E, result),
        _intensity(result),
        embodied,
        units,
        operational,
        _sci(operational, embodied, units),
    ]


def _intensity(result: Result) -> Statement:
    basis = None if result.co2e is None else result.co2e.location_based
    if basis is None:
        return unknown(
            "I: location-based intensity", _I, "name a grid, as with --zone", "g CO2e/kWh"
        )
    return Statement(
        name="I: location-based intensity",
        clause=_I,
        status="declared",
        value=basis.mean_g_per_kwh,
        unit="g CO2e/kWh",
        note="; ".join(factor.source for factor in basis.factors if factor.source),
    )


def _embodied(facts: Facts) -> Statement:
    embodied = facts.get("embodied")
    name = "M: embodied emissions, share of one run"
    if embodied is None:
        return unknown(name, _M, "state embodied.g_co2e and its source in the facts", "g CO2e")
    return Statement(
        name=name,
        clause=_M,
        status="declared",
        value=embodied["g_co2e"],
        unit="g CO2e",
        note=embodied["source"],
    )


def _functional_units(result: Result, facts: Facts) -> tuple[Statement, str]:
    """State how many functional units one run delivers, and return their unit."""
    if result.entry.task == "inference":
        return _counted_units(result)
    model = facts.get("model", {})
    for field, unit in _PROVIDER_UNITS.items():
        if model.get(field):
            units = Statement(
                name=_UNITS, clause=_R, status="declared", value=model[field], unit=unit
            )
            return units, unit
    fields = ", ".join(f"model.{field}" for field in _PROVIDER_UNITS)
    return unknown(_UNITS, _R, f"state one of {fields} in the facts"), ""


def _counted_units(result: Result) -> tuple[Statement, str]:
    """State the work that the logs of an inference run count."""
    counts = [item.run.work for item in result.runs if item.run.work is not None]
    if not counts:
        return unknown(_UNITS, _R, "the logs count no work"), ""
    unit = counts[0].unit
    units = Statement(
        name=_UNITS,
        clause=_R,
        status="simulated" if result.entry.simulated else "measured",
        value=sum(work.count for work in counts) / len(counts),
        unit=unit,
    )
    return units, unit


def _operational(result: Result, units: Statement, unit: str) -> Statement:
    name = "Operational part: E x I per R"
    basis = None if result.co2e is None else result.co2e.location_based
    if basis is None or basis.total.value is None or not isinstance(units.value, float | int):
        return unknown(name, _SCI, "E, I and R are needed")
    total, count = basis.total, float(units.value)
    status = energy_status(result)
    facility = "" if basis.mean_pue is None else f"facility energy, at a PUE of {basis.mean_pue:g}"
    return Statement(
        name=name,
        clause=_SCI,
        status="computed" if status == "measured" else status,
        value=basis.total.value / count,
        unit=f"g CO2e/{unit}",
        low=None if total.low is None else total.low / count,
        high=None if total.high is None else total.high / count,
        level=None if total.low is None else total.level,
        note="; ".join(filter(None, (facility, total.note))),
    )


def _sci(operational: Statement, embodied: Statement, units: Statement) -> Statement:
    if not isinstance(operational.value, float) or not isinstance(embodied.value, float | int):
        return unknown("SCI: (E x I + M) per R", _SCI, "E, I, M and R are needed")
    assert isinstance(units.value, float | int)  # the operational part is known
    shift = float(embodied.value) / float(units.value)
    return Statement(
        name="SCI: (E x I + M) per R",
        clause=_SCI,
        status=operational.status,
        value=operational.value + shift,
        unit=operational.unit,
        note="no interval: M is declared without one; the operational part has its own",
    )
