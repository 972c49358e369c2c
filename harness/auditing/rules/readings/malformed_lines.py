"""Few lines of a power log are broken."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.auditing.rules.base import TRAINING_LOGS, Outcome, Rule, RuleContext, Violation


class BrokenLog(NamedTuple):
    """A log with lines that cannot be read; sorts by the share of them."""

    broken_share: float
    broken_lines: int
    lines: int
    name: str


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the worst log, of those above each limit and of those below both."""
    lost_max, few_lost_max = context.limits["lost_max"], context.limits["few_lost_max"]
    many, some, few = [], [], []
    for log in _broken_logs(context):
        if log.broken_share > lost_max:
            many.append(log)
        elif log.broken_share > few_lost_max:
            some.append(log)
        else:
            few.append(log)
    outcomes: tuple[tuple[list[BrokenLog], Outcome | None], ...] = (
        (many, None),
        (some, "question"),
        (few, "warn"),
    )
    for logs, status in outcomes:
        if logs:
            yield _violation(logs, few_lost_max, status)


def _broken_logs(context: RuleContext) -> list[BrokenLog]:
    lines_by_log: dict[str, tuple[int, int]] = {}
    for run in context.entry.runs:
        if run.evidence.training is not None:
            lines_by_log |= run.evidence.training.lost_lines
    logs = []
    for name, (broken_lines, lines) in lines_by_log.items():
        logs.append(BrokenLog(broken_lines / max(lines, 1), broken_lines, lines, name))
    return logs


def _violation(logs: Sequence[BrokenLog], few_lost_max: float, status: Outcome | None) -> Violation:
    log = max(logs)
    return Violation(
        log.name,
        f"{log.broken_lines} of {log.lines} lines are no MLLOG lines, in {len(logs)} logs",
        f"none; at most {few_lost_max:g} of the lines",
        "Submit the log as the logger wrote it.",
        status=status,
    )


RULE = Rule(
    id="malformed-lines",
    title="Few lines are broken",
    why="MLPerf's parser silently skips what it cannot read: breaking the lines with high "
    "readings deletes them.",
    evidence="Lines of each node and switch log that are not `:::MLLOG` and one JSON object. A "
    "share above lost_max is a violation, above few_lost_max the entry is questioned, and a "
    "smaller one is a warning.",
    remedy="Submit unedited logs.",
    limits=("lost_max", "few_lost_max"),
    applies_to=TRAINING_LOGS,
    check=check,
)
