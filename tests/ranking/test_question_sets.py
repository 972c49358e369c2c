"""LLM endpoints side by side: one table for each set of questions, with Pareto fronts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.auditing.report import EntryReport
from harness.core.schemas import check
from harness.formats.base import Entry, Quality, Quantity, Work
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.ranking.leaderboard import Table, leaderboard
from harness.ranking.question_sets import QuestionSet, question_sets
from harness.ranking.view import view
from harness.render.json import leaderboard_document
from harness.render.terminal.leaderboard import board
from harness.scoring.score import score
from tests.scoring.test_score import entry

SPREAD = (1.0, 1.002, 0.998, 1.001, 0.999)


def point(name: str, concurrency: int, power_w: float, **given: Any) -> Entry:
    """Five runs of 100 s with 1,000 tokens and 100 replies each."""
    right, rate = given.pop("right", 50), given.pop("tokens_per_second", 10.0)
    completed = given.pop("completed", 100)
    grading = {"correct": right, "asked": 100, "questions": 100, "chance": 0.0}
    record = {
        "model": name,
        "load": {"kind": "concurrency", "value": concurrency},
        "requests": {"completed": completed},
        "grading": grading,
        "questions_sha256": "5e7",
        "question_set": "mixed:100",
        "ttft_ms": {"p90": 12.5},
    } | given
    evidence = Evidence(endpoint=EndpointEvidence(grading=grading, record=record))
    facts = {
        "evidence": evidence,
        "work": Work(1000.0, "token"),
        "performance": Quantity(rate, "tokens/s"),
        "quality": Quality("accuracy", right / 100),
    }
    plain = entry(f"{name}/concurrency-{concurrency}", *(power_w * share for share in SPREAD))
    runs = tuple(replace(run, **facts) for run in plain.runs)
    label = f"concurrency-{concurrency}"
    return replace(plain, runs=runs, benchmark="llm", scenario=label, system=name)


def tables_of(*entries: Entry, invalid: str = "") -> tuple[Table, ...]:
    reports = {
        item.id: EntryReport(
            id=item.id,
            round="",
            verdict="invalid" if item.id == invalid else "valid",
            findings=(),
        )
        for item in entries
    }
    return leaderboard([score(item, draws=5_000) for item in entries], reports)


def only_set(*entries: Entry, invalid: str = "") -> QuestionSet:
    (questions,) = question_sets(tables_of(*entries, invalid=invalid))
    return questions


def test_models_and_loads_stand_in_one_table() -> None:
    questions = only_set(
        point("b", 4, 300.0), point("a", 16, 200.0), point("a", 4, 100.0), entry("other", 1.0)
    )
    assert questions.key.questions == "mixed:100"
    assert questions.models == ["a", "b"]
    rows = [(row.model, row.load) for row in questions.rows]
    assert rows == [("a", "concurrency-4"), ("a", "concurrency-16"), ("b", "concurrency-4")]
    first = questions.rows[0]
    assert first.per_token is not None
    assert first.per_token.value == pytest.approx(10.0, rel=1e-3)
    assert first.per_correct is not None
    assert first.per_correct.value == pytest.approx(200.0, rel=0.02)
    assert (first.accuracy, first.replies_per_second, first.ttft_p90_ms) == (0.5, 1.0, 12.5)


def test_within_a_model_faster_or_thriftier_loads_are_on_the_front() -> None:
    questions = only_set(
        point("a", 1, 100.0, tokens_per_second=5.0),
        point("a", 2, 110.0, tokens_per_second=9.0),
        point("a", 4, 150.0, tokens_per_second=8.0),
    )
    assert [row.pareto_model for row in questions.rows] == [1.0, 1.0, 0.0]


def test_between_models_correct_answers_and_replies_count_and_not_tokens() -> None:
    """B spends more on each token, but needs a tenth of them for as many right answers."""
    wordy = point("a", 1, 100.0, tokens_per_second=1000.0)
    terse = point("b", 1, 50.0, tokens_per_second=1.0)
    questions = only_set(wordy, terse)
    assert [row.pareto for row in questions.rows] == [0.0, 1.0]
    assert [row.pareto_model for row in questions.rows] == [None, None], "no load to compare with"


def test_what_is_not_ranked_is_listed_and_not_compared() -> None:
    never_right = point("b", 1, 1.0, right=0)
    questions = only_set(
        point("a", 1, 100.0), never_right, point("a", 2, 1.0), invalid="a/concurrency-2"
    )
    fronts = {row.row.result.entry.id: row.pareto for row in questions.rows}
    assert fronts == {"a/concurrency-1": None, "a/concurrency-2": None, "b/concurrency-1": None}
    (listed,) = [row for row in questions.rows if row.model == "b"]
    assert listed.per_correct is not None
    assert listed.per_correct.value is None
    assert listed.per_correct.note == "no answer was correct"


def test_other_questions_and_other_classes_are_other_tables() -> None:
    entries = [point("a", 1, 100.0), point("b", 1, 100.0, questions_sha256="0ff")]
    entries.append(replace(point("c", 1, 100.0), simulated=True))
    sets = question_sets(tables_of(*entries))
    assert [(item.key.sha256, item.key.simulated, item.models) for item in sets] == [
        ("0ff", False, ["b"]),
        ("5e7", False, ["a"]),
        ("5e7", True, ["c"]),
    ]


def test_rows_that_are_not_shown_are_rivals_all_the_same() -> None:
    tables = tables_of(point("a", 1, 100.0), point("b", 1, 50.0))
    shown = view(tables, where=["system=a"])
    ((row,),) = (item.rows for item in question_sets(tables, shown))
    assert (row.model, row.pareto) == ("a", 0.0)


@pytest.mark.parametrize(
    "hostile",
    [
        {"load": {"kind": 3, "value": 10**400}},
        {"load": []},
        {"model": None},
        {"requests": {"completed": -5}},
        {"requests": "many"},
        {"ttft_ms": {"p90": "<script>"}},
        {"grading": 7},
        {"question_set": "<b>\u202e"},
    ],
    ids=str,
)
def test_records_of_any_shape_make_a_table(hostile: dict[str, Any]) -> None:
    tables = tables_of(point("a", 1, 100.0, **hostile), point("b", 1, 50.0))
    for form in ("terminal", "md", "html", "latex"):
        text = board(tables, form)
        assert "LLM endpoints" in text
        assert form in ("terminal", "latex") or "<b>" not in text
        assert "\u202e" not in text
    check("leaderboard", leaderboard_document(tables, sets=question_sets(tables)))


def test_the_text_names_models_speed_quality_and_fronts() -> None:
    text = board(tables_of(point("a", 1, 100.0), point("b", 1, 50.0)), "md")
    title = r"### LLM endpoints, questions mixed:100 (2 models"
    assert title in text.replace("\\", "")
    row = next(line for line in text.splitlines() if line.startswith("| b ") and "correct" in line)
    assert "5.00" in row.replace("5.000", "5.00")
    assert "50.0 % of 500" in row
    assert row.rstrip(" |").endswith("valid")
