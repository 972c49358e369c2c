"""The demonstration: a workload measured live, packed, then audited and ranked beside the bundled submissions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import api
from harness.core.files import write_text
from harness.core.resources import resource
from harness.core.schemas import SCHEMA_VERSION, write_document
from harness.ranking.leaderboard import leaderboard
from harness.render.audit_json import audit_document
from harness.render.json import leaderboard_document, result_document
from harness.render.terminal.audit import audit_text
from harness.render.terminal.leaderboard import board
from harness.scoring.result import Result

SIMULATED, RECORDED = "lab-2026", "joulemark-2026"
"""Bundled submissions: by the lab simulator, and by this harness on a real machine."""
WORKLOAD = "digits-training"
Say = Callable[[str], None]


def run_demo(out: Path, say: Say | None = None) -> Iterator[str]:
    """Run, pack, import, score, audit and rank; what to print, line by line.

    say: told what goes on while the workload runs; None leaves the live run out
    Writes the submission, run directories, result.json, audit.json and the leaderboard in every form below `out`; what
    an earlier demonstration wrote there is replaced. Raises JoulemarkError.
    """
    live, runs = out / "live", out / "runs"
    for folder in (live, runs):
        shutil.rmtree(folder, ignore_errors=True)
    places = [resource("submissions") / RECORDED, runs]
    if say is not None:
        yield f"1. Run: {WORKLOAD} live, once, then pack. Its energy is modelled from processor time, not measured"
        places.append(_live(live, say))
        yield f"   packed as {places[-1]}"

    yield "2. Import: simulated submissions in MLPerf's formats become run directories"
    done = api.import_tree(resource("submissions") / SIMULATED, out=runs)
    for item in done.imported:
        yield f"   {item.entry.id}: {len(item.entry.runs)} timed runs"
    tree = api.read(*places)

    yield "3. Score: energy with its interval"
    results = api.score(tree)
    write_document("result", result_document(results), out / "result.json")
    yield from _truths(results)

    yield "4. Audit: every rule over every entry"
    report = api.audit(tree)
    write_document("audit-report", audit_document(report), out / "audit.json")
    yield from (f"   {line}".rstrip() for line in audit_text(report).splitlines())

    yield "5. Rank"
    tables = leaderboard(results, {entry.id: entry for entry in report.entries})
    write_document("leaderboard", leaderboard_document(tables), out / "leaderboard.json")
    for form, suffix in (("md", "md"), ("csv", "csv"), ("html", "html"), ("latex", "tex")):
        write_text(out / f"leaderboard.{suffix}", board(tables, form))
    yield ""
    yield board(tables, "terminal")
    yield f"Files: {out}/runs, {out}/result.json, {out}/audit.json, {out}/leaderboard.{{json,md,csv,html,tex}}"


def ready() -> bool:
    """Whether the packages of the live run are there."""
    from harness.runners.workload import find_workload

    return not find_workload(WORKLOAD).missing_packages()


def _live(out: Path, say: Say) -> Path:
    """Measure one run and pack it; the folder of the submission."""
    from harness.live.measure import measure
    from harness.live.plan import Settings, describe_system, plan_workload
    from harness.runners.workload import find_workload
    from harness.submission.pack import pack

    plan = plan_workload(
        find_workload(WORKLOAD),
        Settings(out=out / "runs", meters=("estimator",), repeat=1, idle_s=(1, 1)),
    )
    for _ in measure(plan, say):
        describe_system(plan)
    system = out / "system.json"
    about = {"schema_version": SCHEMA_VERSION, "submitter": "you", "system_name": "this-machine"}
    write_document("system", about, system)
    return pack([plan.entry.directory], system, out / "submissions").folder


def _truths(results: Sequence[Result]) -> Iterator[str]:
    """Whether the interval of each simulated session holds the energy that was drawn."""
    truth = json.loads((resource("submissions") / SIMULATED / "truth.json").read_text("utf-8"))
    for result in results:
        known = (
            truth.get(f"{result.entry.id.partition('/')[2]}/{result.runs[0].run.id}")
            if result.runs
            else None
        )
        if known is not None and len(result.runs) == 1:
            low, high = result.energy.low or 0.0, result.energy.high or 0.0
            holds = "holds" if low <= known["energy_j"] <= high else "misses"
            yield f"   {result.entry.system}: [{low:.0f}, {high:.0f}] J {holds} the true {known['energy_j']:.0f} J"
