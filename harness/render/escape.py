"""Text from a submission, made harmless for the format it goes into."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Sequence

from tabulate import tabulate

from harness.core.printable import printable

WIDEST = 400
"""Characters of a cell: a name of megabytes would widen every row of its column."""
FORMATS = ("terminal", "md", "csv", "html", "latex")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|<>~&@]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""What Markdown would take for markup, an entity, or an address that it makes a link of."""
_FORMULA = tuple("=+-@＝＋－＠")
_NUMBER = re.compile(r"-?[\d.,]+( [A-Za-zµ%/]+)?|-")


def plain(text: object, limit: int = 4000) -> str:
    """One line of at most so many characters, without control, format or direction characters."""
    line = printable(" ".join(str(text)[: 4 * limit].split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def grid(head: Sequence[str], rows: Sequence[Sequence[object]], form: str) -> str:
    """A table in one of FORMATS; every cell is escaped for it."""
    clean = [[plain(cell, WIDEST) for cell in row] for row in rows]
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([list(head), *([_cell(cell) for cell in row] for row in clean)])
        return out.getvalue().rstrip("\n")
    if form == "md":
        clean = [[_MARKDOWN.sub(r"\\\1", cell) for cell in row] for row in clean]
    style = {"terminal": "simple", "md": "github", "html": "html", "latex": "latex_booktabs"}[form]
    return str(tabulate(clean, headers=list(head), tablefmt=style, disable_numparse=True))


def _cell(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def escape(text: object, form: str) -> str:
    """A heading or a sentence in one of FORMATS."""
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
