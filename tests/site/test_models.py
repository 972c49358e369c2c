"""The page that puts models side by side: there where LLM endpoints are, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.auditing.report import EntryReport
from harness.formats.base import Entry
from harness.site.build import About, build_site
from tests.ranking.test_question_sets import point, tables_of
from tests.scoring.test_score import entry
from tests.site.conftest import accessibility_problems

ABOUT = About(sources=["runs"], created="2026-01-05", level=0.95, seed=1)


def build(out: Path, *entries: Entry) -> Path:
    tables = tables_of(*entries)
    reports: dict[str, EntryReport] = {}
    build_site(out, tables, reports, ABOUT)
    return out


def test_models_stand_side_by_side_and_link_to_their_results(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    out = build(tmp_path / "site", point(hostile, 1, 100.0), point("b", 1, 50.0, right=0))
    page = (out / "models.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "–<br><small>no answer was correct</small>" in page
    links = [line.split('"')[0] for line in page.split('href="results/')[1:]]
    assert len(links) == 2
    assert all((out / "results" / link).is_file() for link in links)
    assert "models.html" in (out / "index.html").read_text("utf-8")


def test_without_endpoints_there_is_no_such_page(tmp_path: Path) -> None:
    out = build(tmp_path / "site", entry("other", 1.0, 1.1, 0.9))
    assert not (out / "models.html").exists()
    assert "models.html" not in (out / "index.html").read_text("utf-8")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_models_page_fits_and_is_accessible(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    out = build(tmp_path / "site", point("a", 1, 100.0), point("b", 1, 50.0, right=0))
    size = {"width": width, "height": 844}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    page = context.new_page()
    page.goto((out / "models.html").as_uri())
    # Every figure of every model is on the screen, without scrolling sideways.
    boxes = [cell.bounding_box() for cell in page.locator(".models tbody td").all()]
    assert len(boxes) == 22
    assert all(0 <= box["x"] <= box["x"] + box["width"] <= width for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert accessibility_problems(page) == []
    context.close()
