"""The demonstration: a workload measured live, then audited and ranked beside the examples."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness import api
from harness.core.documents import write_document
from harness.core.errors import MissingExtraError
from harness.core.files import write_text
from harness.core.resources import resource
from harness.core.schemas import SCHEMA_VERSION
from harness.ranking.leaderboard import leaderboard
from harness.render.audit_report.document import audit_document
from harness.render.json import leaderboard_document, result_document
from harness.render.terminal.audit import audit_text
from harness.render.terminal.leaderboard import board
from harness.scoring.result import Result

SIMULATED, RECORDED = "lab-2026", "joulemark-2026"
"""Bundled submissions: by the lab simulator, and by this harness on a real machine."""
WORKLOAD = "digits-training"
SUFFIXES = {"md": "md", "csv": "csv", "html": "html", "latex": "tex"}
"""Suffix of the leaderboard in each format."""
Notify = Callable[[str], None]


def run_demo(out: Path, notify: Notify | None = None) -> Iterator[str]:
    """Run, pack, import, score, audit and rank.

    Writes the submission, run directories, result.json, audit.json and the leaderboard in every
    format below `out`, and replaces what an earlier demonstration wrote there.

    Args:
        out: Folder to write to.
        notify: Called with a line for the user while the workload runs; None leaves the live run
            out.

    Yields:
        What to print, line by line.

    Raises:
        JoulemarkError: A step fails.
    """
    live, runs = out / "live", out / "runs"
    for folder in (live, runs):
        shutil.rmtree(folder, ignore_errors=True)
    places = [resource("submissions") / name for name in (RECORDED, SIMULATED)]
    if notify is not None:
        yield f"1. Run: {WORKLOAD} live, once, then pack. Its energy is modelled, not measured"
        places.append(_measure_and_pack(live, notify))
        yield f"   packed as {places[-1]}"

    yield "2. Import: simulated submissions in MLPerf's formats become run directories"
    imports = api.import_tree(resource("submissions") / SIMULATED, out=runs)
    for item in imports.imported:
        yield f"   {item.entry.id}: {len(item.entry.runs)} timed runs"
    tree = api.read(*places)

    yield "3. Score: energy with its interval"
    results = api.score(tree)
    write_document("result", result_document(results), out / "result.json")
    yield from _comparisons_with_truth(results)

    yield "4. Audit: every rule over every entry"
    report = api.audit(tree)
    write_document("audit-report", audit_document(report), out / "audit.json")
    for line in audit_text(report).splitlines():
        yield f"   {line}".rstrip()

    yield "5. Rank"
    tables = leaderboard(results, {entry.id: entry for entry in report.entries})
    write_document("leaderboard", leaderboard_document(tables), out / "leaderboard.json")
    for form, suffix in SUFFIXES.items():
        write_text(out / f"leaderboard.{suffix}", board(tables, form))
    yield ""
    yield board(tables, "terminal")
    suffixes = ",".join(["json", *SUFFIXES.values()])
    yield (
        f"Files: {out}/runs, {out}/result.json, {out}/audit.json, {out}/leaderboard.{{{suffixes}}}"
    )
    yield ""
    yield "6. Board: all of it as a web site"
    yield from _write_board(tree, out / "board", places)


def _write_board(tree: api.Tree, out: Path, places: Sequence[Path]) -> Iterator[str]:
    """Write the site, and yield where it is; without its extra yield what to install."""
    trust = resource("submissions") / "trust.yaml"
    try:
        built = api.board(tree, out, trust=trust, sources=[str(place) for place in places])
    except MissingExtraError as error:
        yield f"   left out: {error}"
        return
    yield f"   open {built.index.resolve().as_uri()}"


def ready() -> bool:
    """Tell whether the packages of the live run are installed."""
    from harness.runners.workload import find_workload

    return not find_workload(WORKLOAD).missing_packages()


def _measure_and_pack(out: Path, notify: Notify) -> Path:
    """Measure one run and pack it; return the folder of the submission."""
    from harness.live.measure import measure
    from harness.live.plan import Settings, describe_system, plan_workload
    from harness.runners.workload import find_workload
    from harness.submission.pack import pack

    settings = Settings(out=out / "runs", meters=("estimator",), repeat=1, idle_s=(1, 1))
    plan = plan_workload(find_workload(WORKLOAD), settings)
    for _ in measure(plan, notify):
        describe_system(plan)
    system = out / "system.json"
    about = {"schema_version": SCHEMA_VERSION, "submitter": "you", "system_name": "this-machine"}
    write_document("system", about, system)
    return pack([plan.entry.directory], system, out / "submissions").folder


def _comparisons_with_truth(results: Sequence[Result]) -> Iterator[str]:
    """Yield for each simulated session whether its interval holds the energy that was drawn."""
    truth = json.loads((resource("submissions") / SIMULATED / "truth.json").read_text("utf-8"))
    for result in results:
        if len(result.runs) != 1:
            continue
        path_in_round = result.entry.id.partition("/")[2]
        session = truth.get(f"{path_in_round}/{result.runs[0].run.id}")
        if session is None:
            continue
        energy_j, low, high = (
            session["energy_j"],
            result.energy.low or 0.0,
            result.energy.high or 0.0,
        )
        verb = "holds" if low <= energy_j <= high else "misses"
        interval = f"[{low:.0f}, {high:.0f}] J"
        yield f"   {result.entry.system}: {interval} {verb} the true {energy_j:.0f} J"
