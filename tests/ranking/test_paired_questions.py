"""Two results over one set of questions: paired, whatever their models, if it is one set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.core.schemas import check
from harness.formats.base import Entry
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.ranking.comparison import Comparison, compare
from harness.render.terminal.comparison import comparison_document, comparison_text
from harness.scoring.score import score
from harness.uncertainty.proportion import paired_share_draws
from tests.scoring.test_score import entry

POWERS = (100.0, 100.5, 99.5, 100.2, 99.8)


def answered(name: str, marks: list[float], factor: float = 1.0, **record: Any) -> Entry:
    """Five runs, in which each question was asked once; all runs answered alike."""
    grading = {
        "correct": sum(marks),
        "asked": len(marks),
        "questions": len(marks),
        "chance": 0.0,
        "marks": {str(index): mark for index, mark in enumerate(marks)},
    }
    fixed = {"questions_sha256": "set 1"}
    evidence = Evidence(endpoint=EndpointEvidence(grading=grading, record=fixed | record))
    own = factor if name == "a" else factor * 1.00001  # else both would be of the same runs
    plain = entry(name, *(own * power for power in POWERS))
    return replace(plain, runs=tuple(replace(run, evidence=evidence) for run in plain.runs))


def against(a: Entry, b: Entry) -> Comparison:
    return compare(*(score(item, draws=20_000) for item in (a, b)), draws=20_000)


HALF = [1.0, 0.0] * 50


def test_equal_answers_leave_the_energies() -> None:
    paired = against(answered("a", HALF), answered("b", HALF, 1.1)).questions
    assert paired is not None
    assert (paired.questions, paired.only_a, paired.only_b) == (100, 0, 0)
    assert paired.accuracy_difference.value == 0
    assert paired.ratio.value == pytest.approx(1 / 1.1, rel=1e-3)
    assert paired.verdict == "better"


def test_pairing_resolves_what_independent_questions_would_not() -> None:
    """Ten of a hundred questions more: 55 and 65 right of 100 are not told apart unpaired."""
    more = [1.0] * 10 + HALF[10:]
    paired = against(answered("a", more), answered("b", HALF)).questions
    assert paired is not None
    assert (paired.only_a, paired.only_b) == (5, 0)
    assert paired.accuracy_difference.value == pytest.approx(0.05)
    width = paired.accuracy_difference.high - paired.accuracy_difference.low  # type: ignore[operator]
    assert width < 0.12, "unpaired: 2 * 1.96 * sqrt(2 * 0.25 / 100) = 0.28"


@pytest.mark.parametrize("few_is_first", [True, False])
def test_the_ratio_spreads_as_the_shares_of_right_answers_do(few_is_first: bool) -> None:
    """4 of 40 against 30 of 40 right; the energies of the runs hardly scatter."""
    few, many = [1.0] * 4 + [0.0] * 36, [0.0] * 10 + [1.0] * 30
    a, b = (few, many) if few_is_first else (many, few)
    paired = against(answered("a", a, 3.0), answered("b", b)).questions
    assert paired is not None
    ratio = paired.ratio
    assert ratio.value == pytest.approx(3 * sum(b) / sum(a), rel=1e-3)
    share_a, share_b = paired_share_draws(a, b, seed=5, key="other", draws=40_000)
    low, high = np.quantile(3 * share_b / share_a, [0.025, 0.975])
    assert (ratio.low, ratio.high) == pytest.approx((low, high), rel=0.05)
    assert low * high != pytest.approx(ratio.value**2, rel=0.1), "it is skewed"


def test_other_models_are_compared_per_correct_answer_only() -> None:
    other = replace(answered("b", HALF, 0.5), benchmark="other-model")
    comparison = against(answered("a", HALF), other)
    assert comparison.verdict == "not comparable"
    assert comparison.questions is not None
    assert comparison.questions.verdict == "worse"
    text = comparison_text(comparison)
    assert "A needs more energy per correct answer than B: A/B = 2.0000" in text
    assert "same 100 questions, 0 better by A, 0 by B" in text
    document = comparison_document(comparison)
    check("comparison", document)
    assert document["questions"]["ratio"]["value"] == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize(
    "other",
    [
        answered("b", HALF, questions_sha256="set 2"),
        answered("b", HALF, questions_sha256=""),
        answered("b", HALF[:-2]),
        answered("b", [*HALF[:-1], 2.0]),
        replace(answered("b", HALF), simulated=True),
        entry("b", *POWERS),
    ],
    ids=["another set", "no set", "fewer questions", "no share", "simulated", "not graded"],
)
def test_without_one_graded_set_nothing_is_paired(other: Entry) -> None:
    assert against(answered("a", HALF), other).questions is None


def test_single_runs_state_the_ratio_without_an_interval() -> None:
    one, other = (answered(name, HALF) for name in ("a", "b"))
    comparison = against(replace(one, runs=one.runs[:1]), replace(other, runs=other.runs[:1]))
    paired = comparison.questions
    assert paired is not None
    assert paired.verdict == "not resolved"
    assert (paired.ratio.low, paired.ratio.high) == (None, None)
    assert paired.ratio.value == pytest.approx(1.0, rel=1e-4)


def test_results_of_the_same_runs_are_not_paired() -> None:
    assert against(answered("a", HALF), answered("a", HALF)).questions is None


def test_nothing_right_has_no_energy_per_correct_answer() -> None:
    paired = against(answered("a", HALF), answered("b", [0.0] * 100)).questions
    assert paired is not None
    assert paired.verdict == "not resolved"
    assert paired.ratio.value is None
