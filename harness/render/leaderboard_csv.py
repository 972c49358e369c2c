"""The leaderboard as data: one number in a cell, its unit in a column of its own.

Every row stands alone: it repeats the benchmark, scenario and class of its table. An empty cell
means that there is no such figure. Ranks and units are those of the JSON document; numbers have
full precision.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.ranking.leaderboard import Table
from harness.render.escape import csv_text
from harness.render.json import leaderboard_document

TABLE_COLUMNS = (
    "task",
    "benchmark",
    "scenario",
    "measurement_class",
    "division",
    "boundary",
    "simulated",
    "without_evidence",
    "rank_by",
)
ROW_COLUMNS = (
    "id",
    "submitter",
    "system",
    "rank_low",
    "rank_high",
    "p_first",
    "pareto",
    "break_even_cv",
    "verdict",
    "reasons",
    "questions",
)
ESTIMATES = (
    ("energy_per_unit", ("energy_per_unit",)),
    ("mean_power", ("mean_power",)),
    ("co2e_location_per_unit", ("co2e_per_unit", "location_based")),
    ("co2e_market_per_unit", ("co2e_per_unit", "market_based")),
)
"""Name of the columns of an estimate, and its path in a row of the document."""
ESTIMATE_FIELDS = ("value", "low", "high", "level", "unit")
LAST_COLUMNS = (
    "performance",
    "performance_unit",
    "quality_metric",
    "quality",
    "quality_target",
    "n_runs",
    "scatter_source",
    "scatter_n",
    "scatter_cv",
    "coverage",
    "estimated_share",
    "inferred",
)


def leaderboard_csv(tables: Sequence[Table]) -> str:
    """Write all tables as one CSV document with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns())
    for table in leaderboard_document(tables)["tables"]:
        for row in table["rows"]:
            writer.writerow([_cell(value) for value in _values(table, row)])
    return stream.getvalue()


def columns() -> list[str]:
    """List the names of all columns."""
    estimates = []
    for name, _ in ESTIMATES:
        estimates += [name, *(f"{name}_{field}" for field in ESTIMATE_FIELDS[1:])]
    return [*TABLE_COLUMNS, *ROW_COLUMNS, *estimates, *LAST_COLUMNS]


def _values(table: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values of one row, in the order of the columns."""
    for name in TABLE_COLUMNS:
        yield table[name]
    for name in ROW_COLUMNS:
        yield row[name]
    for _, path in ESTIMATES:
        estimate: Any = row
        for step in path:
            estimate = (estimate or {}).get(step)
        for field in ESTIMATE_FIELDS:
            yield (estimate or {}).get(field)
    performance, quality = row["performance"] or {}, row["quality"] or {}
    yield performance.get("value")
    yield performance.get("unit")
    yield quality.get("metric")
    yield quality.get("value")
    yield quality.get("target")
    yield row["n_runs"]
    scatter = row["scatter"] or {}
    for name in ("source", "n", "cv"):
        yield scatter.get(name)
    for name in ("coverage", "estimated_share", "inferred"):
        yield row[name]


def _cell(value: Any) -> str:
    """Write a value as one cell: numbers in full, texts harmless for spreadsheets."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    return csv_text(value)
