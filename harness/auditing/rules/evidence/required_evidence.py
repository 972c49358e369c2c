"""The evidence that a round demands is there."""

from collections.abc import Iterator

from harness.auditing.rules.base import (
    POWER_SESSION,
    RECORDED_RUNS,
    Rule,
    RuleContext,
    Violation,
    location,
    run_folder,
)
from harness.core.errors import JoulemarkError
from harness.formats.base import NATIVE
from harness.formats.run_directory import RECORD


def check(context: RuleContext) -> Iterator[Violation]:
    """Report results without the session logs, or runs without the journals, of their round."""
    if not context.entry.is_native:
        return  # the reader of foreign files notes what is missing
    if context.limits["session_required"]:
        yield from _session(context)
    elif context.entry.origin in ("", NATIVE):
        yield from _journals(context)


def _session(context: RuleContext) -> Iterator[Violation]:
    """Report a run directory of a round whose results are logs of a power session."""
    runs = context.entry.runs
    if any(run.evidence.session is not None for run in runs):
        return
    is_import = bool(runs) and all(run.sources for run in runs)
    yield Violation(
        "result",
        "an import without its session logs" if is_import else "no logs of a power session",
        "the logs that the round demands",
        "Audit the original result tree.",
        status="question" if is_import else None,
    )


def _journals(context: RuleContext) -> Iterator[Violation]:
    # Imported late: `rules` lists the rules without what records runs.
    from harness.live.merge_ranks import journal_folders

    for run in context.entry.runs:
        folder = run_folder(context.entry, run)
        if not (folder / RECORD).is_file():
            continue  # an entry that was made in memory, or a run that did not end
        try:
            folders = journal_folders(folder, run)
        except JoulemarkError:
            continue  # traces-from-journals reports it
        if not folders:
            yield Violation(
                location(run),
                "no journals",
                "the journals that the samplers wrote",
                "Submit the run directory as it was recorded.",
            )


RULE = Rule(
    id="required-evidence",
    title="The evidence that the round demands is there",
    why="Most rules can judge only what is there. A result without logs would pass them all.",
    evidence="For run directories: session logs where the round is one of MLPerf Inference, and "
    "otherwise the journals of each run that joulemark recorded. An import that names its sources "
    "is questioned, not failed: its logs lie with the original, and are audited there.",
    remedy="Submit the logs and journals.",
    limits=("session_required",),
    applies_to=POWER_SESSION | RECORDED_RUNS,
    check=check,
)
