"""The leaderboard as data: one number in a cell, its unit in a column of its own.

Every row stands alone: it repeats the benchmark, scenario and class of its table. An empty cell
means that there is no such figure. Ranks and units are those of the JSON document; numbers have
full precision.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from harness.ranking.leaderboard import Table
from harness.render.escape import csv_text
from harness.render.json import leaderboard_document

Row = dict[str, Any]
"""Cells by column; None where there is no figure."""
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
NESTED = ("performance", "quality", "scatter")
"""Objects of a row whose fields have columns of their own."""
LAST_COLUMNS = ("coverage", "estimated_share", "inferred")


def leaderboard_csv(tables: Sequence[Table]) -> str:
    """Write all tables as one CSV document with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns())
    for table in leaderboard_document(tables)["tables"]:
        for row in table["rows"]:
            writer.writerow([_cell(value) for value in leaderboard_row(table, row).values()])
    return stream.getvalue()


def columns() -> list[str]:
    """List the names of all columns."""
    empty = dict.fromkeys((*TABLE_COLUMNS, *ROW_COLUMNS, *LAST_COLUMNS, *NESTED, "n_runs"))
    return list(leaderboard_row(empty, empty))


def leaderboard_row(table: Mapping[str, Any], row: Mapping[str, Any]) -> Row:
    """Return the cells of one row of a table, by column.

    Args:
        table: Document of the table.
        row: Document of the row.
    """
    cells = {name: table[name] for name in TABLE_COLUMNS}
    cells |= {name: row[name] for name in ROW_COLUMNS}
    for name, path in ESTIMATES:
        cells |= estimate_cells(name, row, path)
    cells |= performance_cells(row)
    cells["n_runs"] = row["n_runs"]
    cells |= scatter_cells(row)
    cells |= {name: row[name] for name in LAST_COLUMNS}
    return cells


def estimate_cells(name: str, document: Mapping[str, Any], path: Sequence[str]) -> Row:
    """Return the cells of an estimate that stands at a path of a document."""
    item: Any = document
    for step in path:
        item = (item or {}).get(step)
    fields = {field: (item or {}).get(field) for field in ESTIMATE_FIELDS}
    value = fields.pop("value")
    return {name: value} | {f"{name}_{field}": cell for field, cell in fields.items()}


def performance_cells(document: Mapping[str, Any]) -> Row:
    """Return the cells of performance and quality."""
    performance, quality = document["performance"] or {}, document["quality"] or {}
    return {
        "performance": performance.get("value"),
        "performance_unit": performance.get("unit"),
        "quality_metric": quality.get("metric"),
        "quality": quality.get("value"),
        "quality_target": quality.get("target"),
    }


def scatter_cells(document: Mapping[str, Any]) -> Row:
    """Return the cells of the scatter between runs."""
    scatter = document["scatter"] or {}
    return {f"scatter_{name}": scatter.get(name) for name in ("source", "n", "cv")}


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
