"""One account, a comparison of two, and clean matching: as text and as documents."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from harness.carbon.footprint.compute import Account
from harness.carbon.footprint.document import Embodied
from harness.carbon.formulas import CleanMatch
from harness.core.schemas import SCHEMA_VERSION
from harness.emissions.decomposition import Decomposition
from harness.emissions.footprint_comparison import FootprintComparison
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


def account_document(account: Account) -> dict[str, Any]:
    """Return the document of `footprint compute --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": account.item.id,
        "measurement_class": "declared",
        **{name: asdict(getattr(account, name)) for name, _ in LINES},
        "factors": [factor.document() for factor in account.item.inputs.values()],
        "hardware": [_embodied(part) for part in account.item.embodied],
        "budget": [asdict(row) for row in account.rows],
        "notes": list(account.notes),
    }


def _embodied(part: Embodied) -> dict[str, Any]:
    document = asdict(part)
    return {"what": document.pop("hardware"), **document, "share_kg": part.share_kg}


def account_text(account: Account) -> str:
    """Return the lines of an account, the sources of its uncertainty, and every factor."""
    rows = [[text, span(getattr(account, name))] for name, text in LINES if shown(name, account)]
    shares = ", ".join(f"{row.term} {row.share:.0%}" for row in account.rows if row.share >= 0.005)
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
        for f in account.item.inputs.values()
    ]
    parts = [
        plain(account.item.id),
        grid(("Line", "Value [interval]"), rows, "terminal"),
        f"where the uncertainty comes from: {shares}" if shares else "no uncertainty is known",
        grid(("Factor", "Value", "u", "Status", "Source", "Date", "Licence"), factors, "terminal"),
        "\n".join(f"note: {note}" for note in account.notes),
    ]
    return "\n\n".join(parts) + "\n"


def shown(name: str, account: Account) -> bool:
    """Whether a line is shown: both bases always, others where there is a value."""
    return name in ("gross", "net") or getattr(account, name).value is not None


def span(estimate: Estimate, unit: str | None = None) -> str:
    """Return `553.1 t [520, 590]` with four digits, or a dash."""
    if estimate.value is None:
        return "-"
    shown_unit = estimate.unit if unit is None else unit
    has_interval = estimate.low is not None and estimate.high is not None
    ends = f"[{digits(estimate.low)}, {digits(estimate.high)}]" if has_interval else "[no interval]"
    return f"{digits(estimate.value)} {'' if shown_unit == '1' else shown_unit + ' '}{ends}"


def digits(value: float | None) -> str:
    """Return four significant digits, with thousands separated."""
    rounded = float(f"{value or 0.0:.4g}")
    return f"{rounded:,.0f}" if 1e3 <= abs(rounded) < 1e15 else f"{rounded:.4g}"


def ratio(logarithm: Estimate) -> Estimate:
    """Return a log-ratio as a ratio."""
    ends = [
        None if end is None else math.exp(end)
        for end in (logarithm.value, logarithm.low, logarithm.high)
    ]
    return Estimate(ends[0], ends[1], ends[2], "ratio", logarithm.level, logarithm.note)


def factors_document(comparison: FootprintComparison) -> dict[str, Any]:
    """Return the document of `footprint compare --json`."""
    names = _names(comparison)
    bases = {
        basis: None if item is None else decomposition_document(item)
        for basis, item in comparison.decompositions.items()
    }
    ratios = {name: asdict(estimate) for name, estimate in comparison.ratios.items()}
    return {
        "schema_version": SCHEMA_VERSION,
        "a": names[0],
        "b": names[1],
        "ratios": ratios,
        **bases,
    }


def _names(comparison: FootprintComparison) -> tuple[str, str]:
    """Return the names of A and B."""
    present = [item for item in comparison.decompositions.values() if item is not None]
    return present[0].a, present[0].b


def decomposition_document(decomposition: Decomposition) -> dict[str, Any]:
    """Return log-ratio and factors of one basis."""
    factors = {**decomposition.factors, "model_and_machine": decomposition.model_and_machine}
    return {
        "log_ratio": asdict(decomposition.total),
        "factors": {name: None if item is None else asdict(item) for name, item in factors.items()},
        "note": decomposition.note,
    }


def factors_text(comparison: FootprintComparison) -> str:
    """Return the ratios of both, then the factors of each basis."""
    a, b = _names(comparison)
    rows = [[name, span(estimate, "1")] for name, estimate in comparison.ratios.items()]
    parts = [
        f"A {plain(a)}\nB {plain(b)}",
        grid(("A over B", "Ratio [interval]"), rows, "terminal"),
    ]
    for basis, decomposition in comparison.decompositions.items():
        if decomposition is not None:
            parts.append(decomposition_text(basis, decomposition))
    return "\n\n".join(parts) + "\n"


def decomposition_text(basis: str, decomposition: Decomposition) -> str:
    """Return the factors of one basis as a table that ends with the whole."""
    rows = [_factor_row(n, item) for n, item in decomposition.factors.items() if item is not None]
    if decomposition.model is None:
        rows.insert(0, _factor_row("model_and_machine", decomposition.model_and_machine))
    rows.append(
        [
            "the whole",
            span(ratio(decomposition.total), "1"),
            f"{decomposition.total.value:+.3f}",
            bar(decomposition.total),
            "",
        ]
    )
    title = {"gross": "CO2e, gross (location-based)", "net": "CO2e, net (market-based)"}[basis]
    text = f"{title}: A over B\n" + grid(
        ("Factor", "Times [interval]", "ln", "", "What"), rows, "terminal"
    )
    return f"{text}\n\nnote: {decomposition.note}" if decomposition.note else text


def _factor_row(name: str, logarithm: Estimate) -> list[str]:
    return [
        name,
        span(ratio(logarithm), "1"),
        f"{logarithm.value:+.3f}",
        bar(logarithm),
        MEANING.get(name, "both, not told apart"),
    ]


def bar(logarithm: Estimate) -> str:
    """Return four marks for each unit of the logarithm: + where A emits more, - where less."""
    value = logarithm.value or 0.0
    return ("+" if value > 0 else "-") * round(4 * abs(value))


def clean_document(match: CleanMatch, hours: int) -> dict[str, Any]:
    """Return the document of `footprint clean --json`."""
    return {"schema_version": SCHEMA_VERSION, "hours": hours, **asdict(match)}


def clean_text(match: CleanMatch, hours: int) -> str:
    """Return gross, and net matched by the hour and over all hours."""
    rows = [
        ["gross (location-based)", f"{match.gross_g / 1000:,.6g} kg"],
        ["net, matched each hour (24/7)", f"{match.hourly_g / 1000:,.6g} kg"],
        ["net, matched over all hours", f"{match.annual_g / 1000:,.6g} kg"],
        ["energy matched in its own hour", f"{100 * match.cfe_share:.2f} %"],
    ]
    return grid((f"{hours} hours", "CO2e"), rows, "terminal") + "\n"
