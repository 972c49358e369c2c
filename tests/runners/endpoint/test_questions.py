"""Question sets, and graders that are neither lenient nor blind."""

from __future__ import annotations

import json

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.runners.endpoint.questions import (
    BUNDLED,
    Question,
    is_correct,
    load_questions,
    parse_questions,
)


@pytest.mark.parametrize(
    ("grader", "answer", "right", "wrong"),
    [
        ("exact", "Paris", " paris. ", "Paris, France"),
        ("words", "Paris", "The capital of France is Paris.", "Parisian"),
        ("words", "New Delhi", "It is **New Delhi**.", "Delhi"),
        ("number", "12", "7 + 5 = 12.", "12 + 5 = 17"),
        ("number", "-3", "It is -3", "It is 3"),
        ("number", "1200", "1,200", "1.2"),
        ("regex", r"\bcolou?r\b", "the Color", "colors"),
    ],
)
def test_a_grader_tells_right_from_wrong(grader: str, answer: str, right: str, wrong: str) -> None:
    question = Question("q", "?", answer, grader)
    assert is_correct(question, right)
    assert not is_correct(question, wrong)
    assert not is_correct(question, "")


def test_a_choice_is_the_first_option_that_is_named() -> None:
    question = Question("q", "?", "no", "choice", ("yes", "no"))
    assert is_correct(question, "No, yes would be wrong.")
    assert not is_correct(question, "Yes. No doubt.")
    assert not is_correct(question, "Nothing")


@pytest.mark.parametrize("name", sorted(BUNDLED))
def test_a_bundled_set_has_its_answers_graded_right_and_depends_on_the_seed(name: str) -> None:
    questions = load_questions(f"{name}:20", seed=3)
    assert len(questions) == 20
    assert len({question.id for question in questions}) == 20
    assert all(is_correct(question, question.answer) for question in questions)
    assert all(not is_correct(question, "I do not know.") for question in questions)
    assert questions == load_questions(f"{name}:20", seed=3)
    assert questions != load_questions(f"{name}:20", seed=4)


def test_a_set_survives_its_file() -> None:
    questions = load_questions("mixed:8")
    lines = "".join(json.dumps(question.document()) + "\n" for question in questions)
    assert parse_questions(lines.encode(), "set") == questions


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"grader": "magic"}, "the grader is none of"),
        ({"answer": 3}, "answer is no text"),
        ({"grader": "choice", "options": ["a"]}, "none of the options"),
        ({"chance": 1.5}, "chance"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"grader": "regex", "answer": "(a+)+b"}, "no plain pattern"),
        ({"grader": "regex", "answer": "a*b*c*d*"}, "no plain pattern"),
        ({"grader": "regex", "answer": "a?" * 30 + "a" * 30}, "no plain pattern"),
        ({"grader": "number", "answer": "1_0"}, "the answer is no number"),
    ],
)
def test_a_line_that_is_no_question_is_named(change: dict[str, object], fault: str) -> None:
    line = {"id": "q", "prompt": "?", "answer": "x"} | change
    with pytest.raises(UnreadableError, match=fault) as caught:
        parse_questions(json.dumps(line).encode(), "set.jsonl")
    assert "set.jsonl:1" in str(caught.value)


def test_an_unknown_set_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(UsageError, match="capitals"):
        load_questions("capitols")


@pytest.mark.parametrize("count", ["0", "", "abc", "1_0", "-1", "9999999"])
def test_a_number_of_questions_that_is_none_is_refused(count: str) -> None:
    with pytest.raises(UsageError, match="is no number of questions"):
        load_questions(f"mixed:{count}")


def test_tasks_of_reasoning_gym_are_generated_from_the_seed_and_graded_by_comparison() -> None:
    pytest.importorskip("reasoning_gym", reason="pip install 'joulemark[reasoning]'")
    first = load_questions("reasoning-gym/basic_arithmetic:5", seed=3)
    assert [len(first), first[0].grader, first[0].chance] == [5, "number", 0.0]
    assert first == load_questions("reasoning-gym/basic_arithmetic:5", seed=3)
    assert first != load_questions("reasoning-gym/basic_arithmetic:5", seed=4)
    assert is_correct(first[0], f"It is {first[0].answer}.")
    assert not is_correct(first[0], f"It is {first[0].answer}1.")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("reasoning-gym/basic_arithmetics", "Did you mean basic_arithmetic"),
        ("reasoning-gym/countdown", "accepts several answers"),
        ("reasoning-gym/basic_arithmetic:0", "is no number of questions"),
    ],
)
def test_other_tasks_are_refused_with_a_reason(name: str, problem: str) -> None:
    pytest.importorskip("reasoning_gym", reason="pip install 'joulemark[reasoning]'")
    with pytest.raises(UsageError, match=problem):
        load_questions(name)


@pytest.mark.parametrize("name", ["mixed:nan", "mixed:0", "mixed:1.5", "nope"])
def test_a_wrong_set_names_the_option_that_stated_it(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        load_questions(name, option="--set questions")
    assert raised.value.where == "--set questions"
    assert raised.value.got
    assert raised.value.expected
