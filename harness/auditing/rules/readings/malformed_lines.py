"""Few lines of a power log are broken."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation


def check(case: RuleContext) -> Iterator[Violation]:
    most = case.limits["lost_max"]
    lost: dict[str, tuple[int, int]] = {}
    for run in case.entry.runs:
        if run.evidence.training:
            lost |= run.evidence.training.lost_lines
    found = [(count / max(total, 1), count, total, name) for name, (count, total) in lost.items()]
    for bad, status in ((True, None), (False, "warn")):
        some = [item for item in found if (item[0] > most) == bad]
        if some:
            _, count, total, name = max(some)
            yield Violation(
                name,
                f"{count} of {total} lines are no MLLOG lines, in {len(some)} logs",
                f"none; at most {most:g} of the lines",
                "Submit the log as the logger wrote it.",
                status=status,  # type: ignore[arg-type]
            )


RULE = Rule(
    id="malformed-lines",
    title="Few lines are broken",
    why="MLPerf's parser skips what it cannot read without a word: who breaks the lines with high readings "
    "deletes them.",
    evidence="Lines of each node and switch log that are not `:::MLLOG` and one JSON object.",
    remedy="Submit unedited logs.",
    limits=("lost_max",),
    check=check,
)
