"""LLM endpoints side by side: a table for each set of questions, a row for each model and load.

The leaderboard keeps each load in a table of its own. Here all loads and models over one set of
questions stand together, because what is to be chosen is a model and a load:

- Within a model, loads are compared by energy per output token and output tokens per second.
- Between models tokens mean different things, so energy per correct answer and complete replies
  per second are compared.

The share of right answers counts in both. Only what the leaderboard would rank is compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import NamedTuple

from harness.core.numbers import stated_number
from harness.formats.base import Quantity
from harness.ranking.leaderboard import (
    Row,
    Table,
    contender,
    has_known_scatter,
    per_correct_answer,
)
from harness.ranking.rank_sets import rank
from harness.ranking.shared_meters import with_separate_errors
from harness.scoring.endpoint.records import (
    TOKEN_UNIT,
    first_record,
    latency_ms,
    stated_load,
    tokens_per_second,
    total_count,
)
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate

MAX_ROWS = 200
"""Rows of a table that are compared with each other; a larger table shows no Pareto front."""


class SetKey(NamedTuple):
    """What rows of one table share.

    Attributes:
        sha256: Hash of the questions.
        questions: Name of the set, as the first row states it.
        measurement_class: analyzer, sensor, modelled or declared.
        boundary: What the energy includes, outermost first.
        division: closed, open or network; "" where they do not say.
        simulated: Whether the results say that they are simulated.
        without_evidence: Whether nothing ties the readings to the runs.
    """

    sha256: str
    questions: str
    measurement_class: str
    boundary: str
    division: str
    simulated: bool
    without_evidence: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model under one load.

    Attributes:
        row: Its row on the leaderboard.
        model: Name of the model, as its server knows it.
        load: The load, like ``concurrency-4``.
        per_token: Energy per output token; ``None`` where tokens were not counted.
        per_correct: Energy per correct answer, or why there is none.
        tokens_per_second: Output tokens per second; ``None`` where they were not counted.
        replies_per_second: Complete replies per second of the windows.
        ttft_p90_ms: Time to first token, 90th percentile of the first run [ms].
        correct: Right answers of all runs.
        asked: Questions that were asked in all runs.
        pareto_model: Probability that no load of the same model is at least as good in energy per
            token, speed and accuracy; ``None`` where that cannot be said.
        pareto: The same over all models, by energy per correct answer.
    """

    row: Row
    model: str
    load: str
    per_token: Estimate | None
    per_correct: Estimate | None
    tokens_per_second: float | None
    replies_per_second: float | None
    ttft_p90_ms: float | None
    correct: int
    asked: int
    pareto_model: float | None = None
    pareto: float | None = None

    @property
    def accuracy(self) -> float | None:
        """Share of right answers; ``None`` if nothing was graded."""
        return self.correct / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """All models and loads over one set of questions.

    Attributes:
        key: What they share.
        rows: By model, then by load.
    """

    key: SetKey
    rows: tuple[ModelRow, ...]

    @property
    def models(self) -> list[str]:
        """The models, in the order of their rows."""
        return list(dict.fromkeys(row.model for row in self.rows))


def question_sets(
    tables: Sequence[Table], shown: Sequence[Table] | None = None
) -> list[QuestionSet]:
    """Return a table for each set of questions that LLM endpoints were asked.

    Args:
        tables: Tables of a leaderboard; those of other workloads are left out.
        shown: The same tables with the rows that are wanted; all rows are rivals, shown or not.
    """
    groups: dict[SetKey, list[ModelRow]] = defaultdict(list)
    for table in tables:
        for row in table.rows:
            key = _key(table, row.result)
            if key is not None:
                groups[key].append(_model_row(row))
    wanted = {id(row) for table in (tables if shown is None else shown) for row in table.rows}
    sets = []
    for key in sorted(groups):
        rows = tuple(row for row in _compared(groups[key]) if id(row.row) in wanted)
        if rows:
            sets.append(QuestionSet(key, rows))
    return sets


