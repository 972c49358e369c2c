"""The accounting in formulas: pure functions of plain numbers, with units in their names.

Sources: Patterson et al. 2021 (arXiv:2104.10350) for energy and emissions; GHG Protocol Scope 2
Guidance (2015) for location-based and market-based; SCI 1.1 (ISO/IEC 21031) for embodied emissions
and emissions per functional unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.errors import UsageError

KG_PER_LB = 0.45359237
"""Exact: the international pound [kg]."""


def it_energy_kwh(hours: float, processors: float, average_w: float) -> float:
    """Return the energy at the IT boundary [kWh].

    Hours x processors x average watts (Patterson 2021, section 2.5).
    """
    return hours * processors * average_w / 1000


def facility_energy_kwh(it_kwh: float, pue: float) -> float:
    """Return the energy at the facility's meter [kWh].

    IT energy times PUE (Patterson 2021, section 2.5).
    """
    return it_kwh * pue


def emissions_kg(energy_kwh: float, kg_per_kwh: float) -> float:
    """Return the emissions of energy [kg CO2e] at one intensity.

    Gross or net is what the intensity is, never a mix of both.
    """
    return energy_kwh * kg_per_kwh


def lifetime_energy_kwh(training_kwh: float, queries: float, query_kwh: float) -> float:
    """Return training plus queries times inference [kWh] (Patterson 2021, section 2)."""
    return training_kwh + queries * query_kwh


def total_flops(hours: float, processors: float, tflops: float) -> float:
    """Return the work done [FLOP] at a mean rate of a processor [TFLOP/s]."""
    return hours * 3600 * processors * tflops * 1e12


@dataclass(frozen=True, slots=True)
class CleanMatch:
    """Market-based emissions of hours with clean supply.

    Attributes:
        hourly_g: Matched anew each hour: a shortfall counts, a surplus earns nothing [g].
        annual_g: Left where clean energy of any hour of the year may offset any other [g].
        gross_g: Without clean supply [g].
        cfe_share: Share of the energy that is matched in its own hour, 0 to 1.
    """

    hourly_g: float
    annual_g: float
    gross_g: float
    cfe_share: float


def clean_match(
    energy_kwh: Sequence[float], clean_kwh: Sequence[float], g_per_kwh: Sequence[float]
) -> CleanMatch:
    """Match the same hours by the hour (24/7) and over the year (Patterson 2021, section 2.5.

    GHG Protocol Scope 2 Guidance).

    The annual figure charges what is left of the year's energy at the mean intensity of the energy
    used.

    Args:
        energy_kwh: Energy used in each hour [kWh].
        clean_kwh: Clean energy bought for each hour on the same grid [kWh].
        g_per_kwh: Intensity of the grid in each hour [g/kWh].

    Raises:
        UsageError: They are not of the same hours.
    """
    if not len(energy_kwh) == len(clean_kwh) == len(g_per_kwh) > 0:
        raise UsageError(
            "energy, clean supply and intensity must speak of the same hours",
            got=f"{len(energy_kwh)}, {len(clean_kwh)} and {len(g_per_kwh)} hours",
        )
    hours = list(zip(energy_kwh, clean_kwh, g_per_kwh, strict=True))
    energy = math.fsum(energy_kwh)
    gross = math.fsum(e * g for e, _, g in hours)
    short = [max(e - c, 0.0) for e, c, _ in hours]
    hourly = math.fsum(s * g for s, (_, _, g) in zip(short, hours, strict=True))
    left = max(energy - math.fsum(clean_kwh), 0.0)
    annual = left * gross / energy if energy else 0.0
    return CleanMatch(hourly, annual, gross, 1 - math.fsum(short) / energy if energy else 1.0)


def embodied_share_kg(
    total_kg: float,
    reserved_h: float,
    lifespan_h: float,
    reserved: float = 1.0,
    resources: float = 1.0,
) -> float:
    """Return the embodied emissions that a run carries [kg CO2e].

    M = TE x TiR/EL x RR/ToR (SCI 1.1, ISO/IEC 21031).

    Args:
        total_kg: Emissions of making the hardware [kg CO2e].
        reserved_h: Time that it was reserved [h].
        lifespan_h: Its lifespan [h].
        reserved: Part of its resources that was reserved.
        resources: All of its resources.
    """
    return total_kg * (reserved_h / lifespan_h) * (reserved / resources)


def sci_g(energy_kwh: float, g_per_kwh: float, embodied_g: float, units: float) -> float:
    """Return the software carbon intensity [g CO2e per functional unit].

    (E x I + M) per R (SCI 1.1). I is location-based.
    """
    return (energy_kwh * g_per_kwh + embodied_g) / units


def idle_share(idle_kwh: float, total_kwh: float) -> float:
    """Return the share of energy that keeps hardware ready without work (0 to 1)."""
    return idle_kwh / total_kwh


def energy_reuse_factor(reused_kwh: float, facility_kwh: float) -> float:
    """Return the ERF (ISO/IEC 30134-6): heat given away to be used, over all energy (0 to 1).

    It never lowers emissions.
    """
    return reused_kwh / facility_kwh
