"""Leaderboard tables, each with the results that can be compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

from harness.auditing.report import EntryReport
from harness.core.errors import UsageError
from harness.emissions.result_emissions import common_reference
from harness.formats.reference.benchmarks import benchmarks
from harness.ranking.break_even import break_even_cvs
from harness.ranking.rank_sets import Contender, Rank, rank
from harness.ranking.shared_meters import Evidence, evidence_of, with_separate_errors
from harness.scoring.correct_answers import UNIT as PER_CORRECT_UNIT
from harness.scoring.result import Result, TableKey
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import SEED

RankBy = Literal["energy", "co2e", "correct"]
CLASSES = ("analyzer", "analyzer-scpi", "sensor", "modelled", "declared")
NO_ENERGY = "no energy above 0 J"
"""Why an entry is not ranked whose readings show no energy: a dead counter, for example."""
ONE_RUN = "one run"
"""Why an entry is not ranked whose scatter between runs nothing shows."""
DURATION_UNITS = ("ms", "min", "s")
"""Units of performance in which less is better."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in a table.

    Attributes:
        result: Its result.
        verdict: Its audit verdict.
        reasons: Why it is not ranked; empty where it is.
        rank: Its rank set; ``None`` where it is not ranked.
        questions: Rules that question it; a questioned entry is ranked all the same.
        break_even_cv: Where its scatter between runs is unknown: the largest coefficient of
            variation of single runs at which its place between its neighbours is resolved.
    """

    result: Result
    verdict: str
    reasons: tuple[str, ...]
    rank: Rank | None
    questions: tuple[str, ...] = ()
    break_even_cv: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Entries that can be compared.

    Attributes:
        task: inference or training.
        benchmark: Name of the benchmark.
        scenario: LoadGen scenario, or "".
        unit: Unit of the energy per unit of work.
        measurement_class: analyzer, analyzer-scpi, sensor, modelled or declared.
        rank_by: What ranks.
        level: Coverage probability of intervals and rank sets, 0 to 1.
        rows: Ranked entries first, in their order; then the others.
        simulated: Whether the entries say that they are simulated; such a result is never ranked
            with a real one.
        division: closed, open or network; "" where they do not say.
        boundary: What the energy includes, outermost first: "wall", or "board+package".
        without_evidence: Whether nothing ties the readings of the entries to the sessions that
            recorded them; such a result is never ranked with one that has evidence.
    """

    task: str
    benchmark: str
    scenario: str
    unit: str
    measurement_class: str
    rank_by: RankBy
    level: float
    rows: tuple[Row, ...]
    simulated: bool = False
    division: str = ""
    boundary: str = ""
    without_evidence: bool = False

    def __repr__(self) -> str:
        """Say how many entries are in the table and who leads it."""
        ranked = [row for row in self.rows if row.rank is not None]
        text = f"Table({self.benchmark} {self.scenario}: {len(self.rows)} entries".replace(
            " :", ":"
        )
        if ranked:
            text += f", {len(ranked)} ranked, first {ranked[0].result.entry.id}"
        return f"{text})"

    @property
    def included(self) -> tuple[str, ...]:
        """What the energies include, outermost first; empty where nothing was measured."""
        return tuple(self.boundary.split("+")) if self.boundary else ()

    @property
    def rounds(self) -> list[str]:
        """The rounds that its entries state."""
        return sorted({row.result.entry.round for row in self.rows} - {""})


class _Candidate(NamedTuple):
    """A result, its verdict, why it is not ranked, and what questions it."""

    result: Result
    verdict: str
    reasons: tuple[str, ...]
    questions: tuple[str, ...]


