"""What no output may hold, whatever a submission says."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a reader cannot see: controls, direction and zero-width marks,
surrogates, line ends."""
ACTIVE = frozenset(
    {
        "a",
        "animate",
        "applet",
        "audio",
        "base",
        "embed",
        "foreignobject",
        "frame",
        "iframe",
        "image",
        "img",
        "input",
        "link",
        "math",
        "object",
        "set",
        "source",
        "template",
        "use",
        "video",
    }
)
"""Elements that load or do something; the pages of the harness have none of them, but for one."""
SEARCH_FIELD = [
    ("id", "search"),
    ("type", "search"),
    ("placeholder", "submitter, system, text"),
]
"""The page's own field of the search."""
NUMBER = re.compile(r"-?[\d.,]+( [A-Za-zµ%/]+)?|-|-?\d[\d.]*(e[+-]\d+)?")


def visible(text: str) -> None:
    """Every character of a text can be seen, and be written as UTF-8."""
    odd = "".join(line for line in text.split("\n") if not line.isprintable())
    hidden = {c for c in odd if unicodedata.category(c) in HIDDEN}
    assert not hidden, {f"U+{ord(c):04X}" for c in hidden}
    text.encode("utf-8")


def csv_is_safe(text: str) -> None:
    """No cell is a formula, and every row has the columns of the head."""
    visible(text)
    rows = list(csv.reader(io.StringIO(text)))
    assert len({len(row) for row in rows}) <= 1, rows
    for cell in (cell for row in rows for cell in row):
        assert cell[:1] not in tuple("=+-@\t\r＝＋－＠") or NUMBER.fullmatch(cell), cell


def markdown_is_safe(text: str) -> None:
    """Every row of a table has the columns of its head, and nothing in it is a link, a picture,
    a mention or HTML."""
    visible(text)
    width = None
    for line in text.splitlines():
        bare = re.sub(r"\\.", "", line)
        assert not re.search(r"[<>`&@]|\]\(|://|www\.", bare), line
        width = None if not line.startswith("|") else bare.count("|") if width is None else width
        assert width is None or bare.count("|") == width, line


def latex_is_safe(text: str) -> None:
    """No command but those that the tables are made of."""
    visible(text)
    known = (
        "begin",
        "end",
        "toprule",
        "midrule",
        "bottomrule",
        "hline",
        "subsection",
        "textbackslash",
        "textasciitilde",
        "textasciicircum",
        "ensuremath",
    )
    for command in re.findall(r"\\([A-Za-z]+)", text.replace("\\\\", "")):
        assert command in known, command


class _Page(HTMLParser):
    """Elements and attributes of a page, and the text of its script."""

    def __init__(self, scripts: int) -> None:
        super().__init__()
        self.scripts = scripts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        is_anchor = tag == "a" and all((value or "").startswith("#") for _, value in attrs)
        is_search = tag == "input" and attrs == SEARCH_FIELD
        assert is_anchor or is_search or tag not in ACTIVE, (tag, attrs)
        self.scripts -= tag == "script"
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name, value)
            assert is_anchor or name not in ("src", "href", "srcdoc", "action"), (tag, name, value)


def html_is_safe(text: str, scripts: int = 0) -> None:
    """A page without elements that load or do something, without handlers, and with just its own
    scripts."""
    visible(text)
    page = _Page(scripts)
    page.feed(text)
    page.close()
    assert page.scripts == 0


def xml_is_safe(text: str) -> None:
    """It can be parsed, and nothing in it is hidden."""
    visible(text)
    ElementTree.fromstring(text.encode("utf-8"))
