"""One benchmark over the rounds, with what changed between them.

Results of one table form a series: they share unit, class of measurement, boundary and division.
Between two rounds that follow each other, three kinds of change are told apart:

- the benchmark's definition, as far as it is known, and the quality that its results had to reach:
  energies before and after it are not comparable;
- rules that judge differently: energies are comparable, verdicts are not;
- rules that only one of the rounds has, likewise.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.auditing.report import EntryReport
from harness.auditing.rules.rulebook import limit_text, rounds, rulebook
from harness.formats.reference.definitions import definition_changes
from harness.scoring.result import Result, TableKey

RuleChange = Literal["added", "removed", "severity", "limits"]


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One result.

    Attributes:
        result: The result.
        verdict: Its verdict, by the rules of its round.
        rulebook: Round whose rulebook judged it.
    """

    result: Result
    verdict: str
    rulebook: str


@dataclass(frozen=True, slots=True)
class RoundResults:
    """The results of one round.

    Attributes:
        round: The round; "" for results that state none.
        rows: Results that are neither invalid nor unjudged, from the least energy per unit; then
            the others.
    """

    round: str
    rows: tuple[HistoryRow, ...]

    @property
    def best(self) -> HistoryRow | None:
        """The least energy per unit of those that count; None where none does."""
        first = self.rows[0] if self.rows else None
        return first if first is not None and _counts(first) else None


@dataclass(frozen=True, slots=True)
class JudgedDifferently:
    """A rule that judges differently in two rounds.

    Attributes:
        rule: Its id.
        kind: What changed.
        before: Severity or limits before; "" for a rule that was added.
        after: The same after; "" for a rule that was removed.
    """

    rule: str
    kind: RuleChange
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Transition:
    """What changed from one round of a series to the next.

    Attributes:
        earlier: The round before.
        later: The round after.
        definitions: Changes of the benchmark, each with its source.
        targets: Qualities to reach before and after, where they differ; None where they do not.
        rules: Rules that judge differently; empty where a round has no rulebook.
        rulebooks_known: Whether both rounds have a rulebook.
    """

    earlier: str
    later: str
    definitions: tuple[tuple[str, str], ...]
    targets: tuple[tuple[float, ...], tuple[float, ...]] | None
    rules: tuple[JudgedDifferently, ...]
    rulebooks_known: bool

    @property
    def energies_comparable(self) -> bool:
        """Whether nothing known keeps energies of the two rounds from being compared."""
        return not self.definitions and self.targets is None

    @property
    def verdicts_comparable(self) -> bool:
        """Whether both rounds judge alike."""
        return self.rulebooks_known and not self.rules


@dataclass(frozen=True, slots=True)
class Series:
    """The results of one table over the rounds.

    Attributes:
        key: What the results share.
        rounds: Their rounds, in order.
        transitions: What changed between each two that follow each other.
    """

    key: TableKey
    rounds: tuple[RoundResults, ...]
    transitions: tuple[Transition, ...]


def history(
    results: Iterable[Result],
    reports: Mapping[str, EntryReport],
    benchmark: str,
    scenario: str | None = None,
) -> tuple[Series, ...]:
    """Return the series of a benchmark.

    Args:
        results: Results of several rounds.
        reports: Audit of each entry by its id.
        benchmark: Name of the benchmark.
        scenario: Scenario; None for all.
    """
    groups: dict[TableKey, list[Result]] = defaultdict(list)
    for result in results:
        is_wanted = result.entry.benchmark == benchmark
        if is_wanted and scenario in (None, result.entry.scenario):
            groups[result.table].append(result)
    return tuple(_series(key, groups[key], reports) for key in sorted(groups))


def _series(key: TableKey, results: Sequence[Result], reports: Mapping[str, EntryReport]) -> Series:
    by_round: dict[str, list[HistoryRow]] = defaultdict(list)
    for result in results:
        report = reports.get(result.entry.id)
        verdict = "unjudged" if report is None else report.verdict
        row = HistoryRow(result, verdict, "" if report is None else report.round)
        by_round[result.entry.round].append(row)
    names = sorted(by_round, key=_version)
    groups = [RoundResults(name, tuple(sorted(by_round[name], key=_order))) for name in names]
    return Series(
        key,
        tuple(groups),
        tuple(_transition(key, *pair) for pair in itertools.pairwise(groups)),
    )


def _counts(row: HistoryRow) -> bool:
    is_judged = row.verdict in ("valid", "questioned")
    return is_judged and row.result.energy_per_unit.value is not None


def _order(row: HistoryRow) -> tuple[bool, float, str]:
    value = row.result.energy_per_unit.value
    return not _counts(row), float("inf") if value is None else value, row.result.entry.id


def _version(round_name: str) -> tuple[str, int, int, str]:
    match = re.fullmatch(r"(.*?)-v(\d{1,3})\.(\d{1,3})", round_name)
    if match is None:
        return round_name, 0, 0, round_name
    return match[1], int(match[2]), int(match[3]), round_name


# What changed


def _transition(key: TableKey, earlier: RoundResults, later: RoundResults) -> Transition:
    rulebooks_known = earlier.round in rounds() and later.round in rounds()
    rules = _judged_differently(earlier.round, later.round) if rulebooks_known else ()
    return Transition(
        earlier=earlier.round,
        later=later.round,
        definitions=tuple(_definitions(key, earlier.round, later.round)),
        targets=_changed_targets(earlier, later),
        rules=tuple(rules),
        rulebooks_known=rulebooks_known,
    )


def _definitions(key: TableKey, earlier: str, later: str) -> Iterator[tuple[str, str]]:
    """Yield what changed after one round and up to another, each with its source."""
    family, *before, _ = _version(earlier)
    later_family, *after, _ = _version(later)
    for change in definition_changes():
        is_between = tuple(before) < change.version <= tuple(after)
        is_about = change.is_about(family, key.benchmark, key.scenario)
        if is_between and is_about and family == later_family:
            yield change.change, change.source


def _changed_targets(
    earlier: RoundResults, later: RoundResults
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    before, after = _targets(earlier), _targets(later)
    return (before, after) if before and after and before != after else None


def _targets(group: RoundResults) -> tuple[float, ...]:
    """Return the qualities to reach that the results of a round state, in ascending order."""
    qualities = [row.result.quality for row in group.rows]
    return tuple(sorted({q.target for q in qualities if q is not None and q.target is not None}))


def _judged_differently(earlier: str, later: str) -> Iterator[JudgedDifferently]:
    before, after = rulebook(earlier)["rules"], rulebook(later)["rules"]
    for rule in sorted(before.keys() | after.keys()):
        was, now = _severity(before.get(rule)), _severity(after.get(rule))
        if was != now:
            kind: RuleChange = "severity" if was and now else "added" if now else "removed"
            yield JudgedDifferently(rule, kind, was, now)
        elif now:
            old_limits, new_limits = _limits(before[rule]), _limits(after[rule])
            if old_limits != new_limits:
                yield JudgedDifferently(rule, "limits", old_limits, new_limits)


def _severity(settings: Mapping[str, Any] | None) -> str:
    """Return the severity of a rule; "" where the round does not have it."""
    severity = "off" if settings is None else str(settings["severity"])
    return "" if severity == "off" else severity


def _limits(settings: Mapping[str, Any]) -> str:
    limits = settings.get("limits") or {}
    return ", ".join(f"{name} {limit_text(limits[name])}" for name in sorted(limits))
