"""A comparison of two results, for the terminal and as a document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.schemas import SCHEMA_VERSION
from harness.ranking.comparison import Comparison
from harness.render.escape import plain
from harness.render.json import estimate
from harness.render.numbers import estimate_text, percent
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate


def comparison_document(
    found: Comparison, factors: Mapping[str, Estimate | None] | None = None
) -> dict[str, Any]:
    """The document of `compare --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "a": found.a.entry.id,
        "b": found.b.entry.id,
        "unit": found.difference.unit,
        "log_ratio": estimate(found.log_ratio),
        "ratio": estimate(found.ratio),
        "difference": estimate(found.difference),
        "p_a_better": found.p_a_better,
        "verdict": found.verdict,
        "cancelled": list(found.cancelled),
        "more_runs": found.more_runs,
        "resolving": found.resolving,
        "factors": None
        if factors is None
        else {name: None if item is None else estimate(item) for name, item in factors.items()},
    }


def _named(result: Result) -> str:
    entry = result.entry
    said = ", ".join(
        word for word in (entry.submitter, entry.system, entry.benchmark, entry.scenario) if word
    )
    return plain(said or entry.id)


def comparison_text(found: Comparison) -> str:
    """What a person wants to know of two results."""
    words = {
        "better": "A needs less energy than B",
        "worse": "A needs more energy than B",
        "tied": "A and B are tied",
    }
    ratio, level = found.ratio, f"{found.ratio.level:.0%}"
    lines = [
        f"A  {_named(found.a)}",
        f"   {estimate_text(found.a.energy_per_unit)}",
        f"B  {_named(found.b)}",
        f"   {estimate_text(found.b.energy_per_unit)}",
        "",
        f"{words[found.verdict]}: A/B = {ratio.value:.4f} [{ratio.low:.4f}, {ratio.high:.4f}] at {level}",
        f"A - B = {estimate_text(found.difference)}",
        f"A needs less with probability {percent(found.p_a_better)}",
        f"cancelled: {', '.join(map(plain, found.cancelled)) or 'nothing; the two share no meter and no clock'}",
    ]
    if found.verdict == "tied":
        lines.append(f"to resolve it: {found.resolving}")
    return "\n".join(lines) + "\n"
