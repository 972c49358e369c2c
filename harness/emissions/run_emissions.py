"""CO2e of one run: its energy laid on the hours of a grid and of a building."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.carbon.co2e import about
from harness.carbon.factor import Factor
from harness.carbon.series import Floats, Ints, Series
from harness.carbon.time_weighting import J_PER_KWH, common_cuts, step_cuts, weigh
from harness.core.timestamps import NS
from harness.energy.cumulative import energy_between
from harness.energy.run import RunEnergy
from harness.traces.trace import Trace, Window


@dataclass(frozen=True, slots=True)
class RunOnGrid:
    """One run on a grid.

    Attributes:
        energy_j: Its energy [J].
        g_per_kwh: Mean intensity of the grid, weighted by energy [g/kWh].
        pue: Mean PUE, such that intensity times PUE is the mean of their product.
        u_missing: Standard uncertainty of intensity times PUE from steps without a value [g/kWh].
        missing_share: Share of the energy that falls on such steps.
        outside_series: Whether the run lies outside a series and takes its mean.
    """

    energy_j: float
    g_per_kwh: float
    pue: float
    u_missing: float = 0.0
    missing_share: float = 0.0
    outside_series: bool = False


def place_on_grid(
    run: RunEnergy,
    intensity: Factor | Series,
    pue: Factor | Series | None,
    *,
    fallback: bool = False,
) -> RunOnGrid:
    """Lay the energy of a run on the steps of a grid and of PUE.

    Args:
        run: A run with a window and energy.
        intensity: Of the grid, by time or one factor.
        pue: Facility energy over IT energy, by time or one factor; None where emissions end at the
            meter.
        fallback: Whether a run outside a series takes its mean.

    Raises:
        UsageError: A series does not cover the run, and there is no fallback.
    """
    window, energy_j = run.run.window, run.energy_j
    assert window is not None
    assert energy_j is not None
    # 1. A factor, or a series that does not cover the run, is one constant.
    covering: list[Series] = []
    constant, outside = 1.0, False
    constants: dict[str, float] = {}
    for name, item in (("intensity", intensity), ("pue", pue)):
        if isinstance(item, Series) and _covers(item, window, fallback):
            covering.append(item)
            continue
        constants[name] = 1.0 if item is None else about(item).value
        constant *= constants[name]
        outside = outside or isinstance(item, Series)
    if not covering:
        return RunOnGrid(energy_j, constants["intensity"], constants["pue"], outside_series=outside)
    # 2. What varies is weighed by the energy of each step.
    cuts_ns = common_cuts(window, covering)
    step_energy = energy_by_step(run, cuts_ns)
    product = weigh(step_energy, cuts_ns, *covering)
    mean_product = product.mean * constant
    # 3. The intensity alone, so that PUE is what multiplies it.
    g_per_kwh = constants.get("intensity")
    if g_per_kwh is None:
        g_per_kwh = weigh(step_energy, cuts_ns, covering[0]).mean
    mean_pue = mean_product / g_per_kwh if g_per_kwh else constants.get("pue", 1.0)
    return RunOnGrid(
        energy_j,
        g_per_kwh,
        mean_pue,
        product.u_missing * constant,
        product.missing_share,
        outside,
    )


def _covers(series: Series, window: Window, fallback: bool) -> bool:
    if not fallback:
        series.demand(window)
    return series.covers(window)


def energy_by_step(run: RunEnergy, cuts_ns: Ints) -> Floats:
    """Return the energy of a run between neighbouring cuts, of its channels and rated parts.

    Nodes that nobody measured follow the others, so the shares are right and the sum is the energy
    of the run.

    Args:
        run: A run with energy.
        cuts_ns: Instants in order [ns UTC], shape (n + 1,).

    Returns:
        Energy of each span [J], shape (n,).
    """
    total = np.zeros(len(cuts_ns) - 1)
    for readings in run.readings:
        total += energy_between(readings.checked.trace, cuts_ns) * readings.factor
    rated_w = math.fsum(part.power_w for part in run.run.rated)
    total += rated_w * np.diff(cuts_ns) / NS
    if total.sum() <= 0:
        return total
    return np.asarray(total * ((run.energy_j or 0.0) / total.sum()))


def trace_emissions_g(trace: Trace, window: Window, intensity: Series) -> float:
    """Return the CO2e of a trace in a window [g]: the sum over steps of energy times intensity.

    Raises:
        UsageError: The series does not cover the window.
    """
    intensity.demand(window)
    cuts_ns = step_cuts(intensity, window)
    energy_j = energy_between(trace, cuts_ns)
    return float(energy_j.sum()) / J_PER_KWH * weigh(energy_j, cuts_ns, intensity).mean
