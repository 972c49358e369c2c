"""The table of defects is the only place that names them, and the docs show it."""

from __future__ import annotations

import re
from pathlib import Path

from harness.formats.base import Defect
from harness.formats.defects import DefectCode, defect_table

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_code_is_the_text_that_reports_show() -> None:
    defect = Defect(DefectCode.FILE_EMPTY, "a.txt", "0 bytes")
    assert defect.code == "file-empty"
    assert f"{defect.code}: {defect.got}" == "file-empty: 0 bytes"


def test_every_code_says_what_was_expected_and_what_to_do() -> None:
    for code in DefectCode:
        assert code.expected, code
        assert code.remedy.endswith("."), code
        assert code.meaning, code


def test_the_docs_show_the_table() -> None:
    page = (REPOSITORY / "docs" / "reference" / "formats.md").read_text("utf-8")
    assert "<!-- generated: defects -->" in page
    rows = [row for row in defect_table().splitlines() if row.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == sorted(DefectCode)
    assert all(row.count("|") == 5 for row in rows)


def test_no_module_spells_a_code_out() -> None:
    spelled = re.compile(rf'"({"|".join(DefectCode)})"')
    readers = (REPOSITORY / "harness" / "formats").rglob("*.py")
    modules = [path for path in readers if path.name != "defects.py"]
    assert [path.name for path in modules if spelled.search(path.read_text("utf-8"))] == []
