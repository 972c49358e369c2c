"""The leaderboard: one table for each benchmark, scenario, unit, class of measurement and division; simulated apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from harness.auditing.report import EntryReport
from harness.core.errors import UsageError
from harness.emissions.result_emissions import common_reference
from harness.formats.reference.benchmarks import benchmarks
from harness.ranking.rank_sets import Contender, Rank, rank
from harness.scoring.score import Result, TableKey
from harness.uncertainty.monte_carlo import SEED

RankBy = Literal["energy", "co2e"]
CLASSES = ("analyzer", "sensor", "modelled", "declared")
Judged = tuple[Result, str, tuple[str, ...]]
"""A result, its verdict, and why it is not ranked."""
Session = tuple[tuple[int, int, str], ...]
"""What a result was measured from: begin and end of each run [ns], and the hashes of its readings."""


@dataclass(frozen=True, slots=True)
class Row:
    """One entry in a table. rank is None for what is not ranked; reasons says why."""

    result: Result
    verdict: str
    reasons: tuple[str, ...]
    rank: Rank | None


@dataclass(frozen=True, slots=True)
class Table:
    """Entries that compare: same task, benchmark, scenario, unit of work, class of measurement and division.

    simulated: whether they say that they are simulated; such a result is never ranked with a real one
    division: closed, open or network; "" where they do not say
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

    @property
    def rounds(self) -> list[str]:
        """The rounds that its entries state."""
        return sorted({row.result.entry.round for row in self.rows} - {""})


def leaderboard(
    results: Iterable[Result],
    reports: Mapping[str, EntryReport],
    *,
    rank_by: RankBy = "energy",
    seed: int = SEED,
) -> tuple[Table, ...]:
    """Tables of all results, ordered by task, benchmark, scenario, class, real before simulated, and division.

    reports: audit of each entry by its id; an entry without one, or whose id another has, is unjudged and not ranked.
    Ranked by energy per unit of work: the grid moves CO2e more than any system does (methodology, CO2e).
    """
    if rank_by not in get_args(RankBy):
        raise UsageError(
            "cannot rank by this", got=str(rank_by), expected=" or ".join(get_args(RankBy))
        )
    groups: dict[TableKey, list[Result]] = defaultdict(list)
    results = tuple(results)
    if rank_by == "co2e":
        common_reference(results)  # one intensity for all cancels: what ranks is energy
    ids = Counter(result.entry.id for result in results)
    known = {
        name: report for name, report in reports.items() if ids[name] == 1
    }  # else: whose verdict is it?
    for result in results:
        groups[result.table].append(result)
    ordered = sorted(
        groups, key=lambda key: (*key[:4], CLASSES.index(key.measurement_class), *key[5:])
    )
    return tuple(_table(key, groups[key], known, rank_by, seed) for key in ordered)


def _table(
    key: TableKey,
    results: list[Result],
    reports: Mapping[str, EntryReport],
    rank_by: RankBy,
    seed: int,
) -> Table:
    ranked: list[Judged] = []
    others: list[Judged] = []
    first: dict[Session, str] = {}
    for result in sorted(results, key=lambda result: (result.inferred, result.entry.id)):
        report = reports.get(result.entry.id)
        verdict = report.verdict if report else "unjudged"
        why = _reasons(result, report) or _again(result, first)
        (others if why else ranked).append((result, verdict, why))
    level = results[0].energy_per_unit.level
    ranks = rank([_contender(result) for result, _, _ in ranked], level=level, seed=seed)
    rows = [
        Row(result, verdict, (), place)
        for (result, verdict, _), place in zip(ranked, ranks, strict=True)
    ]
    rows.sort(
        key=lambda row: (
            row.rank.low if row.rank else 0,
            row.result.energy_per_unit.value,
            row.result.entry.id,
        )
    )
    rest = [Row(result, verdict, why, None) for result, verdict, why in others]
    rest.sort(
        key=lambda row: (row.result.energy_per_unit.value or float("inf"), row.result.entry.id)
    )
    return Table(*key[:5], rank_by, level, (*rows, *rest), key.simulated, key.division)


def _reasons(result: Result, report: EntryReport | None) -> tuple[str, ...]:
    """Why an entry is not ranked; empty where it is."""
    if report is None:
        return ("no audit of this id alone",)
    bad = {"invalid": "fail", "unjudged": "error"}.get(report.verdict)
    if bad:
        rules = tuple(
            dict.fromkeys(finding.rule for finding in report.findings if finding.status == bad)
        )
        return rules or (report.verdict,)
    if result.energy_per_unit.low is None or result.per_unit_budget is None:
        return (result.energy_per_unit.note or "no interval",)
    return ()


def _again(result: Result, first: dict[Session, str]) -> tuple[str, ...]:
    """Why a result whose session is ranked already is not ranked again.

    first: sessions that are ranked, each with the id of its result; that of this one is added
    """
    runs = [
        (run.run.window, " ".join(sorted(r.trace.content_sha256 for r in run.readings)))
        for run in result.runs
    ]
    session = tuple(sorted((w.start_ns, w.stop_ns, hashes) for w, hashes in runs if w and hashes))
    other = first.setdefault(session, result.entry.id) if session else result.entry.id
    return () if other == result.entry.id else (f"the session of {other}",)


def _contender(result: Result) -> Contender:
    performance, quality = result.performance, result.quality
    smaller_is_better = performance is not None and performance.unit in ("ms", "min", "s")
    known = benchmarks().get((result.entry.task, result.entry.benchmark))
    sign = -1 if known is not None and known.better == "lower" else 1
    assert result.per_unit_budget is not None
    return Contender(
        estimate=result.energy_per_unit,
        budget=result.per_unit_budget,
        performance=None
        if performance is None
        else -performance.value
        if smaller_is_better
        else performance.value,
        quality=None if quality is None else sign * quality.value,
    )
