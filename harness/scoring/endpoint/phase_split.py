"""Energy of prefill and decode, inferred: a regression over the runs of several points.

On one server both phases run at once, and nothing measures them apart. Where points differ in the
ratio of input to output tokens, the energy of a run is fitted by

    E = base power x time + J/input token x input tokens + J/output token x output tokens

with errors relative to E. The result is an inference, said to be one, and never ranked. Where the
points have about one ratio, nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.numbers import stated_number
from harness.formats.base import Run
from harness.scoring.result import Result
from harness.uncertainty.closed_form import coverage_factor
from harness.uncertainty.estimate import Estimate

MIN_FREEDOM = 2
"""Runs beyond the three coefficients that a fit needs to show its own error."""
MAX_CONDITION = 100.0
"""Condition number of the scaled columns above which the points do not tell the phases apart."""
UNITS = ("W", "J/input-token", "J/output-token")
LABEL = "inferred by regression, not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSplit:
    """What the regression infers.

    Attributes:
        base_power: Power that goes with time alone.
        prefill: Energy of an input token.
        decode: Energy of an output token.
        runs: Runs that were fitted.
        residual: Scatter of the runs about the fit, relative.
    """

    base_power: Estimate
    prefill: Estimate
    decode: Estimate
    runs: int
    residual: float


def split_phases(results: Sequence[Result]) -> PhaseSplit | str:
    """Return the split, or why there is none.

    Args:
        results: Points of one model on one server.
    """
    rows = [row for result in results for row in _rows(result)]
    if len(rows) < len(UNITS) + MIN_FREEDOM:
        return f"{len(rows)} runs that state energy and tokens; at least 5 are needed"
    table = np.array(rows, np.float64)
    energy_j, columns = table[:, 0], table[:, 1:]
    relative = columns / energy_j[:, None]
    scale = np.linalg.norm(relative, axis=0)
    if not scale.all():
        return "a phase has no token in any run"
    design = relative / scale
    if float(np.linalg.cond(design)) > MAX_CONDITION:
        return "the points have about one ratio of input to output tokens"
    level = results[0].energy.level
    return _fit(design, scale, level)


def _rows(result: Result) -> list[tuple[float, float, float, float]]:
    """Return energy, time, input and output tokens of the runs that state all of them."""
    rows = []
    for item in result.runs:
        record = _record(item.run)
        counts = [stated_number(record.get(name)) for name in ("prompt_tokens", "output_tokens")]
        if item.energy_j and item.run.window is not None and None not in counts:
            tokens_in, tokens_out = (count or 0.0 for count in counts)
            rows.append((item.energy_j, item.run.window.seconds, tokens_in, tokens_out))
    return rows


def _record(run: Run) -> Mapping[str, Any]:
    return run.evidence.endpoint.record if run.evidence.endpoint else {}


def _fit(design: Any, scale: Any, level: float) -> PhaseSplit:
    """Fit a relative energy of 1, and return the coefficients with intervals by Student's t."""
    count = len(design)
    target = np.ones(count)
    scaled, *_ = np.linalg.lstsq(design, target, rcond=None)
    freedom = count - len(UNITS)
    residuals = target - design @ scaled
    variance = float(residuals @ residuals) / freedom
    covariance = variance * np.linalg.inv(design.T @ design)
    errors = np.sqrt(np.diag(covariance)) / scale
    k = coverage_factor(level, freedom)
    estimates = [
        _estimate(float(value), float(error), k, unit, level)
        for value, error, unit in zip(scaled / scale, errors, UNITS, strict=True)
    ]
    return PhaseSplit(
        base_power=estimates[0],
        prefill=estimates[1],
        decode=estimates[2],
        runs=count,
        residual=variance**0.5,
    )


def _estimate(value: float, error: float, k: float, unit: str, level: float) -> Estimate:
    """Return a coefficient; without a value where its interval reaches zero."""
    low, high = value - k * error, value + k * error
    if low <= 0:
        note = f"not resolved: at most {max(high, 0.0):.3g} {unit}"
        return Estimate(None, None, None, unit, level, note)
    return Estimate(value, low, high, unit, level, LABEL)