def leaderboard(
    results: Iterable[Result],
    reports: Mapping[str, EntryReport],
    *,
    rank_by: RankBy = "energy",
    seed: int = SEED,
    repeated_ids: Collection[str] = (),
) -> tuple[Table, ...]:
    """Return the tables of all results, in the order of their keys.

    Entries are ranked by energy per unit of work: the grid moves CO2e more than any system does.
    Where answers were graded they can be ranked by energy per correct answer instead.

    Args:
        results: Results to rank.
        reports: Audit of each entry by its id. An entry without one, or whose id another has too,
            is not ranked.
        rank_by: "energy"; "co2e" on a common reference intensity, which ranks by energy too; or
            "correct", energy per correct answer.
        seed: Seed of the joint draws.
        repeated_ids: Ids that entries of other tables have too, where not all tables are made at
            once.

    Raises:
        UsageError: `rank_by` is unknown, or the results have no common reference intensity.
    """
    if rank_by not in get_args(RankBy):
        raise UsageError(
            "cannot rank by this", got=str(rank_by), expected=" or ".join(get_args(RankBy))
        )
    results = tuple(results)
    if rank_by == "correct":
        results = tuple(map(per_correct_answer, results))
    if rank_by == "co2e":
        common_reference(results)  # one intensity for all cancels: what ranks is energy
    id_counts = Counter(result.entry.id for result in results)
    # a report counts where its id is unique: else it is not known whose verdict it is
    unique_reports = {
        name: report
        for name, report in reports.items()
        if id_counts[name] == 1 and name not in repeated_ids
    }
    groups: dict[tuple[TableKey, bool], list[Result]] = defaultdict(list)
    for result in results:
        report = reports.get(result.entry.id)
        without_evidence = report is not None and report.without_evidence
        groups[result.table, without_evidence].append(result)
    tables = []
    for group in sorted(groups, key=lambda group: (*_table_order(group[0]), group[1])):
        key, without_evidence = group
        table = _table(key, groups[group], unique_reports, rank_by, seed)
        tables.append(replace(table, without_evidence=without_evidence))
    return tuple(tables)


def per_correct_answer(result: Result) -> Result:
    """Return a result whose unit of work is a correct answer; without a figure, with the reason."""
    per_correct = result.per_correct
    if per_correct is None:
        level, note = result.energy_per_unit.level, "no answer was graded"
        per_correct = Estimate(None, None, None, PER_CORRECT_UNIT, level, note)
    return replace(result, energy_per_unit=per_correct, per_unit_budget=result.per_correct_budget)


def _table_order(key: TableKey) -> tuple[object, ...]:
    return (
        key.task,
        key.benchmark,
        key.scenario,
        key.unit,
        CLASSES.index(key.measurement_class),
        key.simulated,
        key.division,
        key.boundary,
    )


def _table(
    key: TableKey,
    results: Sequence[Result],
    reports: Mapping[str, EntryReport],
    rank_by: RankBy,
    seed: int,
) -> Table:
    ranked: list[_Candidate] = []
    single: list[_Candidate] = []
    unranked: list[_Candidate] = []
    seen: dict[Evidence, str] = {}
    for result in sorted(results, key=lambda result: (result.inferred, result.entry.id)):
        report = reports.get(result.entry.id)
        reasons = _reasons(result, report) or _copy_reasons(result, seen)
        verdict = report.verdict if report else "unjudged"
        questions = report.reasons if report and verdict == "questioned" else ()
        candidate = _Candidate(result, verdict, reasons, questions)
        if reasons:
            unranked.append(candidate)
        elif has_known_scatter(result):
            ranked.append(candidate)
        else:
            single.append(candidate._replace(reasons=(ONE_RUN,)))
    level = results[0].energy_per_unit.level
    return Table(
        task=key.task,
        benchmark=key.benchmark,
        scenario=key.scenario,
        unit=key.unit,
        measurement_class=key.measurement_class,
        rank_by=rank_by,
        level=level,
        rows=(
            *_ranked_rows(ranked, level, seed),
            *_single_run_rows(single, ranked, level, seed),
            *_unranked_rows(unranked),
        ),
        simulated=key.simulated,
        division=key.division,
        boundary=key.boundary,
    )


