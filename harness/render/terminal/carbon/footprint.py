"""Declared footprints as text and as documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from harness.carbon.footprint.document import Footprint
from harness.carbon.footprint.intervals import intervals
from harness.carbon.footprint.totals import alternatives, common_convention, recomputed
from harness.core.schemas import SCHEMA_VERSION
from harness.render.escape import grid

FIGURES = ("energy_mwh", "gross_tco2e", "net_tco2e")


def published_document(items: Sequence[Footprint], *, level: float, seed: int) -> dict[str, Any]:
    """Return the document of `footprint published --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "measurement_class": "declared",
        "entries": [_entry(item, level, seed) for item in items],
    }


def _entry(item: Footprint, level: float, seed: int) -> dict[str, Any]:
    again = recomputed(item)
    common, missing = common_convention(item)
    return {
        "id": item.id,
        "model": item.model,
        "organisation": item.organisation,
        "source": item.source,
        "date": item.date,
        "measurement_class": "declared",
        "published": dict(item.published),
        "recomputed": again,
        "error_pct": {name: error_pct(again[name], item.published.get(name)) for name in FIGURES},
        "interval": {
            name: asdict(estimate)
            for name, estimate in intervals(item, level=level, seed=seed).items()
        },
        "convention": dict(item.convention),
        "common_convention": common
        | {"note": missing, "stand_ins": [factor.document() for factor in item.common.values()]},
        "alternatives": alternatives(item),
        "factors": [factor.document() for factor in item.inputs.values()],
        "verified": item.verified,
        "unverified": [
            name
            for name, f in item.inputs.items()
            if f.status in ("unverified", "inferred", "assumed")
        ],
        "note": item.note,
    }


def error_pct(again: float | None, published: float | None) -> float | None:
    """Return recomputed against published [%]; None where either is absent or zero."""
    return None if again is None or not published else 100 * (again / published - 1)


def published_text(items: Sequence[Footprint], form: str = "terminal") -> str:
    """Return the catalogue as a table.

    Printed figures stand beside recomputed ones, by their own and by the common convention.
    """
    head = (
        "Model",
        "Source",
        "MWh",
        "again",
        "Gross t",
        "again",
        "Net t",
        "again",
        "Worst error",
        "Convention",
        "Common MWh",
        "Common t",
        "",
    )
    rows = [_row(item) for item in items]
    notes = (
        "All figures are declared by their publications, none is measured by joulemark; gross is "
        "location-based, net "
        "market-based.",
        "Common: watts x PUE x location-based intensity. (s) a stand-in for what is not printed: "
        "--json names it.",
        "(u) not every figure was read in its source. A dash: not printed, or not to be had from "
        "what is printed.",
    )
    parts = [grid(head, rows, form)]
    if form == "terminal":
        parts.append(bars(items))
    return "\n\n".join([*parts, "\n".join(notes)]) + "\n"


def bars(items: Sequence[Footprint], width: int = 40) -> str:
    """Return gross (#) and net (=) of each model as bars on a logarithmic scale."""
    rows = [(item, recomputed(item)) for item in items]
    pairs = [
        (item.model, kind, again[name] or item.published.get(name))
        for item, again in rows
        for kind, name in (("#", "gross_tco2e"), ("=", "net_tco2e"))
    ]
    bars_shown = [(model, kind, math.log10(t)) for model, kind, t in pairs if t]
    if not bars_shown:
        return ""
    low, high = math.floor(min(t for *_, t in bars_shown)), max(t for *_, t in bars_shown)
    lines = [
        f"{model[:38]:<38} "
        f"{kind * max(1, round(width * (t - low) / max(high - low, 1e-9))):<{width}} {10**t:.4g} t"
        for model, kind, t in bars_shown
    ]
    return "\n".join([f"gross #, net =, from {10.0**low:g} t on a logarithmic scale", *lines])


def _row(item: Footprint) -> list[str]:
    again, (common, _) = recomputed(item), common_convention(item)
    errors, pairs = [], []
    for name in FIGURES:
        printed = item.published.get(name)
        pairs += [short(printed), short(again[name])]
        error = error_pct(again[name], printed)
        if error is not None:
            errors.append(error)
    marks = ("" if item.verified else "u") + ("s" if item.common else "")
    return [
        item.model,
        item.id.split("/")[0],
        *pairs,
        f"{max(errors, key=abs):+.2f} %" if errors else "-",
        convention_text(item),
        short(common["energy_mwh"]),
        short(common["location_based_tco2e"]),
        f"({marks})" if marks else "",
    ]


def short(value: float | None) -> str:
    """Four digits, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def convention_text(item: Footprint) -> str:
    """`rated W, no PUE, gross`."""
    pue = {"none": "no PUE", "stated": "PUE", "inferred": "PUE inferred", "unknown": "PUE unknown"}
    convention = item.convention
    return f"{convention['power']} W, {pue[convention['pue']]}, {convention['accounting']}"


def one_text(item: Footprint, *, level: float, seed: int) -> str:
    """Return one footprint in full: factors, figures with intervals, other conventions."""
    again = recomputed(item)
    lines = [
        f"{item.model}  ({item.id})",
        f"  {item.source}",
        f"  {convention_text(item)}. {item.note}",
        "",
    ]
    factors = [
        [
            f.name,
            f"{f.value:.6g} {f.unit if f.unit != '1' else ''}",
            "-" if f.u_ln is None else f"{f.u_ln:.1%}",
            f.status,
            f.source,
            f.note,
        ]
        for f in item.inputs.values()
    ]
    lines += [grid(("Factor", "Value", "u", "Status", "Source", "Note"), factors, "terminal"), ""]
    estimates = intervals(item, level=level, seed=seed)
    figures = [
        [
            name,
            short(item.published.get(name)),
            short(again.get(name)),
            f"[{short(spread.low)}, {short(spread.high)}]"
            if spread and spread.low is not None
            else "-",
        ]
        for name, spread in zip(
            (*FIGURES, "idle_tco2e", "embodied_tco2e"),
            (*estimates.values(), None, None),
            strict=True,
        )
        if item.published.get(name) is not None or again.get(name) is not None
    ]
    lines += [
        grid(("Figure", "Published", "Recomputed", f"{level:.0%} interval"), figures, "terminal"),
        "",
    ]
    spread = [[a["name"], short(a["energy_mwh"]), short(a["tco2e"])] for a in alternatives(item)]
    if spread:
        lines += [
            "The same run under other conventions:",
            grid(("Convention", "MWh", "t CO2e"), spread, "terminal"),
        ]
    return "\n".join(lines).rstrip() + "\n"
