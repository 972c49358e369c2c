"""The pages in a real browser, if there is one: filters work offline, under the page's policy."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from lab_simulator import TrainingForm

from harness import api
from harness.render.audit_report.html import MAX_PLOTS, audit_html
from harness.render.terminal.leaderboard import board
from tests.auditing.rules import builders as b
from tests.render.terminal.test_audit import a_round

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    "",
)
OUTSIDE = re.compile(
    r"""\b(?:src|href(?!=#e\d)|srcset|action|data|poster)\s*=|url\(|@import|https?://(?!www\.w3\.org/2000/svg)"""
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> api.Tree:
    """A valid entry with a warning, and an invalid one with copied logs and a hole."""
    root = tmp_path_factory.mktemp("tree")
    b.training(root / "warned", TrainingForm(padding_s=55.0), runs=2)
    bad = b.training(root / "bad", TrainingForm(copied_nodes=True), nodes=2, runs=2)
    b.edit_lines(b.node(bad, 1, 0), lambda k, line: None if 20 < k < 50 else line, "power_reading")
    return api.read(root)


@pytest.fixture(scope="module")
def page(tree: api.Tree) -> str:
    return audit_html(api.audit(tree), tree.entries)


def shown_by_browser(text: str, folder: Path) -> str:
    """The document after its scripts have run."""
    if not BROWSER:
        pytest.skip("no Chromium here to run the page in")
    file = folder / "page.html"
    file.write_text(text, "utf-8")
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


CHOICES = {
    "invalid": ({"verdict": "invalid"}, ["invalid"]),
    "unjudged": ({"verdict": "unjudged"}, []),
    "padding": ({"rule": "padding"}, ["valid"]),
    "duplicates": ({"rule": "duplicate-traces"}, ["invalid"]),
    "valid and duplicates": ({"verdict": "valid", "rule": "duplicate-traces"}, []),
    "padding, any verdict": ({"rule": "padding", "verdict": ""}, ["valid"]),
    "all words": ({"search": "Lab duplicate"}, ["invalid"]),
    "nothing": ({}, ["invalid", "valid"]),
}
"""What is chosen on the page, and the verdicts of the entries that are left."""
CHOOSE = """
const documents = [];
for (const choices of CHOICES) {
  for (const name of ["verdict", "rule", "search"]) {
    const control = document.getElementById(name);
    control.value = choices[name] ?? "";
    control.dispatchEvent(new Event(name === "search" ? "input" : "change"));
  }
  documents.push(document.documentElement.outerHTML);
}
document.body.textContent = JSON.stringify(documents);
"""


@pytest.fixture(scope="module")
def shown(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The document after each choice, all by one start of the browser.

    Without the policy of the page, which would not let this script run.
    """
    free = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert free != page
    script = CHOOSE.replace("CHOICES", json.dumps([choices for choices, _ in CHOICES.values()]))
    changed = free.replace("</body>", f"<script>{script}</script></body>")
    dumped = shown_by_browser(changed, tmp_path_factory.mktemp("browser"))
    body = dumped[dumped.index("<body>") + len("<body>") : dumped.rindex("</body>")]
    return dict(zip(CHOICES, json.loads(html.unescape(body)), strict=True))


def visible(document: str) -> list[str]:
    return re.findall(r'<details id="e\d+" class="entry (\w+)" ', document)


def rows(document: str) -> set[str]:
    """Rules of the rows that are not hidden."""
    tags = re.findall(r'<(?:tr|li) ([^>]*data-rule="([^"]*)"[^>]*)>', document)
    return {rule for tag, rule in tags if "hidden" not in tag}


def test_the_script_runs_under_the_policy_of_the_page(page: str, tmp_path: Path) -> None:
    blank = page.replace("<output id=shown>2<", "<output id=shown>?<")
    assert blank != page
    document = shown_by_browser(blank, tmp_path)
    assert '<output id="shown">2</output>' in document
    assert visible(document) == ["invalid", "valid"]


@pytest.mark.parametrize("name", CHOICES)
def test_filters_and_search_hide_the_others(shown: dict[str, str], name: str) -> None:
    choices, left = CHOICES[name]
    assert visible(shown[name]) == left
    assert f'<output id="shown">{len(left)}</output>' in shown[name]
    if rule := choices.get("rule"):
        assert rows(shown[name]) == {rule}


def test_invalid_entries_are_open_and_first_and_valid_ones_collapsed(page: str) -> None:
    entries = re.findall(r"<details id=e(\d+) class=\"entry (\w+)\"[^>]*?( open)?>", page)
    assert [(verdict, bool(opened)) for _, verdict, opened in entries] == [
        ("invalid", True),
        ("valid", False),
    ]
    assert all(f"href=#e{number}>" in page for number, _, _ in entries)


def test_a_round_weighs_at_most_five_megabytes_and_plots_what_is_invalid() -> None:
    report = a_round(2449)
    readings = 400.0 + np.random.default_rng(1).normal(0, 9, 611).round(2)
    run = b.run(b.trace(range(-5, 606), readings))
    entries = [b.entry(run, id=item.id) for item in report.entries]
    text = audit_html(report, entries)
    assert len(text.encode()) <= 5_000_000
    invalid = sum(item.verdict == "invalid" for item in report.entries)
    assert text.count("<svg") == min(invalid, MAX_PLOTS)
    assert text.index("entry invalid") < text.index("entry questioned") < text.index("entry valid")


def test_the_pages_refer_to_nothing_outside(tree: api.Tree, page: str) -> None:
    ranked = board(api.rank(tree), "html")
    assert "<table>" in ranked
    for text in (page, ranked):
        assert not OUTSIDE.findall(text)
        assert "default-src 'none'" in text
    assert "<script" not in ranked


def test_the_picture_marks_window_gaps_and_what_was_found(tree: api.Tree) -> None:
    report = api.audit(tree, select=["largest-gap"])
    page = audit_html(report, tree.entries)
    bad = page.split("<details id=e")[1]
    assert "<title>window</title>" in bad
    assert "<title>gap</title>" in bad
    assert ">1 gap<" in bad
    assert re.search(r"node_0\.txt, \d+ s: \w+ largest-gap", bad)
    assert ">2 runs<" in bad
