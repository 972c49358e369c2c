"""Energy per correct answer: accuracy is a count."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from harness.formats.base import Entry, Quality
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.scoring.score import score
from tests.scoring.test_score import entry


def graded(*powers_w: float, **grading: Any) -> Entry:
    evidence = Evidence(endpoint=EndpointEvidence(grading=grading))
    plain = entry("a", *powers_w)
    return replace(plain, runs=tuple(replace(run, evidence=evidence) for run in plain.runs))


def test_few_questions_make_a_wide_interval() -> None:
    """30 correct answers of 100 questions: the count is known to sqrt(1/30.5 - 1/101) = 15 %."""
    result = score(graded(100.0, correct=30, asked=100, questions=100, chance=0.0))
    per_correct = result.per_correct
    assert per_correct is not None
    assert per_correct.unit == "J/correct-answer"
    assert per_correct.value == pytest.approx(10_000 / 30, rel=1e-3)
    spread = math.log(per_correct.high / per_correct.low) / 2 / 1.96  # type: ignore[operator]
    assert spread == pytest.approx(math.sqrt(1 / 30.5 - 1 / 101), rel=0.02)
    assert "of 100 questions, known to 15.13%" in per_correct.note


def test_asking_a_question_often_does_not_make_it_many() -> None:
    often = score(graded(100.0, correct=300, asked=1000, questions=100, chance=0.0)).per_correct
    once = score(graded(100.0, correct=30, asked=100, questions=100, chance=0.0)).per_correct
    assert often is not None
    assert once is not None
    widths = [math.log(item.high / item.low) for item in (often, once)]  # type: ignore[operator]
    assert widths[0] == pytest.approx(widths[1], rel=0.02)


@pytest.mark.parametrize(
    ("grading", "reason"),
    [
        ({"correct": 0, "asked": 50, "questions": 50, "chance": 0.0}, "no answer was correct"),
        ({"correct": 27, "asked": 50, "questions": 50, "chance": 0.5}, "not above chance"),
    ],
)
def test_luck_has_no_energy_per_correct_answer(grading: dict[str, Any], reason: str) -> None:
    per_correct = score(graded(100.0, **grading)).per_correct
    assert per_correct is not None
    assert per_correct.value is None
    assert reason in per_correct.note


@pytest.mark.parametrize(
    "grading",
    [
        {"correct": "30", "asked": 100},
        {"correct": 101, "asked": 100},
        {"correct": -1, "asked": 100},
        {"correct": math.nan, "asked": 100},
        {},
    ],
    ids=str,
)
def test_counts_that_are_none_give_no_figure(grading: dict[str, Any]) -> None:
    assert score(graded(100.0, **grading)).per_correct is None


def test_accuracy_over_a_data_set_of_known_size_counts_its_questions() -> None:
    plain = replace(entry("a", 100.0), benchmark="resnet50")
    with_quality = replace(plain.runs[0], quality=Quality("accuracy", 76.0))
    per_correct = score(replace(plain, runs=(with_quality,))).per_correct
    assert per_correct is not None
    assert per_correct.value == pytest.approx(10.0 / 0.76, rel=1e-3)
    assert "50000 questions" in per_correct.note
    unknown = score(replace(plain, benchmark="b", runs=(with_quality,))).per_correct
    assert unknown is not None
    assert "not known" in unknown.note


@pytest.mark.parametrize(
    ("stated", "share"), [(1.0, 1.0), (0.8, 0.8), (100.0, 1.0), (80.0, 0.8), (1.5, 0.015)]
)
def test_an_accuracy_up_to_1_is_a_share_and_above_it_a_percentage(
    stated: float, share: float
) -> None:
    plain = entry("a", 100.0)
    with_quality = replace(plain.runs[0], quality=Quality("accuracy", stated))
    per_correct = score(replace(plain, runs=(with_quality,))).per_correct
    assert per_correct is not None
    assert per_correct.value == pytest.approx(10.0 / share, rel=1e-3)


@pytest.mark.parametrize("stated", [-0.5, 100.5, math.nan])
def test_an_accuracy_that_is_no_share_gives_no_figure(stated: float) -> None:
    plain = entry("a", 100.0)
    with_quality = replace(plain.runs[0], quality=Quality("accuracy", stated))
    assert score(replace(plain, runs=(with_quality,))).per_correct is None


def test_gradings_of_unequal_runs_add_up() -> None:
    """30 of 100 and 80 of 200: 110 of 300 over both, chance and questions of the worse run."""
    plain = graded(100.0, 110.0, correct=30, asked=100, questions=100, chance=0.0)
    second = EndpointEvidence(grading={"correct": 80, "asked": 200, "questions": 50, "chance": 0.1})
    runs = (plain.runs[0], replace(plain.runs[1], evidence=Evidence(endpoint=second)))
    per_correct = score(replace(plain, runs=runs)).per_correct
    assert per_correct is not None
    ratios = [10_000 / (100 * 110 / 300), 11_000 / (200 * 110 / 300)]
    assert per_correct.value == pytest.approx(math.sqrt(ratios[0] * ratios[1]), rel=0.02)
    assert "of 50 questions" in per_correct.note
    near_chance = replace(second, grading={**second.grading, "chance": 0.36})
    runs = (plain.runs[0], replace(plain.runs[1], evidence=Evidence(endpoint=near_chance)))
    unlike_chance = score(replace(plain, runs=runs)).per_correct
    assert unlike_chance is not None
    assert unlike_chance.value is None
    assert "not above chance, 36.0%" in unlike_chance.note


def test_one_run_without_a_grading_leaves_none() -> None:
    plain = graded(100.0, 110.0, correct=30, asked=100)
    runs = (plain.runs[0], replace(plain.runs[1], evidence=Evidence()))
    assert score(replace(plain, runs=runs)).per_correct is None