def _ranked_rows(candidates: Sequence[_Candidate], level: float, seed: int) -> list[Row]:
    results = with_separate_errors([candidate.result for candidate in candidates])
    contenders = [contender(result) for result in results]
    ranks = rank(contenders, level=level, seed=seed)
    rows = [
        Row(candidate.result, candidate.verdict, (), rank_set, candidate.questions)
        for candidate, rank_set in zip(candidates, ranks, strict=True)
    ]

    def order(row: Row) -> tuple[int, float, str]:
        best_rank = row.rank.low if row.rank else 0
        return best_rank, row.result.energy_per_unit.value or 0.0, row.result.entry.id

    return sorted(rows, key=order)


def _single_run_rows(
    candidates: Sequence[_Candidate], ranked: Sequence[_Candidate], level: float, seed: int
) -> list[Row]:
    """Return the rows of single runs whose scatter is unknown, in the order of their energies."""
    if not candidates:
        return []
    results = [candidate.result for candidate in (*ranked, *candidates)]
    contenders = [contender(result) for result in with_separate_errors(results)]
    limits = break_even_cvs(contenders, level=level, seed=seed)[len(ranked) :]
    rows = [
        Row(
            candidate.result, candidate.verdict, candidate.reasons, None, candidate.questions, limit
        )
        for candidate, limit in zip(candidates, limits, strict=True)
    ]
    return sorted(rows, key=_energy_order)


def has_known_scatter(result: Result) -> bool:
    """Whether the scatter between runs of a result is known: only then can it be ranked."""
    return result.per_unit_budget is not None and result.per_unit_budget.run_scatter is not None


def _energy_order(row: Row) -> tuple[float, str]:
    return row.result.energy_per_unit.value or float("inf"), row.result.entry.id


def _unranked_rows(candidates: Sequence[_Candidate]) -> list[Row]:
    rows = [
        Row(result, verdict, reasons, None, questions)
        for result, verdict, reasons, questions in candidates
    ]
    return sorted(rows, key=_energy_order)


def _reasons(result: Result, report: EntryReport | None) -> tuple[str, ...]:
    """Return why an entry is not ranked; empty where it is."""
    if report is None:
        return ("no audit of this id alone",)
    bad_status = {"invalid": "fail", "unjudged": "error"}.get(report.verdict)
    if bad_status:
        rules = [finding.rule for finding in report.findings if finding.status == bad_status]
        return tuple(dict.fromkeys(rules)) or (report.verdict,)
    if result.energy_per_unit.low is None or result.per_unit_budget is None:
        return (result.energy_per_unit.note or "no interval",)
    if result.per_unit_budget.value <= 0:
        return (NO_ENERGY,)
    return ()


def _copy_reasons(result: Result, seen: dict[Evidence, str]) -> tuple[str, ...]:
    """Return why a result is not ranked whose evidence another result has; empty where none has.

    Args:
        result: Result in question.
        seen: Evidence of the results before it, each with the id of its result; that of this one is
            added.
    """
    evidence = evidence_of(result)
    if evidence in seen:
        return (f"the session of {seen[evidence]}",)
    if evidence:
        seen[evidence] = result.entry.id
    return ()


def contender(result: Result) -> Contender:
    """Return what ranking needs of a result that has a budget."""
    assert result.per_unit_budget is not None
    return Contender(
        estimate=result.energy_per_unit,
        budget=result.per_unit_budget,
        performance=_higher_is_better_performance(result),
        quality=_higher_is_better_quality(result),
    )


def _higher_is_better_performance(result: Result) -> float | None:
    performance = result.performance
    if performance is None:
        return None
    return -performance.value if performance.unit in DURATION_UNITS else performance.value


def _higher_is_better_quality(result: Result) -> float | None:
    if result.quality is None:
        return None
    reference = benchmarks().get((result.entry.task, result.entry.benchmark))
    better = result.quality.better if reference is None else reference.better
    lower_is_better = better == "lower"
    return -result.quality.value if lower_is_better else result.quality.value
