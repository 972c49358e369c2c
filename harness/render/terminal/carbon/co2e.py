"""CO2e of results for people: lines of a report, cells and footnotes of a table."""

from __future__ import annotations

from collections.abc import Iterable

from harness.carbon.co2e import Basis, Co2e
from harness.render.numbers import estimate_text
from harness.scoring.result import Result

HEAD = ("CO2e per unit, gross [interval]", "net [interval]")


def lines(co2e: Co2e | None) -> list[str]:
    """Both bases of one result, each with its interval and where its uncertainty comes from."""
    if co2e is None:
        return []
    lines_shown = []
    bases = [
        ("gross (location-based)", co2e.location_based),
        ("net (market-based)", co2e.market_based),
    ]
    if co2e.marginal is not None:
        bases.insert(0, ("marginal", co2e.marginal))
    for name, basis in bases:
        if basis is None:
            lines_shown.append(f"  CO2e {name}: not given")
            continue
        pue = "no PUE" if basis.mean_pue is None else f"PUE {basis.mean_pue:.4g}"
        shares = ", ".join(
            f"{row.term} {row.share:.1%}" for row in basis.rows if row.share >= 0.005
        )
        lines_shown.append(
            f"  CO2e {name}: {estimate_text(basis.total)}, at {basis.mean_g_per_kwh:.4g} g/kWh, "
            f"{pue}" + (f" ({shares})" if shares else "")
        )
        if basis.total.note:
            lines_shown.append(f"    {basis.total.note}")
    return [
        *lines_shown,
        f"  intensity {co2e.reference}",
        *(f"  note: {note}" for note in co2e.notes),
    ]


def shown(results: Iterable[Result]) -> bool:
    """Whether a table has columns of CO2e."""
    return any(result.co2e is not None for result in results)


def cells(result: Result) -> list[str]:
    """Both columns of one row; a dash for what was not computed."""
    co2e = result.co2e
    bases = (co2e.location_based, co2e.market_based) if co2e is not None else (None, None)
    return [_per_unit(basis) for basis in bases]


def _per_unit(basis: Basis | None) -> str:
    return "-" if basis is None or basis.per_unit is None else estimate_text(basis.per_unit)


def footnotes(results: Iterable[Result], rank_by: str) -> list[str]:
    """Which intensity the columns stand on, and why energy ranks."""
    references = dict.fromkeys(
        result.co2e.reference for result in results if result.co2e is not None
    )
    notes = [f"CO2e: intensity {text}." for text in references]
    notes += [
        f"CO2e: {note}."
        for note in dict.fromkeys(n for r in results if r.co2e is not None for n in r.co2e.notes)
    ]
    if references and rank_by == "energy":
        notes.append("Energy ranks: the grid moves CO2e more than any system does.")
    elif references:
        notes.append("CO2e ranks on one common intensity and PUE, which cancel.")
    return notes
