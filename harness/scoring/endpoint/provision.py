"""Provisioned power beside what was measured: never in one rank, and never in one number.

MLPerf Endpoints divides by rated power. Beside a measured result stand then:

- energy per token *provisioned*: provisioned power times the window, over the output tokens;
- the *utilisation of provision*: mean measured power over provisioned power, with its interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.formats.base import Entry
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate

WIDE_BOUNDARIES = ("wall", "rack", "facility")
"""Boundaries that hold what provisioned power covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """What a result says about the power that was provisioned for it.

    Attributes:
        power_kw: Provisioned power [kW].
        per_token_j: Provisioned energy per output token [J]; ``None`` where no token was counted.
        utilisation: Mean measured power over provisioned power; ``None`` without a measurement.
    """

    power_kw: float
    per_token_j: float | None = None
    utilisation: Estimate | None = None


def package_provision(entry: Entry) -> Provision | None:
    """Return the provision of a point of an MLPerf Endpoints package; ``None`` without one."""
    for run in entry.runs:
        figures = run.evidence.package.figures if run.evidence.package else {}
        power_kw = figures.get("point_power_kw")
        if power_kw:
            return Provision(
                power_kw=power_kw, per_token_j=figures.get("joules_per_token_provisioned")
            )
    return None


def with_provision(result: Result, power_kw: float) -> Result:
    """Return a result with the power beside it that was provisioned for its system.

    Args:
        result: A measured result.
        power_kw: Provisioned power of the system that was measured [kW], above 0.
    """
    notes = list(result.notes)
    if result.boundary is not None and result.boundary not in WIDE_BOUNDARIES:
        notes.append(
            f"the measurement ends at the {result.boundary}, provisioned power covers the whole"
            " system: the utilisation of provision is a lower bound"
        )
    provision = Provision(
        power_kw=power_kw,
        per_token_j=_per_token_j(result, power_kw),
        utilisation=_utilisation(result.mean_power, power_kw),
    )
    return replace(result, provision=provision, notes=tuple(notes))


def _per_token_j(result: Result, power_kw: float) -> float | None:
    runs = [item.run for item in result.runs]
    tokens = [run.work.count for run in runs if run.work is not None and run.work.unit == "token"]
    seconds = [run.window.seconds for run in runs if run.window is not None]
    if not tokens or len(tokens) < len(runs) or len(seconds) < len(runs):
        return None
    return 1000 * power_kw * math.fsum(seconds) / math.fsum(tokens)


def _utilisation(mean_power: Estimate, power_kw: float) -> Estimate | None:
    if mean_power.value is None:
        return None
    factor = 1 / (1000 * power_kw)
    low, high = (None if end is None else end * factor for end in (mean_power.low, mean_power.high))
    return Estimate(mean_power.value * factor, low, high, "share", mean_power.level)
