"""Rendering: hostile names do no harm, and numbers have the digits that their interval supports."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from harness.auditing.engine import audit_entry
from harness.auditing.relations import equal_traces, in_memory
from harness.auditing.report import EntryReport, Finding, Report
from harness.core.schemas import check
from harness.formats.base import Quality, Quantity, Work
from harness.ranking.leaderboard import Table, leaderboard
from harness.render.audit_report.document import audit_document
from harness.render.escape import FORMATS, escape, grid, plain
from harness.render.json import leaderboard_document
from harness.render.leaderboard_csv import columns
from harness.render.numbers import decimals, estimate_text, number, percent
from harness.render.terminal.audit import audit_text
from harness.render.terminal.leaderboard import HEAD, board
from harness.render.terminal.score import score_text
from harness.scoring.score import score
from harness.uncertainty.estimate import Estimate
from tests.auditing.rules import builders as b

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": "\" onmouseover='x'",
    "entity": "&lt;b&gt;",
    "pipe": "a | b | c",
    "link": "[click](javascript:x) ![i](http://x)",
    "heading": "# *bold* `code` ~~x~~",
    "formula": '=cmd|"/C calc"!A0',
    "plus": "+1+1",
    "minus": "-1 +cmd|'/C'!A0",
    "at": "@SUM(A1)",
    "fullwidth": "＝1+1",
    "quote": 'a","b"',
    "latex": r"\input{/etc/passwd} \write18{x}",
    "latex-special": "100 % of $x_1^2$ & {#} ~",
    "latex-carets": "^^5cinput",
    "ansi": "\x1b[31mred\x1b]0;title\x07",
    "c1": "\x9b31m",
    "direction": "abc\u202efdp.exe\u2066",
    "zero-width": "a\u200bb\ufeff",
    "newline": "one\ntwo\r\nthree\u2028four",
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "tab": "\t=1+1",
}
hostile = pytest.mark.parametrize("name", list(HOSTILE.values()), ids=list(HOSTILE))
LATEX_TEXT = re.compile(
    r"\\(textbackslash|textasciitilde|textasciicircum|ensuremath)\b|\\[&%$#_{}^~]|[{}]"
)


@functools.cache
def tables(name: str = "Lab", power_w: float = 400.0) -> tuple[Table, ...]:
    """A table of two entries, one of them invalid, in which each text a stranger can choose is
    `name`."""
    facts: dict[str, Any] = {
        "work": Work(1000.0, "sample"),
        "performance": Quantity(10.0, f"per {name}"),
        "quality": Quality(name, 1.0),
    }
    entries = [
        b.entry(
            b.run(
                b.trace(range(-5, 606), watts, meter="yokogawa-wt210", calibration_id="m"),
                success=ok,
                **facts,
            ),
            id=f"{watts}",
        )
        for watts, ok in ((power_w, True), (power_w / 2, False))
    ]
    copies = equal_traces(in_memory(entries)[0])
    reports = {f"{name}/{entry.id}": audit_entry(entry, copies) for entry in entries}
    named = {"submitter": name, "system": name, "benchmark": name, "scenario": name}
    results = [
        replace(score(entry, draws=20_000), entry=replace(entry, id=f"{name}/{entry.id}", **named))
        for entry in entries
    ]
    return leaderboard(results, reports)


def hostile_report(name: str) -> Report:
    finding = Finding("coverage", "fail", name, name, name, name, name, name)
    return Report((EntryReport(name, b.OWN, "invalid", (finding,), (name,)),), ((name, name),), ())


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.given: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.given += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def no_control(text: str) -> None:
    bad = {c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"}
    assert not bad, sorted(map(hex, map(ord, bad)))


# What a stranger may be called


@hostile
def test_plain_is_one_printable_line(name: str) -> None:
    text = plain(name)
    no_control(text)
    assert len(text.splitlines()) == 1


@hostile
@pytest.mark.parametrize("form", FORMATS)
def test_no_form_lets_control_characters_or_line_breaks_through(name: str, form: str) -> None:
    text = board(tables(name), form)
    no_control(text)
    text.encode("utf-8")
    assert len(text.splitlines()) == len(board(tables("harmless"), form).splitlines())


@hostile
def test_terminal_texts_are_printable(name: str) -> None:
    results = [row.result for row in tables(name)[0].rows]
    for text in (
        score_text(results),
        audit_text(hostile_report(name)),
        audit_text(hostile_report(name), form="full"),
    ):
        no_control(text)


@hostile
def test_html_page_has_the_tags_of_a_harmless_one(name: str) -> None:
    page, harmless = Page(board(tables(name), "html")), Page(board(tables("harmless"), "html"))
    assert page.tags == harmless.tags
    assert page.given == harmless.given
    assert page.text.count(plain(name)) >= 4, "and the name is shown as it is"


@hostile
def test_markdown_rows_keep_their_cells_and_carry_no_markup(name: str) -> None:
    lines = board(tables(name), "md").splitlines()
    rows = [line for line in lines if line.startswith("|")]
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) == len(HEAD) + 1
    for line in (*rows[2:], lines[0].removeprefix("### ")):
        assert not re.search(r"(?<!\\)[<>`*\[\]~!#_]", line.replace("\\\\", "")), line


@hostile
def test_csv_cells_are_no_formulas_and_stay_cells(name: str) -> None:
    head, *rows = csv.reader(io.StringIO(board(tables(name), "csv")))
    assert head == columns()
    assert len(rows) == 2
    for row in rows:
        assert len(row) == len(head)
        assert not [cell for cell in row if cell[:1] and cell[0] in "=+@\t＝＋＠"]
        assert not [cell for cell in row if cell.startswith("-") and cell != "-"]
        assert row[head.index("submitter")].removeprefix("'") == plain(name)


@pytest.mark.parametrize("cell", ["-", "-1.5", "-1,000 W", "-0.2 %", "2024-05-01"])
def test_csv_leaves_numbers_and_dashes_alone(cell: str) -> None:
    assert grid(["h"], [[cell]], "csv").splitlines()[1].strip('"') == cell


@hostile
def test_latex_has_no_command_of_the_stranger(name: str) -> None:
    for text in (
        escape(name, "latex"),
        re.split(r"\\midrule\n", grid(["h"], [[name]], "latex"))[1].split(r" \\")[0],
    ):
        rest = LATEX_TEXT.sub("", text)
        assert not re.search(r"[\\$#%&_^~]", rest), (text, rest)


@pytest.mark.parametrize("form", FORMATS)
def test_a_name_cannot_pose_as_another_row(form: str) -> None:
    text = grid(["a", "b"], [["x\n1", "y"]], form)
    assert "x 1" in text


@hostile
def test_json_holds_names_as_they_are(name: str) -> None:
    document = leaderboard_document(tables(name))
    check("leaderboard", document)
    check("audit-report", audit_document(hostile_report(name)))
    again = json.loads(json.dumps(document))
    assert again["tables"][0]["rows"][0]["submitter"] == name


def test_html_is_one_page_that_asks_nothing_of_the_network() -> None:
    text = board(tables(), "html")
    assert text.startswith("<!doctype html>")
    page = Page(text)
    assert page.tags.count("html") == page.tags.count("title") == page.tags.count("h1") == 1
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert not [
        value
        for key, value in page.given
        if key in ("src", "href", "srcset", "style") or key.startswith("on")
    ]
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert "url(" not in text
    assert ("charset", "utf-8") in page.given


# What the forms hold


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "csv"])
def test_each_form_shows_rank_interval_verdict_and_reason(form: str) -> None:
    text = board(tables(), form)
    assert "INVALID: result-valid" in text
    assert re.search(r"240\.\d+ J/sample", text)
    assert "valid" in text.replace("INVALID: result-valid", "")
    assert "measured by analyzer" in text


def test_csv_has_one_number_in_a_cell_and_units_in_columns() -> None:
    rows = list(csv.DictReader(io.StringIO(board(tables(), "csv"))))
    ranked, invalid = rows
    estimate = tables()[0].rows[0].result.energy_per_unit
    assert float(ranked["energy_per_unit"]) == estimate.value
    assert float(ranked["energy_per_unit_low"]) == estimate.low
    assert float(ranked["energy_per_unit_high"]) == estimate.high
    assert ranked["energy_per_unit_unit"] == "J/sample"
    assert (ranked["rank_low"], ranked["rank_high"], ranked["verdict"]) == ("", "", "valid")
    assert ranked["reasons"] == "one run"
    assert (invalid["rank_low"], invalid["verdict"]) == ("", "invalid")
    assert invalid["reasons"] == "result-valid"
    assert ranked["co2e_location_per_unit"] == "", "absent is not zero"


def test_csv_numbers_are_those_of_the_json_document() -> None:
    (table,) = leaderboard_document(tables())["tables"]
    rows = csv.DictReader(io.StringIO(board(tables(), "csv")))
    for row, expected in zip(rows, table["rows"], strict=True):
        assert float(row["mean_power"]) == expected["mean_power"]["value"]
        assert float(row["performance"]) == expected["performance"]["value"]
        assert int(row["n_runs"]) == expected["n_runs"]


def test_no_tables_make_a_page_without_rows() -> None:
    assert "<table>" not in board((), "html")
    assert list(csv.reader(io.StringIO(board((), "csv")))) == [columns()]


def test_footnotes_explain_the_marks_that_occur() -> None:
    text = board(tables(), "terminal")
    assert "Lab (n)" in text
    assert "(n) fewer than five runs" in text
    assert "(s)" not in text


# Numbers


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "text"),
    [
        (126.0123, 125.81, 126.21, "J", "126.01 J [125.81, 126.21]"),
        (0.126, 0.1258, 0.1262, "J/query", "126.00 mJ/query [125.80, 126.20]"),
        (12_127_904.4, 11_900_000, 12_350_000, "J", "12.13 MJ [11.90, 12.35]"),
        (500.0, 380.0, 620.0, "W", "500 W [380, 620]"),
        (2.5, 2.5, 2.5, "W", "2.500 W [2.500, 2.500]"),
        (0.0, -1.0, 1.0, "W", "0.0 W [-1.0, 1.0]"),
        (3.2e-7, 3.1e-7, 3.3e-7, "J", "320 nJ [310, 330]"),
    ],
)
def test_estimates_have_the_digits_their_interval_bears(
    value: float, low: float, high: float, unit: str, text: str
) -> None:
    assert estimate_text(Estimate(value, low, high, unit)) == text


def test_estimate_without_interval_or_value_says_so() -> None:
    assert estimate_text(Estimate(1234.5, None, None, "J")) == "1.234 kJ [no interval]"
    assert estimate_text(Estimate(None, None, None, "J", note="no energy")) == "-"


@pytest.mark.parametrize(
    ("span", "places"),
    [(123.0, 0), (12.0, 0), (9.9, 1), (1.0, 1), (0.99, 2), (0.01, 3), (0.0099, 4)],
)
def test_two_significant_digits_of_the_span(span: float, places: int) -> None:
    assert decimals(500.0, span) == places


def test_numbers_and_percent() -> None:
    assert number(None) == percent(None) == "-"
    assert number(1234567.8, "Samples/s") == "1,234,568 Samples/s"
    assert number(0.000123456789) == "0.000123457"
    assert percent(0.12345) == "12.3 %"
    assert percent(0.999, 2) == "99.90 %"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (12_672.4, 4, "12,672"),
        (9999.4, 4, "9999"),
        (9999.5, 4, "10,000"),
        (1234.0, 3, "1,234"),
        (99_999.0, 6, "99999"),
        (100_000.0, 6, "100,000"),
        (0.000123456, 3, "0.000123"),
    ],
)
def test_large_numbers_are_written_out(value: float, digits: int, text: str) -> None:
    assert number(value, digits=digits) == text
