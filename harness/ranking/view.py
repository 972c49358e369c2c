"""Choose and order rows of tables that are ranked already: ranks stay those of the whole table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from harness.core.errors import UsageError
from harness.core.suggestions import unknown_name
from harness.ranking.leaderboard import Row, Table

FIELDS: dict[str, Callable[[Table, Row], str]] = {
    "task": lambda table, _: table.task,
    "benchmark": lambda table, _: table.benchmark,
    "scenario": lambda table, _: table.scenario,
    "division": lambda table, _: table.division,
    "class": lambda table, _: table.measurement_class,
    "boundary": lambda table, _: table.boundary,
    "round": lambda _, row: row.result.entry.round,
    "submitter": lambda _, row: row.result.entry.submitter,
    "system": lambda _, row: row.result.entry.system,
    "verdict": lambda _, row: row.verdict,
}
"""What a condition can be about."""

COLUMNS: dict[str, Callable[[Row], Any]] = {
    "rank": lambda row: None if row.rank is None else row.rank.low,
    "energy": lambda row: row.result.energy_per_unit.value,
    "power": lambda row: row.result.mean_power.value,
    "performance": lambda row: row.result.performance and row.result.performance.value,
    "quality": lambda row: row.result.quality and row.result.quality.value,
    "p-first": lambda row: row.rank and row.rank.p_first,
    "submitter": lambda row: row.result.entry.submitter.lower(),
    "system": lambda row: row.result.entry.system.lower(),
    "round": lambda row: row.result.entry.round,
    "verdict": lambda row: row.verdict,
}
"""What rows can be sorted by."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows must be, or must not be.

    Attributes:
        field: One of `FIELDS`.
        pattern: Text or pattern with ``*`` and ``?``, in lower case.
        negated: Whether the field must not match.
    """

    field: str
    pattern: str
    negated: bool = False

    @staticmethod
    def parse(text: str) -> Condition:
        """Read `FIELD=PATTERN` or `FIELD!=PATTERN`.

        Raises:
            UsageError: It is neither, or there is no such field.
        """
        name, separator, pattern = text.partition("=")
        if not separator:
            raise UsageError(
                "--where: is not a condition", got=text, expected="FIELD=VALUE or FIELD!=VALUE"
            )
        negated = name.endswith("!")
        field = name.removesuffix("!").strip().lower()
        if field not in FIELDS:
            names = ", ".join(FIELDS)
            raise unknown_name("--where: no such field", field, FIELDS, fix=f"Fields: {names}.")
        return Condition(field, pattern.strip().lower(), negated)

    def holds(self, table: Table, row: Row) -> bool:
        """Whether a row is wanted."""
        value = FIELDS[self.field](table, row).lower()
        return fnmatchcase(value, self.pattern) != self.negated


def view(
    tables: Sequence[Table],
    *,
    where: Sequence[str] = (),
    sort: str | None = None,
    top: int | None = None,
) -> tuple[Table, ...]:
    """Return tables with the wanted rows, in the wanted order; empty tables are left out.

    Args:
        tables: Tables of a leaderboard.
        where: Conditions that rows must all fulfil, as `Condition.parse` reads them.
        sort: One of `COLUMNS`, after a ``-`` for the opposite order; rows without a value come last
            either way.
        top: Rows that each table keeps.

    Raises:
        UsageError: A condition or a column is not known.
    """
    conditions = [Condition.parse(text) for text in where]
    column = None if sort is None else sort.removeprefix("-")
    if column is not None and column not in COLUMNS:
        names = ", ".join(COLUMNS)
        raise unknown_name("--sort: no such column", column, COLUMNS, fix=f"Columns: {names}.")
    chosen = []
    for table in tables:
        rows = [row for row in table.rows if all(item.holds(table, row) for item in conditions)]
        if column is not None:
            rows = _sorted(rows, COLUMNS[column], descending=sort != column)
        if rows:
            chosen.append(replace(table, rows=tuple(rows[:top])))
    return tuple(chosen)


def _sorted(rows: Sequence[Row], value: Callable[[Row], Any], *, descending: bool) -> list[Row]:
    """Sort rows; those that are equal keep their order, and those without a value come last."""
    present = [row for row in rows if _is_present(value(row))]
    missing = [row for row in rows if not _is_present(value(row))]
    if descending:
        return [*sorted(present, key=value, reverse=True), *missing]
    return [*sorted(present, key=value), *missing]


def _is_present(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
