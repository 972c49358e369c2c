"""The leaderboard as text: terminal, Markdown, CSV, HTML, LaTeX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.ranking.leaderboard import Row, Table
from harness.render.escape import escape, grid
from harness.render.leaderboard_csv import leaderboard_csv
from harness.render.numbers import estimate_text, number, percent
from harness.render.terminal import co2e
from harness.scoring.notes import efficiency_note
from harness.scoring.repeated_runs import MIN_RUNS_FOR_RANK

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
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:88rem;padding:0 1rem;color:#1b1b1b;"
    "background:#fff}table{border-collapse:collapse;display:block;overflow-x:auto;margin:.5rem 0 1rem;"
    "font-size:.9rem}th,td{padding:.35rem .6rem;text-align:left;border-bottom:1px solid #ddd;white-space:nowrap}"
    "td:last-child{white-space:normal;min-width:9rem}th{background:#f3f5f4}h2{margin:2rem 0 0;font-size:1.1rem}"
    "p{font-size:.85rem;color:#555;margin:0}@media(prefers-color-scheme:dark){body{background:#161a19;color:#e8e8e8}"
    "th{background:#24302c}td,th{border-color:#333}p{color:#aaa}}"
)


def board(tables: Sequence[Table], form: str) -> str:
    """All tables in one of the forms of `cells.FORMATS`."""
    if form == "csv":
        return leaderboard_csv(tables)
    titles = [_title(table) for table in tables]
    twice = {title for title, count in Counter(titles).items() if count > 1}
    named = [
        _title(table, always=title in twice) for table, title in zip(tables, titles, strict=True)
    ]
    parts = [_section(table, title, form) for table, title in zip(tables, named, strict=True)]
    if form == "html":
        return _page("\n".join(parts))
    return "\n\n".join(parts) + "\n"


def _title(table: Table, *, always: bool = False) -> str:
    """always: name the division too where it is the closed one, which most results are in"""
    measured = table.measurement_class not in ("modelled", "declared")
    said = [
        table.task,
        table.division if always or table.division != "closed" else "",
        f"measured by {table.measurement_class}"
        if measured
        else f"{table.measurement_class}: not measured",
        "simulated" if table.simulated else "",
    ]
    return f"{table.benchmark}, {table.scenario} ({', '.join(filter(None, said))})"


def _section(table: Table, title: str, form: str) -> str:
    heading = {
        "md": f"### {escape(title, form)}\n",
        "html": f"<h2>{escape(title, form)}</h2>",
        "latex": f"\\subsection*{{{escape(title, form)}}}",
    }.get(form, escape(title, form))
    carbon = co2e.shown(row.result for row in table.rows)
    text = f"{heading}\n{grid(_head(carbon), [_row(row, carbon) for row in table.rows], form)}"
    notes = footnotes(table)
    if notes and form == "html":
        text += "<p>" + "<br>".join(escape(note, form) for note in notes) + "</p>"
    elif notes:
        text += "\n\n" + "\n".join(
            escape(note, form) + ("  " if form == "md" else "") for note in notes
        )
    return text


def footnotes(table: Table) -> list[str]:
    """What the marks in a table mean, where they occur."""
    notes = []
    if any(row.result.distinct_runs < MIN_RUNS_FOR_RANK for row in table.rows):
        notes.append(
            "(n) fewer than five runs: the rank is provisional, in brackets; one run shows no scatter."
        )
    if any(row.result.estimated_share > 0 for row in table.rows):
        notes.append("(e) part of the energy is estimated, not measured.")
    efficiencies = {value for row in table.rows for value in row.result.efficiencies}
    if efficiencies:
        notes.append(f"(c) {efficiency_note(efficiencies)}.")
    if any(row.result.entry.simulated for row in table.rows):
        notes.append("(s) simulated, not a real system.")
    if any(row.result.inferred for row in table.rows):
        notes.append("(i) inferred from a run of another scenario, as MLPerf allows.")
    if any(row.questions for row in table.rows):
        notes.append(
            "questioned: breaks text that its round did not enforce, or is doubtful; ranked all the same."
        )
    if len(table.rounds) > 1:
        notes.append(f"Of several rounds, whose rules differ: {', '.join(table.rounds)}.")
    return notes + co2e.footnotes([row.result for row in table.rows], table.rank_by)


def _head(carbon: bool) -> tuple[str, ...]:
    return (*HEAD[:4], *co2e.HEAD, *HEAD[4:]) if carbon else HEAD


def _row(row: Row, carbon: bool) -> list[str]:
    result = row.result
    marks = "".join(
        mark
        for mark, holds in (
            ("n", result.distinct_runs < MIN_RUNS_FOR_RANK),
            ("e", result.estimated_share > 0),
            ("c", bool(result.efficiencies)),
            ("s", result.entry.simulated),
            ("i", result.inferred),
        )
        if holds
    )
    quality = result.quality
    return [
        rank_text(row),
        result.entry.submitter or "-",
        result.entry.system + (f" ({marks})" if marks else ""),
        estimate_text(result.energy_per_unit),
        *(co2e.cells(result) if carbon else ()),
        percent(row.rank.p_first) if row.rank else "-",
        percent(row.rank.pareto) if row.rank else "-",
        number(result.performance.value, result.performance.unit) if result.performance else "-",
        ", ".join(f"{item.metric} {item.value:.6g}" for item in quality.all) if quality else "-",
        str(result.n_runs),
        _verdict_text(row),
    ]


def _verdict_text(row: Row) -> str:
    """Return the verdict, with why an entry is not ranked or what questions it."""
    if row.reasons and not row.rank:
        return f"{row.verdict.upper()}: {', '.join(row.reasons)}"
    if row.questions:
        return f"{row.verdict}: {', '.join(row.questions)}"
    return row.verdict


def rank_text(row: Row) -> str:
    """`1`, `1-3`, in brackets where there are fewer than five runs, or a dash for what is not ranked."""
    if row.rank is None:
        return "-"
    text = str(row.rank.low) if row.rank.low == row.rank.high else f"{row.rank.low}-{row.rank.high}"
    return text if row.result.distinct_runs >= MIN_RUNS_FOR_RANK else f"({text})"


def _page(body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>joulemark leaderboard</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Energy leaderboard</h1>\n{body}\n</body></html>\n"
    )
