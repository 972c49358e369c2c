"""What `harness.score` and `harness.rank` return: lists that show themselves, and become frames.

Example:
    Score a tree in a notebook, and look at it with pandas::

        results = harness.score("runs")
        results                      # a table
        results.to_pandas()          # a row for each result
        results.plot()               # energies with their intervals
        Results(results[:2]).plot_power()
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.ranking.leaderboard import Table
from harness.scoring.result import Result

if TYPE_CHECKING:
    import pandas
    import pyarrow
    from matplotlib.figure import Figure

MAX_SHOWN = 40
"""Results that are shown; the others are counted."""
HEAD = ("entry", "energy", "mean power", "per unit", "class", "boundary", "runs")


class Results(list[Result]):
    """The results of a tree, in its order: a list with a table, frames and pictures."""

    def __repr__(self) -> str:
        """Show a table of the energies."""
        return self._shown("terminal")

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return self._shown("html")

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with a row for each result (extra `pandas`)."""
        from harness.render.notebook.frames import data_frame, result_rows

        return data_frame(result_rows(self))

    def to_arrow(self) -> pyarrow.Table:
        """Return an Arrow table with a row for each result (extra `parquet`)."""
        from harness.render.notebook.frames import arrow_table, result_rows

        return arrow_table(result_rows(self))

    def plot(self) -> Figure:
        """Draw the energies with their intervals (extra `pictures`)."""
        from harness.render.notebook.pictures import intervals_picture

        return intervals_picture(self)

    def plot_power(self) -> Figure:
        """Draw the power of each run over its time (extra `pictures`)."""
        from harness.render.notebook.pictures import power_picture

        return power_picture(self)

    def _shown(self, form: str) -> str:
        from harness.render.escape import escape, grid

        text = grid(HEAD, [_cells(result) for result in self[:MAX_SHOWN]], form)
        more = len(self) - MAX_SHOWN
        if more <= 0:
            return text
        note = escape(f"and {more} more", form)
        return f"{text}<p>{note}</p>" if form == "html" else f"{text}\n{note}"


class Tables(tuple[Table, ...]):
    """The tables of a leaderboard: a tuple that shows itself, with frames."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Name each table and how many of its entries are ranked."""
        from harness.render.escape import plain
        from harness.render.terminal.leaderboard import titles

        lines = [
            f"{plain(title)}: {table!r}" for title, table in zip(titles(self), self, strict=True)
        ]
        return "\n".join(lines) or "no tables"

    def _repr_html_(self) -> str:
        """Show the tables in a notebook."""
        from harness.ranking.question_sets import question_sets
        from harness.render.terminal.leaderboard import sections
        from harness.render.terminal.question_sets import set_sections

        parts = [*sections(self, "html"), *set_sections(question_sets(self), "html")]
        return "\n".join(parts)

    def to_pandas(self) -> pandas.DataFrame:
        """Return a data frame with a row for each entry (extra `pandas`)."""
        from harness.render.notebook.frames import data_frame, table_rows

        return data_frame(table_rows(self))

    def to_arrow(self) -> pyarrow.Table:
        """Return an Arrow table with a row for each entry (extra `parquet`)."""
        from harness.render.notebook.frames import arrow_table, table_rows

        return arrow_table(table_rows(self))


def _cells(result: Result) -> Sequence[str]:
    from harness.render.numbers import estimate_text

    return (
        result.entry.id,
        estimate_text(result.energy),
        estimate_text(result.mean_power),
        estimate_text(result.energy_per_unit),
        result.measurement_class,
        result.boundary or "-",
        str(result.n_runs),
    )
