"""The runs are those of the plan that was committed before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes, sha256
from harness.formats.defects import DefectCode
from harness.formats.run_directory import RECORD

PLAN = "plan.json"
FIX = "Submit all planned runs and the plan, as they were recorded."
FIX_INCOMPLETE = "Make the missing runs: the same command with --resume."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs that are missing, added, or of another plan."""
    entry = context.entry
    stated = [run.evidence.extra.get("plan_sha256") for run in entry.runs]
    is_one_run = (entry.directory / RECORD).is_file()
    path = (entry.directory.parent if is_one_run else entry.directory) / PLAN
    if not any(stated) and not path.is_file():
        got, expected = "no plan", "a plan committed before the first run"
        yield Violation("result", got, expected, FIX, status="skip")
        return
    try:
        content = read_bytes(path, limit=MAX_DOCUMENT_BYTES)
        plan = parse_json(content, where=PLAN)
    except JoulemarkError as error:
        yield Violation(PLAN, error.message, "the plan that the runs state", FIX)
        return
    digest = sha256(content)
    for run, plan_sha256 in zip(entry.runs, stated, strict=True):
        if plan_sha256 != digest:
            got = f"plan {shorten(plan_sha256, 20)}"
            yield Violation(location(run), got, f"plan {digest[:16]}, which lies there", FIX)
    if not is_one_run:
        yield from _compare(context, plan if isinstance(plan, dict) else {})


def _compare(context: RuleContext, plan: Mapping[str, Any]) -> Iterator[Violation]:
    """Compare the number of runs and their seeds with the plan."""
    runs, planned = context.entry.runs, plan.get("runs")
    if context.defects(DefectCode.RUN_INCOMPLETE):
        got = "a run that was not recorded to its end, so others may be missing"
        yield Violation(PLAN, got, f"{shorten(planned)} runs", FIX_INCOMPLETE, status="skip")
    elif len(runs) != planned:
        yield Violation(PLAN, f"{len(runs)} runs", f"the {shorten(planned)} that were planned", FIX)
    seeds = plan.get("seeds")
    for run, seed in zip(runs, seeds if isinstance(seeds, list) else (), strict=False):
        recording = run.evidence.recording
        logged = recording.logged.get("seed") if recording else None
        if logged is not None and logged != seed:
            yield Violation(
                location(run), f"seed {shorten(logged)}", f"seed {shorten(seed)}, as planned", FIX
            )


RULE = Rule(
    id="plan-kept",
    title="The runs are those that were planned",
    why="Keeping the best five of ten runs, or leaving out the worst, lowers the energy reported.",
    evidence="`plan.json`, written before the first run: the number of runs and their seeds; and "
    "the hash of the plan that each run record states. Results without a plan are skipped.",
    remedy="Submit all planned runs.",
    applies_to=RECORDED_RUNS,
    check=check,
)
