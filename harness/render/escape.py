"""Make text from a submission harmless for the format it goes into."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Sequence

from tabulate import tabulate

from harness.core.printable import printable

MAX_CELL_WIDTH = 400
"""Longest cell, in characters: a longer name would widen every row of its column."""
FORMATS = ("terminal", "md", "csv", "html", "latex")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""Characters that Markdown takes for markup, an entity or the start of a link."""
_FORMULA = tuple("=+-@＝＋－＠")
_NUMBER = re.compile(r"-?[\d.,]+( [A-Za-zµ%/]+)?|-")


def plain(text: object, limit: int = 4000) -> str:
    """Reduce a text to one line of printable characters, cut to `limit` of them."""
    line = printable(" ".join(str(text)[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def grid(head: Sequence[str], rows: Sequence[Sequence[object]], form: str) -> str:
    """Lay out a table in one of FORMATS; every cell is escaped for it."""
    clean = [[plain(cell, MAX_CELL_WIDTH) for cell in row] for row in rows]
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(head)
        for row in clean:
            writer.writerow([_no_formula(cell) for cell in row])
        return out.getvalue().rstrip("\n")
    if form == "md":
        clean = [[_MARKDOWN.sub(r"\\\1", cell) for cell in row] for row in clean]
    style = {"terminal": "simple", "md": "github", "html": "html", "latex": "latex_booktabs"}[form]
    return str(tabulate(clean, headers=list(head), tablefmt=style, disable_numparse=True))


def csv_text(text: object) -> str:
    """Clean a text for one cell of a CSV file."""
    return _no_formula(plain(text, MAX_CELL_WIDTH))


def _no_formula(cell: str) -> str:
    """Quote a cell that a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def escape(text: object, form: str) -> str:
    """Escape a heading or a sentence for one of FORMATS."""
    line = plain(text)
    if form == "html":
        return html.escape(line)
    if form == "md":
        return _MARKDOWN.sub(r"\\\1", line)
    if form == "latex":
        table = {c: f"\\{c}" for c in "&%$#_{}"} | {
            "\\": r"\textbackslash{}",
            "~": r"\textasciitilde{}",
            "^": r"\textasciicircum{}",
        }
        return "".join(table.get(c, c) for c in line)
    return line


def section(title: str, table: str, notes: Sequence[str], form: str) -> str:
    """Put a heading over a table and its footnotes below, in one of FORMATS.

    Args:
        title: Heading, not yet escaped.
        table: The table, as ``grid`` lays it out.
        notes: Footnotes, not yet escaped.
        form: terminal, md, html or latex.
    """
    heading = escape(title, form)
    if form == "md":
        heading = f"### {heading}\n"
    elif form == "html":
        heading = f"<h2>{heading}</h2>"
    elif form == "latex":
        heading = f"\\subsection*{{{heading}}}"
    text = f"{heading}\n{table}"
    clean = [escape(note, form) for note in notes]
    if not clean:
        return text
    if form == "html":
        return f"{text}<p>{'<br>'.join(clean)}</p>"
    line_end = "  " if form == "md" else ""
    return text + "\n\n" + "\n".join(note + line_end for note in clean)
