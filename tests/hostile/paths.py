"""The main path of the command line over one tree, with every form of output checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import api
from harness.auditing.report import Report
from harness.core.documents import dump_document
from harness.core.errors import JoulemarkError
from harness.formats.load import Tree
from harness.render.audit_report.document import audit_document
from harness.render.audit_report.html import audit_html
from harness.render.audit_report.junit import junit_text
from harness.render.audit_report.sarif import sarif_text
from harness.render.disclosure.sheet import STANDARDS, disclosure_document, disclosure_sheet
from harness.render.json import (
    import_document,
    leaderboard_document,
    result_document,
)
from harness.render.terminal.audit import FORMS, audit_text
from harness.render.terminal.comparison import comparison_document, comparison_text
from harness.render.terminal.leaderboard import board
from harness.render.terminal.report import import_text
from harness.render.terminal.score import score_text
from tests.hostile import checks

DRAWS = 1_000
"""Of the Monte Carlo: its size is no matter of what is read."""
BUG = "Please report this"
"""How the harness names a fault of its own."""


@contextmanager
def told() -> Iterator[None]:
    """Errors meant for a person are an answer; they can be printed as they are."""
    said = ""
    try:
        yield
    except JoulemarkError as error:
        said = str(error)
    assert BUG not in said, said
    said.encode("utf-8")


def whole(root: Path, out: Path | None = None) -> None:
    """Read, audit, score, rank, compare and import; nothing but results, findings and errors for
    a person comes."""
    with told():
        tree, report = judged(root)
        _audited(report, tree)
        _scored(tree)
        with told():
            tables = api.rank(tree)
            document("leaderboard", leaderboard_document(tables, tree.unreadable, tree.skipped))
            for form, check in BOARDS.items():
                check(board(tables, form))
    if out is not None:
        with told():
            done = api.import_tree(root, out=out)
            checks.visible(import_text(done))
            document("import-report", import_document(done))


def judged(root: Path) -> tuple[Tree, Report]:
    """Read and audit, the part of the way where damage is met."""
    tree = api.read(root)
    for path, reason in tree.unreadable:
        assert BUG not in reason, (path, reason)
    report = api.audit(tree)
    for finding in (finding for entry in report.entries for finding in entry.findings):
        assert BUG not in finding.fix, finding
    return tree, report


BOARDS: dict[str, Any] = {
    "terminal": checks.visible,
    "md": checks.markdown_is_safe,
    "csv": checks.csv_is_safe,
    "html": checks.html_is_safe,
    "latex": checks.latex_is_safe,
}


def document(kind: str, content: dict[str, Any]) -> None:
    """Check that a document can be written and read again."""
    text = dump_document(kind, content)
    text.encode("utf-8")
    json.loads(text)


def _audited(report: Report, tree: Tree) -> None:
    for form in FORMS:
        checks.visible(audit_text(report, form=form))
    checks.html_is_safe(audit_html(report, tree.entries), scripts=1)
    checks.visible(sarif_text(report))
    json.loads(sarif_text(report))
    checks.xml_is_safe(junit_text(report, strict=True))
    document("audit-report", audit_document(report))


def _scored(tree: Tree) -> None:
    results = api.score(tree, draws=DRAWS)
    checks.visible(score_text(results, explained=True))
    document("result", result_document(results, tree.unreadable, tree.skipped))
    verdicts = {result.entry.id: "valid" for result in results}
    for standard in STANDARDS:
        disclosed = disclosure_document(standard, results, verdicts, {}, tree.unreadable)
        document("disclosure", disclosed)
        checks.markdown_is_safe(disclosure_sheet(disclosed))
    if results:
        with told():
            found = api.compare(results[0], results[-1], draws=DRAWS)
            checks.visible(comparison_text(found))
            document("comparison", comparison_document(found))
