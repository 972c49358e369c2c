"""Two systems that answered the same questions: the difference is judged question by question.

Each question is easy or hard for both, so the shares of right answers are drawn together. The
models may differ, and their tokens with them; what is compared is energy per correct answer, at one
boundary. Both must have graded the same set, which the hash of its file shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.core.numbers import stated_number
from harness.ranking.shared_meters import with_separate_errors
from harness.scoring.correct_answers import MIN_ACCURACY
from harness.scoring.result import Result
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw
from harness.uncertainty.proportion import paired_share_draws
from harness.uncertainty.random_draws import Floats

Marks = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedQuestions:
    """A against B over one set of questions.

    Attributes:
        questions: Questions that both were asked.
        only_a: Questions that A answered better.
        only_b: Questions that B answered better.
        accuracy_difference: Share of right answers of A less that of B.
        ratio: Energy per correct answer of A over that of B; without an interval where the scatter
            between runs of one side is unknown.
        verdict: Whether A needs less energy per correct answer: better, worse, tied, or not
            resolved where there is no interval.
    """

    questions: int
    only_a: int
    only_b: int
    accuracy_difference: Estimate
    ratio: Estimate
    verdict: str


def pair_questions(
    a: Result, b: Result, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> PairedQuestions | None:
    """Compare two results question by question; ``None`` where they share no graded set.

    Args:
        a: First result.
        b: Second result.
        level: Coverage probability of the intervals.
        seed: Seed of the draws.
        draws: How many draws.
    """
    marks_a, marks_b = _marks(a), _marks(b)
    if not marks_a or marks_a.keys() != marks_b.keys() or _question_set(a) != _question_set(b):
        return None
    if not _question_set(a):
        return None
    order = sorted(marks_a, key=int)
    first = [marks_a[index] for index in order]
    second = [marks_b[index] for index in order]
    key = f"{a.entry.id}|{b.entry.id}"
    shares_a, shares_b = paired_share_draws(first, second, seed=seed, key=key, draws=draws)
    difference = _difference(first, second, shares_a - shares_b, level)
    ratio, verdict = _ratio(a, b, first, second, (shares_a, shares_b), level, seed)
    pairs = list(zip(first, second, strict=True))
    return PairedQuestions(
        questions=len(order),
        only_a=sum(x > y for x, y in pairs),
        only_b=sum(x < y for x, y in pairs),
        accuracy_difference=difference,
        ratio=ratio,
        verdict=verdict,
    )


def _marks(result: Result) -> dict[str, float]:
    """Return the share of right answers to each question, over all runs; empty without them."""
    sums: dict[str, list[float]] = {}
    for run in result.runs:
        evidence = run.run.evidence.endpoint
        marks: Any = evidence.grading.get("marks") if evidence is not None else None
        if not isinstance(marks, Mapping):
            return {}
        for index, value in marks.items():
            share = stated_number(value)
            is_index = str(index).isascii() and str(index).isdigit() and len(str(index)) < 10
            if share is None or not 0 <= share <= 1 or not is_index:
                return {}
            sums.setdefault(str(index), []).append(share)
    return {index: math.fsum(shares) / len(shares) for index, shares in sums.items()}


def _question_set(result: Result) -> str:
    """Return the hash of the questions of all runs; empty where they differ or state none."""
    hashes = {
        str(run.run.evidence.endpoint.record.get("questions_sha256") or "")
        for run in result.runs
        if run.run.evidence.endpoint is not None
    }
    return hashes.pop() if len(hashes) == 1 else ""


def _difference(first: list[float], second: list[float], draws: Floats, level: float) -> Estimate:
    value = (math.fsum(first) - math.fsum(second)) / len(first)
    low, high = interval(draws, level)
    return Estimate(value, min(low, value), max(high, value), "share", level)


def _ratio(
    a: Result,
    b: Result,
    first: list[float],
    second: list[float],
    shares: tuple[Floats, Floats],
    level: float,
    seed: int,
) -> tuple[Estimate, str]:
    """Return the ratio of energies per correct answer, and what it says."""
    per_answer = _per_answer_j(a), _per_answer_j(b)
    right = math.fsum(first) / len(first), math.fsum(second) / len(second)
    if per_answer[0] is None or not per_answer[1] or min(right) < MIN_ACCURACY:
        note = "no energy per correct answer on one side"
        return Estimate(None, None, None, "A/B", level, note), "not resolved"
    value = per_answer[0] / right[0] / (per_answer[1] / right[1])
    energies = _log_energy_draws(a, b, seed, len(shares[0]))
    if energies is None:
        note = "from single runs, scatter between runs is unknown"
        return Estimate(value, None, None, "A/B", level, note), "not resolved"
    with np.errstate(divide="ignore"):
        answers = np.log(shares[0] / right[0]) - np.log(shares[1] / right[1])
    low, high = interval(math.log(value) + energies - answers, level)
    verdict = "better" if high < 0 else "worse" if low > 0 else "tied"
    low, high = min(low, math.log(value)), max(high, math.log(value))
    return Estimate(value, math.exp(low), math.exp(high), "A/B", level), verdict


def _per_answer_j(result: Result) -> float | None:
    """Return the mean energy of a run over the answers of a run [J]."""
    answers = 0.0
    for run in result.runs:
        evidence = run.run.evidence.endpoint
        asked = stated_number(evidence.grading.get("asked")) if evidence is not None else None
        if not asked or asked < 0:
            return None
        answers += asked
    energy = result.energy.value
    return None if energy is None else energy * result.n_runs / answers


def _log_energy_draws(a: Result, b: Result, seed: int, draws: int) -> Floats | None:
    """Return draws of the logarithm of the ratio of both energies, less its value.

    Errors that both share cancel. ``None`` where the scatter between runs of one is unknown.
    """
    a, b = with_separate_errors([a, b])
    logs = []
    for result in (a, b):
        budget = result.per_unit_budget
        if budget is None or budget.run_scatter is None or budget.value <= 0:
            return None
        budget = budget.logarithmic()
        values = draw(budget, seed=seed, draws=draws)
        if values.min() <= 0:
            return None
        logs.append(np.log(values / budget.value))
    return np.asarray(logs[0] - logs[1], np.float64)
