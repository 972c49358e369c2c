"""The demonstration: the main job over the bundled submissions, step by step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness import api
from harness.documents.files import write_text
from harness.documents.resources import resource
from harness.documents.validate import write_document
from harness.render.board import board
from harness.render.documents import audit_document, leaderboard_document, result_document
from harness.render.report import audit_text

ROUND = "lab-2026"


def run_demo(out: Path) -> Iterator[str]:
    """Import, score, audit and rank the bundled submissions; what to print, line by line.

    Writes run directories, result.json, audit.json and the leaderboard in every form below `out`; what an earlier
    demonstration wrote there is replaced.
    """
    runs = out / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    yield "1. Import: simulated submissions in MLPerf's formats become run directories"
    done = api.import_tree(resource("submissions") / ROUND, out=runs)
    for item in done.imported:
        yield f"   {item.entry.id}: {len(item.entry.runs)} timed runs"
    tree = api.read(runs)

    yield "2. Score: energy with its interval"
    results = api.score(tree)
    write_document("result", result_document(results), out / "result.json")
    truth = json.loads((resource("submissions") / ROUND / "truth.json").read_text("utf-8"))
    for result in results:
        if len(result.runs) == 1:
            drawn = truth[f"{result.entry.id}/{result.runs[0].run.id}"]["energy_j"]
            low, high = result.energy.low or 0.0, result.energy.high or 0.0
            holds = "holds" if low <= drawn <= high else "misses"
            yield f"   {result.entry.system}: [{low:.0f}, {high:.0f}] J {holds} the true {drawn:.0f} J"

    yield "3. Audit: every rule over every entry"
    report = api.audit(tree)
    write_document("audit-report", audit_document(report), out / "audit.json")
    yield from (f"   {line}".rstrip() for line in audit_text(report).splitlines())

    yield "4. Rank"
    tables = api.rank(tree)
    write_document("leaderboard", leaderboard_document(tables), out / "leaderboard.json")
    for form, suffix in (("md", "md"), ("csv", "csv"), ("html", "html"), ("latex", "tex")):
        write_text(out / f"leaderboard.{suffix}", board(tables, form))
    yield ""
    yield board(tables, "terminal")
    yield f"Files: {out}/runs, {out}/result.json, {out}/audit.json, {out}/leaderboard.{{json,md,csv,html,tex}}"
