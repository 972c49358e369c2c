"""The leaderboard as text: terminal, Markdown, CSV, HTML, LaTeX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from harness.ranking.leaderboard import Row, Table
from harness.ranking.question_sets import QuestionSet, question_sets
from harness.render.escape import grid, section
from harness.render.leaderboard_csv import leaderboard_csv
from harness.render.numbers import estimate_text, number, percent
from harness.render.terminal.carbon import co2e
from harness.render.terminal.question_sets import set_sections
from harness.scoring.notes import conversion_notes
from harness.scoring.repeated_runs import MIN_RUNS_FOR_RANK
from harness.scoring.result import ESTIMATED_CLASSES, Result

HEAD = (
    "Rank",
    "Submitter",
    "System",
    "Energy per unit [interval]",
    "P(first)",
    "Pareto",
    "Performance",
    "Quality",
    "Runs",
    "Verdict",
)
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:88rem;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}"
    "table{border-collapse:collapse;display:block;overflow-x:auto;margin:.5rem 0 1rem;"
    "font-size:.9rem}"
    "th,td{padding:.35rem .6rem;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
    "td:last-child{white-space:normal;min-width:9rem}"
    "th{background:#f3f5f4}h2{margin:2rem 0 0;font-size:1.1rem}"
    "p{font-size:.85rem;color:#555;margin:0}"
    "@media(prefers-color-scheme:dark){body{background:#161a19;color:#e8e8e8}"
    "th{background:#24302c}td,th{border-color:#333}p{color:#aaa}}"
)


def board(tables: Sequence[Table], form: str, sets: Sequence[QuestionSet] | None = None) -> str:
    """Return all tables as text; those of LLM endpoints side by side come last.

    Args:
        tables: Tables of a leaderboard.
        form: terminal, md, csv, html or latex.
        sets: LLM endpoints by their questions; found in the tables if not given. CSV leaves them
            out: its rows hold all of their figures.
    """
    if form == "csv":
        return leaderboard_csv(tables)
    parts = sections(tables, form)
    parts += set_sections(question_sets(tables) if sets is None else sets, form)
    if form == "html":
        return _page("\n".join(parts))
    return "\n\n".join(parts) + "\n"


def sections(tables: Sequence[Table], form: str) -> list[str]:
    """Return each table as text, with its heading: for HTML a fragment.

    Args:
        tables: Tables of a leaderboard.
        form: terminal, md, html or latex.
    """
    return [
        _section(table, title, form) for table, title in zip(tables, titles(tables), strict=True)
    ]


def titles(tables: Sequence[Table]) -> list[str]:
    """Return the headings of tables; where two are alike, with what most have in common."""
    short_titles = [_title(table) for table in tables]
    counts = Counter(short_titles)
    return [
        _title(table, in_full=True) if counts[title] > 1 else title
        for table, title in zip(tables, short_titles, strict=True)
    ]


def _title(table: Table, *, in_full: bool = False) -> str:
    """Return the heading of a table.

    Args:
        table: The table.
        in_full: Whether to name what most tables have in common: the closed division.
    """
    parts = [table.task]
    if in_full or table.division != "closed":
        parts.append(table.division)
    if table.measurement_class in ESTIMATED_CLASSES:
        parts.append(f"{table.measurement_class}: not measured")
    else:
        parts.append(f"measured by {table.measurement_class}")
    if table.boundary:
        parts.append(f"boundary {table.boundary}")
    if table.simulated:
        parts.append("simulated")
    if table.without_evidence:
        parts.append("without evidence")
    return f"{table.benchmark}, {table.scenario} ({', '.join(filter(None, parts))})"


def _section(table: Table, title: str, form: str) -> str:
    with_co2e = co2e.shown(row.result for row in table.rows)
    rows = [_row(row, with_co2e) for row in table.rows]
    return section(title, grid(_head(with_co2e), rows, form), footnotes(table), form)


class Mark(NamedTuple):
    """A mark behind the name of a system.

    Attributes:
        letter: The mark itself.
        applies: Whether a result bears it.
        text: What it means.
    """

    letter: str
    applies: Callable[[Result], bool]
    text: str


def _scatter_is(source: str) -> Callable[[Result], bool]:
    return lambda result: result.scatter is not None and result.scatter.source == source


MARKS = (
    Mark(
        "n",
        lambda result: result.distinct_runs < MIN_RUNS_FOR_RANK,
        "fewer than five runs: the rank is provisional, in brackets.",
    ),
    Mark(
        "r",
        _scatter_is("ranging pair"),
        "one timed run: its scatter is shown by the ranging run and by published pairs.",
    ),
    Mark("b", _scatter_is("borrowed"), "scatter between runs is borrowed from other results."),
    Mark(
        "e",
        lambda result: result.estimated_share > 0,
        "part of the energy is estimated, not measured.",
    ),
    Mark("c", lambda result: result.is_converted, ""),
    Mark("s", lambda result: result.entry.simulated, "simulated, not a real system."),
    Mark(
        "i",
        lambda result: result.inferred,
        "inferred from a run of another scenario, as MLPerf allows.",
    ),
)


LEGEND = (
    "P(first): probability of needing the least energy.",
    "Pareto: probability that no entry at least as good in performance and quality needs less "
    "energy.",
)
"""What the columns mean whose heads do not say it."""


def footnotes(table: Table) -> list[str]:
    """Return what columns and marks in a table mean, where they occur, and what else to know."""
    notes = list(LEGEND) if any(row.rank for row in table.rows) else []
    for mark in MARKS:
        if any(mark.applies(row.result) for row in table.rows):
            text = mark.text or _conversion_text(table)
            notes.append(f"({mark.letter}) {text}")
    if any(row.break_even_cv is not None for row in table.rows):
        notes.append(
            "One run: not ranked, as nothing shows its scatter; its place between its neighbours "
            "holds while runs scatter by less than the given share."
        )
    if any(row.questions for row in table.rows):
        notes.append(
            "questioned: breaks text that its round did not enforce, or is doubtful; "
            "ranked all the same."
        )
    if table.without_evidence:
        notes.append(
            "Without evidence: no journal and no session log ties these readings to the run; "
            "ranked apart."
        )
    if len(table.rounds) > 1:
        notes.append(f"Of several rounds, whose rules differ: {', '.join(table.rounds)}.")
    return notes + co2e.footnotes([row.result for row in table.rows], table.rank_by)


def _conversion_text(table: Table) -> str:
    runs = (run for row in table.rows for run in row.result.runs)
    notes = conversion_notes(reading for run in runs for reading in run.readings)
    return "; ".join(notes) + "."


def _head(with_co2e: bool) -> tuple[str, ...]:
    return (*HEAD[:4], *co2e.HEAD, *HEAD[4:]) if with_co2e else HEAD


def _row(row: Row, with_co2e: bool) -> list[str]:
    result = row.result
    marks = "".join(mark.letter for mark in MARKS if mark.applies(result))
    performance, quality = result.performance, result.quality
    qualities = [f"{item.metric} {item.value:.6g}" for item in quality.all] if quality else ["-"]
    return [
        rank_text(row),
        result.entry.submitter or "-",
        result.entry.system + (f" ({marks})" if marks else ""),
        estimate_text(result.energy_per_unit),
        *(co2e.cells(result) if with_co2e else ()),
        percent(row.rank.p_first) if row.rank else "-",
        percent(row.rank.pareto) if row.rank else "-",
        number(performance.value, performance.unit) if performance else "-",
        ", ".join(qualities),
        str(result.n_runs),
        _verdict_text(row),
    ]


def _verdict_text(row: Row) -> str:
    """Return the verdict, with why an entry is not ranked or what questions it."""
    if row.break_even_cv is not None:
        return f"{row.verdict}; one run, holds below {percent(row.break_even_cv)} scatter"
    if row.reasons and not row.rank:
        verdict = row.verdict.upper() if row.verdict in ("invalid", "unjudged") else row.verdict
        return f"{verdict}: {', '.join(row.reasons)}"
    if row.questions:
        return f"{row.verdict}: {', '.join(row.questions)}"
    return row.verdict


def rank_text(row: Row) -> str:
    """Return `1` or `1-3`, in brackets with fewer than five runs; a dash for what is not ranked."""
    if row.rank is None:
        return "-"
    text = str(row.rank.low) if row.rank.low == row.rank.high else f"{row.rank.low}-{row.rank.high}"
    return text if row.result.distinct_runs >= MIN_RUNS_FOR_RANK else f"({text})"


def _page(body: str) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>joulemark leaderboard</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Energy leaderboard</h1>\n{body}\n</body></html>\n"
    )