def has_questions(table: Table) -> bool:
    """Whether a row of a table is of an LLM endpoint that states its questions."""
    return any(_key(table, row.result) is not None for row in table.rows)


def _key(table: Table, result: Result) -> SetKey | None:
    """Return the table of a result; ``None`` where it states no questions."""
    record = first_record(result)
    sha256, name = record.get("questions_sha256"), record.get("question_set")
    if not isinstance(sha256, str) or not sha256:
        return None
    return SetKey(
        sha256=sha256,
        questions=_set_name(name) if isinstance(name, str) and name else sha256[:12],
        measurement_class=table.measurement_class,
        boundary=table.boundary,
        division=table.division,
        simulated=table.simulated,
        without_evidence=table.without_evidence,
    )


def _set_name(name: str) -> str:
    """Return the name of a set; of a set in a file the file's, wherever it lay."""
    return PurePath(name).name if name.endswith(".jsonl") else name


def _model_row(row: Row) -> ModelRow:
    result = row.result
    model = first_record(result).get("model")
    seconds = sum(run.run.window.seconds for run in result.runs if run.run.window)
    completed = total_count(result, "requests", "completed")
    per_unit = result.energy_per_unit
    return ModelRow(
        row=row,
        model=model if isinstance(model, str) and model else result.entry.system,
        load=result.entry.scenario,
        per_token=per_unit if per_unit.unit == TOKEN_UNIT else None,
        per_correct=result.per_correct,
        tokens_per_second=tokens_per_second(result),
        replies_per_second=completed / seconds if seconds > 0 and completed > 0 else None,
        ttft_p90_ms=latency_ms(result, "ttft_ms", "p90"),
        correct=max(0, total_count(result, "grading", "correct")),
        asked=max(0, total_count(result, "grading", "asked")),
    )


def _compared(rows: Sequence[ModelRow]) -> tuple[ModelRow, ...]:
    """Return rows by model and load, with their chance to be on each Pareto front."""
    ordered = sorted(rows, key=_order)
    if len(ordered) > MAX_ROWS:
        return tuple(ordered)
    ranked = [place for place, row in enumerate(ordered) if not row.row.reasons]
    overall = _front({place: _by_correct_answer(ordered[place]) for place in ranked})
    within: dict[int, float] = {}
    for model in {row.model for row in ordered}:
        places = [place for place in ranked if ordered[place].model == model]
        counted = [place for place in places if ordered[place].per_token is not None]
        within |= _front({place: ordered[place].row.result for place in counted})
    return tuple(
        replace(row, pareto_model=within.get(place), pareto=overall.get(place))
        for place, row in enumerate(ordered)
    )


def _order(row: ModelRow) -> tuple[str, str, str, float, str]:
    load = stated_load(row.row.result)
    kind, value = load.get("kind"), load.get("value")
    level = None if isinstance(value, str) else stated_number(value)
    return (
        row.model,
        row.row.result.entry.system,
        kind if isinstance(kind, str) else "",
        level or 0.0,
        row.row.result.entry.id,
    )


def _by_correct_answer(row: ModelRow) -> Result:
    """Return a result by energy per correct answer and complete replies per second."""
    result = per_correct_answer(row.row.result)
    if row.replies_per_second is None:
        return replace(result, performance=None)
    return replace(result, performance=Quantity(row.replies_per_second, "queries/s"))


def _front(results: Mapping[int, Result]) -> dict[int, float]:
    """Return the chance of each result to be on the Pareto front; empty where none has a rival."""
    comparable = {place: result for place, result in results.items() if _is_comparable(result)}
    if len(comparable) < 2:
        return {}
    contenders = [contender(result) for result in with_separate_errors([*comparable.values()])]
    ranks = rank(contenders)
    return {place: each.pareto for place, each in zip(comparable, ranks, strict=True)}


def _is_comparable(result: Result) -> bool:
    budget = result.per_unit_budget
    return budget is not None and budget.value > 0 and has_known_scatter(result)
