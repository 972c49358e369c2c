"""A comparison of two results, for the terminal and as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.core.schemas import SCHEMA_VERSION
from harness.ranking.comparison import Comparison
from harness.ranking.paired_questions import PairedQuestions
from harness.render.escape import plain
from harness.render.json import estimate
from harness.render.numbers import estimate_text, percent
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate


def comparison_document(
    comparison: Comparison,
    factors: Mapping[str, Estimate | None] | None = None,
    verdicts: tuple[str | None, str | None] = (None, None),
) -> dict[str, Any]:
    """Return the document of `compare --json`.

    Args:
        comparison: Two results against each other.
        factors: Terms of their CO2e, where a grid was named.
        verdicts: Audit verdicts of both.
    """
    a, b = comparison.a, comparison.b
    return {
        "schema_version": SCHEMA_VERSION,
        "a": a.entry.id,
        "b": b.entry.id,
        "unit": comparison.difference.unit,
        "log_ratio": estimate(comparison.log_ratio),
        "ratio": estimate(comparison.ratio),
        "difference": estimate(comparison.difference),
        "p_a_better": comparison.p_a_better,
        "verdict": comparison.verdict,
        "reasons": list(comparison.reasons),
        "cancelled": list(comparison.cancelled),
        "more_runs": comparison.more_runs,
        "resolving": comparison.resolving,
        "break_even_cv": comparison.break_even_cv,
        "scatter": {"a": _scatter(a), "b": _scatter(b)},
        "boundary_a": a.boundary,
        "boundary_b": b.boundary,
        "verdict_a": verdicts[0],
        "verdict_b": verdicts[1],
        "factors": _factors(factors),
        "questions": _questions(comparison.questions),
    }


def _questions(paired: PairedQuestions | None) -> dict[str, Any] | None:
    if paired is None:
        return None
    return asdict(paired) | {
        "accuracy_difference": estimate(paired.accuracy_difference),
        "ratio": estimate(paired.ratio),
    }


def _scatter(result: Result) -> dict[str, Any] | None:
    return None if result.scatter is None else asdict(result.scatter)


def _factors(factors: Mapping[str, Estimate | None] | None) -> dict[str, Any] | None:
    if factors is None:
        return None
    return {name: None if item is None else estimate(item) for name, item in factors.items()}


VERDICT_TEXTS = {
    "better": "A needs less energy than B",
    "worse": "A needs more energy than B",
    "tied": "A and B are tied",
    "not resolved": "Not resolved",
    "not comparable": "Not comparable",
}


def comparison_text(comparison: Comparison, warnings: Sequence[str] = ()) -> str:
    """Return a comparison for people.

    Args:
        comparison: Two results against each other.
        warnings: What to know of both sides, such as an invalid one.
    """
    lines = []
    for letter, result in (("A", comparison.a), ("B", comparison.b)):
        lines += [f"{letter}  {_name(result)}", f"   {estimate_text(result.energy_per_unit)}"]
    lines += ["", f"{VERDICT_TEXTS[comparison.verdict]}{_ratio_text(comparison.ratio)}"]
    if comparison.verdict == "not comparable":
        lines += [f"  {plain(reason)}" for reason in comparison.reasons]
    elif comparison.p_a_better is not None and comparison.log_ratio.low is not None:
        lines.append(f"A - B = {estimate_text(comparison.difference)}")
        lines.append(f"A needs less with probability {percent(comparison.p_a_better)}")
        shared = ", ".join(map(plain, comparison.cancelled))
        lines.append(f"cancelled: {shared or 'nothing; no instrument is shown to be shared'}")
    if comparison.verdict == "not resolved" or _is_open_tie(comparison):
        lines.append(f"to resolve it: {comparison.resolving}")
    lines += _question_lines(comparison.questions)
    lines += [f"note: {plain(warning)}" for warning in warnings]
    return "\n".join(lines) + "\n"


CORRECT_TEXTS = {
    "better": "A needs less energy per correct answer than B",
    "worse": "A needs more energy per correct answer than B",
    "tied": "Per correct answer A and B are tied",
    "not resolved": "Per correct answer it is not resolved",
}


def _question_lines(paired: PairedQuestions | None) -> list[str]:
    """Return both over one set of questions, question by question; nothing without one."""
    if paired is None:
        return []
    difference, ratio = paired.accuracy_difference, paired.ratio
    shares = [percent(end or 0.0) for end in (difference.value, difference.low, difference.high)]
    counts = f"{paired.only_a} better by A, {paired.only_b} by B"
    return [
        f"{CORRECT_TEXTS[paired.verdict]}{_ratio_text(ratio)}",
        f"same {paired.questions} questions, {counts}; "
        f"accuracy of A - B = {shares[0]} [{shares[1]}, {shares[2]}]",
    ]


def _is_open_tie(comparison: Comparison) -> bool:
    return comparison.verdict == "tied" and comparison.log_ratio.low is not None


def _ratio_text(ratio: Estimate) -> str:
    if ratio.value is None:
        return ""
    if ratio.low is None or ratio.high is None:
        return f": A/B = {ratio.value:.4f}, no interval: {ratio.note}"
    interval = f"[{ratio.low:.4f}, {ratio.high:.4f}]"
    return f": A/B = {ratio.value:.4f} {interval} at {ratio.level:.0%}"


def _name(result: Result) -> str:
    entry = result.entry
    words = (entry.submitter, entry.system, entry.benchmark, entry.scenario)
    return plain(", ".join(word for word in words if word) or entry.id)
