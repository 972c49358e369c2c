"""One account, a comparison of two, and clean matching: as text and as documents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.carbon.footprint.compute import Account
from harness.carbon.formulas import CleanMatch
from harness.core.schemas import SCHEMA_VERSION
from harness.emissions.decomposition import Decomposition
from harness.render.escape import grid, plain
from harness.uncertainty.estimate import Estimate

LINES = (
    ("it_energy", "energy at the IT boundary"),
    ("energy", "energy with PUE"),
    ("gross", "gross (location-based)"),
    ("net", "net (market-based)"),
    ("embodied", "embodied share"),
    ("sci", "SCI"),
    ("idle_share", "idle share"),
    ("energy_reuse_factor", "energy reuse factor"),
    ("removed", "carbon removed"),
)
MEANING = {
    "model": "work needed",
    "machine": "IT energy per unit of work",
    "mechanization": "PUE and overheads",
    "map": "intensity of the grid",
}


def account_document(found: Account) -> dict[str, Any]:
    """The document of `footprint compute --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": found.item.id,
        "measurement_class": "declared",
        **{name: asdict(getattr(found, name)) for name, _ in LINES},
        "factors": [factor.document() for factor in found.item.inputs.values()],
        "hardware": [asdict(part) | {"share_kg": part.share_kg} for part in found.item.embodied],
        "budget": [asdict(row) for row in found.rows],
        "notes": list(found.notes),
    }


def account_text(found: Account) -> str:
    """Its lines, where the uncertainty comes from, and every factor."""
    rows = [[text, span(getattr(found, name))] for name, text in LINES if shown(name, found)]
    shares = ", ".join(f"{row.term} {row.share:.0%}" for row in found.rows if row.share >= 0.005)
    factors = [
        [
            f.name,
            f"{f.value:.6g} {'' if f.unit == '1' else f.unit}",
            "-" if f.u_ln is None else f"{f.u_ln:.1%}",
            f.status,
            f.source,
            f.date,
            f.licence,
        ]
        for f in found.item.inputs.values()
    ]
    parts = [
        plain(found.item.id),
        grid(("Line", "Value [interval]"), rows, "terminal"),
        f"where the uncertainty comes from: {shares}" if shares else "no uncertainty is known",
        grid(("Factor", "Value", "u", "Status", "Source", "Date", "Licence"), factors, "terminal"),
        "\n".join(f"note: {note}" for note in found.notes),
    ]
    return "\n\n".join(parts) + "\n"


def shown(name: str, found: Account) -> bool:
    """Both bases always have a line; others where there is a value."""
    return name in ("gross", "net") or getattr(found, name).value is not None


def span(found: Estimate, unit: str | None = None) -> str:
    """`553.1 t [520, 590]` with four digits, or what stands in place of an interval."""
    if found.value is None:
        return "-"
    said = found.unit if unit is None else unit
    known = found.low is not None and found.high is not None
    ends = f"[{digits(found.low)}, {digits(found.high)}]" if known else "[no interval]"
    return f"{digits(found.value)} {'' if said == '1' else said + ' '}{ends}"


def digits(value: float | None) -> str:
    """Four significant digits, thousands set apart."""
    rounded = float(f"{value or 0.0:.4g}")
    return f"{rounded:,.0f}" if 1e3 <= abs(rounded) < 1e15 else f"{rounded:.4g}"


def ratio(found: Estimate) -> Estimate:
    """A log-ratio as a ratio."""
    ends = [None if end is None else math.exp(end) for end in (found.value, found.low, found.high)]
    return Estimate(ends[0], ends[1], ends[2], "ratio", found.level, found.note)


def factors_document(
    splits: Mapping[str, Decomposition | None], ratios: Mapping[str, Estimate]
) -> dict[str, Any]:
    """The document of `footprint compare --json`."""
    first = next(found for found in splits.values() if found is not None)
    return {
        "schema_version": SCHEMA_VERSION,
        "a": first.a,
        "b": first.b,
        "ratios": {name: asdict(found) for name, found in ratios.items()},
        **{
            name: None if found is None else split_document(found) for name, found in splits.items()
        },
    }


def split_document(found: Decomposition) -> dict[str, Any]:
    """Log-ratio and factors of one basis."""
    named = {**found.factors, "model_and_machine": found.model_and_machine}
    return {
        "log_ratio": asdict(found.total),
        "factors": {name: None if item is None else asdict(item) for name, item in named.items()},
        "note": found.note,
    }


def factors_text(splits: Mapping[str, Decomposition | None], ratios: Mapping[str, Estimate]) -> str:
    """Ratios of both, then the factors of each basis."""
    first = next(found for found in splits.values() if found is not None)
    parts = [f"A {plain(first.a)}\nB {plain(first.b)}"]
    parts.append(
        grid(
            ("A over B", "Ratio [interval]"),
            [[name, span(found, "1")] for name, found in ratios.items()],
            "terminal",
        )
    )
    parts += [split_text(name, found) for name, found in splits.items() if found is not None]
    return "\n\n".join(parts) + "\n"


def split_text(basis: str, found: Decomposition) -> str:
    """The factors of one basis as a table that ends with the whole."""
    rows = [_factor_row(n, item) for n, item in found.factors.items() if item is not None]
    if found.model is None:
        rows.insert(0, _factor_row("model_and_machine", found.model_and_machine))
    rows.append(
        [
            "the whole",
            span(ratio(found.total), "1"),
            f"{found.total.value:+.3f}",
            bar(found.total),
            "",
        ]
    )
    title = {"gross": "CO2e, gross (location-based)", "net": "CO2e, net (market-based)"}[basis]
    text = f"{title}: A over B\n" + grid(
        ("Factor", "Times [interval]", "ln", "", "What"), rows, "terminal"
    )
    return f"{text}\n\nnote: {found.note}" if found.note else text


def _factor_row(name: str, found: Estimate) -> list[str]:
    return [
        name,
        span(ratio(found), "1"),
        f"{found.value:+.3f}",
        bar(found),
        MEANING.get(name, "both, not told apart"),
    ]


def bar(found: Estimate) -> str:
    """A bar of four marks for each unit of the logarithm: + where A emits more by it, - where less."""
    value = found.value or 0.0
    return ("+" if value > 0 else "-") * round(4 * abs(value))


def clean_document(found: CleanMatch, hours: int) -> dict[str, Any]:
    """The document of `footprint clean --json`."""
    return {"schema_version": SCHEMA_VERSION, "hours": hours, **asdict(found)}


def clean_text(found: CleanMatch, hours: int) -> str:
    """Gross, and net by the hour and over all hours."""
    rows = [
        ["gross (location-based)", f"{found.gross_g / 1000:,.6g} kg"],
        ["net, matched each hour (24/7)", f"{found.hourly_g / 1000:,.6g} kg"],
        ["net, matched over all hours", f"{found.annual_g / 1000:,.6g} kg"],
        ["energy matched in its own hour", f"{100 * found.cfe_share:.2f} %"],
    ]
    return grid((f"{hours} hours", "CO2e"), rows, "terminal") + "\n"
