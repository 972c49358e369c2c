"""Results and leaderboards as flat rows, for pandas and Arrow: one number in a cell.

An estimate has five columns: `energy`, `energy_low`, `energy_high`, `energy_level`, `energy_unit`.
What is absent is None in a row, NaN or null in a frame, and never 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import MissingExtraError
from harness.ranking.leaderboard import Table
from harness.render.json import leaderboard_document, result_document
from harness.render.leaderboard_csv import (
    Row,
    estimate_cells,
    leaderboard_row,
    performance_cells,
    scatter_cells,
)
from harness.scoring.result import Result

if TYPE_CHECKING:
    import pandas
    import pyarrow

DESCRIPTION = (
    "id",
    "format",
    "round",
    "division",
    "submitter",
    "system",
    "benchmark",
    "scenario",
    "task",
    "simulated",
    "measurement_class",
    "boundary",
    "measurand",
    "n_runs",
    "distinct_runs",
)
RESULT_ESTIMATES = (
    ("energy", ("energy",)),
    ("mean_power", ("mean_power",)),
    ("energy_per_unit", ("energy_per_unit",)),
    ("energy_per_correct", ("energy_per_correct",)),
    ("co2e_location", ("co2e", "location_based")),
    ("co2e_market", ("co2e", "market_based")),
)
"""Name of the columns of an estimate, and its path in an entry of the document."""


def result_rows(results: Sequence[Result]) -> list[Row]:
    """Return a row for each result."""
    return [result_row(entry) for entry in result_document(results)["entries"]]


def result_row(entry: Mapping[str, Any]) -> Row:
    """Return the row of one entry of the document of results."""
    row: Row = {name: entry[name] for name in DESCRIPTION}
    for name, path in RESULT_ESTIMATES:
        row |= estimate_cells(name, entry, path)
    row |= performance_cells(entry)
    row |= scatter_cells(entry)
    for name in ("coverage", "estimated_share"):
        row[name] = entry[name]
    return row


def table_rows(tables: Sequence[Table]) -> list[Row]:
    """Return a row for each entry of each table; every row repeats what its table is about."""
    return [
        leaderboard_row(table, row)
        for table in leaderboard_document(tables)["tables"]
        for row in table["rows"]
    ]


def data_frame(rows: Sequence[Row]) -> pandas.DataFrame:
    """Return rows as a pandas DataFrame.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError(
            "data frames need the extra `pandas`", fix="pip install 'joulemark[pandas]'"
        ) from None
    return pandas.DataFrame(list(rows))


def arrow_table(rows: Sequence[Row]) -> pyarrow.Table:
    """Return rows as an Arrow table.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError(
            "Arrow tables need the extra `parquet`", fix="pip install 'joulemark[parquet]'"
        ) from None
    return pyarrow.Table.from_pylist(list(rows))
