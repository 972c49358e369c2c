"""Numbers for people: as many digits as the interval supports, with SI prefixes and units."""

from __future__ import annotations

import math

from harness.uncertainty.estimate import Estimate

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n"))


def prefix(value: float, unit: str) -> tuple[float, str]:
    """Return the factor and the prefixed unit that put `value` between 1 and 1000."""
    size = abs(value)
    factor, letter = (
        next(((f, p) for f, p in _PREFIXES if size >= f), _PREFIXES[-1]) if size else (1.0, "")
    )
    return factor, letter + unit


def decimals(value: float, span: float) -> int:
    """Return the decimals that show two digits of `span`, or four of `value` without a span."""
    if span > 0:
        return max(0, 1 - math.floor(math.log10(span)))
    return max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0


def estimate_text(estimate: Estimate) -> str:
    """Write an estimate as `126.0 mJ/query [125.8, 126.2]`, or a dash if there is no number."""
    if estimate.value is None:
        return "-"
    factor, unit = prefix(estimate.value, estimate.unit)
    value = estimate.value / factor
    if estimate.low is None or estimate.high is None:
        return f"{value:.{decimals(value, 0)}f} {unit} [no interval]"
    low, high = estimate.low / factor, estimate.high / factor
    places = decimals(value, (high - low) / 2)
    return f"{value:.{places}f} {unit} [{low:.{places}f}, {high:.{places}f}]"


def number(value: float | None, unit: str = "", digits: int = 6) -> str:
    """Write a number with its unit, or a dash for none."""
    if value is None:
        return "-"
    is_long = abs(value) >= (1e5 if digits > 5 else 10**digits - 0.5)  # never as 1e+04
    text = f"{value:,.0f}" if is_long else f"{value:.{digits}g}"
    return f"{text} {unit}".strip()


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as percent, or a dash for none."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"
