"""Models and loads over one set of questions as text: terminal, Markdown, HTML, LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from harness.ranking.question_sets import ModelRow, QuestionSet
from harness.render.escape import grid, section
from harness.render.numbers import estimate_text, number, percent
from harness.uncertainty.estimate import Estimate

HEAD = (
    "Model",
    "Load",
    "Energy per token",
    "Per correct answer",
    "Tokens/s",
    "Replies/s",
    "TTFT p90",
    "Right",
    "Pareto, model",
    "Pareto, all",
    "Verdict",
)
LEGEND = (
    "Pareto, model: probability that no other load of the model is at least as good in energy per "
    "token, tokens per second and right answers.",
    "Pareto, all: the same over all models and loads, by energy per correct answer and replies per "
    "second: tokens of different models are not comparable.",
)
"""What the two columns of Pareto fronts mean."""


def set_sections(sets: Sequence[QuestionSet], form: str) -> list[str]:
    """Return the table of each set of questions as text, with its heading.

    Args:
        sets: The sets.
        form: terminal, md, html or latex.
    """
    return [_section(questions, form) for questions in sets]


def set_title(questions: QuestionSet) -> str:
    """Return the heading of a table."""
    return f"{set_name(questions)} ({', '.join(set_facts(questions))})"


def set_name(questions: QuestionSet) -> str:
    """Return what the rows of a table have in common: the questions."""
    return f"LLM endpoints, questions {questions.key.questions}"


def set_facts(questions: QuestionSet) -> list[str]:
    """Return how many models are in a table, and how they were measured."""
    key = questions.key
    measured = key.measurement_class in ("analyzer", "sensor")
    parts = [
        f"{len(questions.models)} model{'' if len(questions.models) == 1 else 's'}",
        key.division,
        f"measured by {key.measurement_class}"
        if measured
        else f"{key.measurement_class}: not measured",
        f"boundary {key.boundary}" if key.boundary else "",
        "simulated" if key.simulated else "",
        "without evidence" if key.without_evidence else "",
    ]
    return [part for part in parts if part]


def set_cells(row: ModelRow) -> list[str]:
    """Return a row as text, in the order of the head."""
    return [
        row.model,
        row.load,
        estimate_text(row.per_token) if row.per_token else "-",
        _per_correct(row.per_correct),
        number(row.tokens_per_second, digits=4),
        number(row.replies_per_second, digits=3),
        number(row.ttft_p90_ms, "ms", 4),
        f"{percent(row.accuracy)} of {row.asked}" if row.asked else "-",
        percent(row.pareto_model),
        percent(row.pareto),
        ": ".join(filter(None, (row.row.verdict, ", ".join(row.row.reasons)))),
    ]


def _per_correct(energy: Estimate | None) -> str:
    """Write the energy per correct answer, or why there is none."""
    if energy is None:
        return "-"
    return estimate_text(energy) if energy.value is not None else f"- ({energy.note})"


def _section(questions: QuestionSet, form: str) -> str:
    table = grid(HEAD, [set_cells(row) for row in questions.rows], form)
    return section(set_title(questions), table, LEGEND if has_front(questions) else (), form)


def has_front(questions: QuestionSet) -> bool:
    """Whether any row was compared with others."""
    fronts = [front for row in questions.rows for front in (row.pareto, row.pareto_model)]
    return any(front is not None for front in fronts)
