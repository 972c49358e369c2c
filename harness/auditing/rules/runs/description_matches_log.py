"""The result logs name the system and the benchmark that the package describes."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation, location
from harness.core.errors import shorten
from harness.formats.base import Run

PLATFORM = re.compile(r"(\d{1,6})x\S.*", re.ASCII | re.DOTALL)
"""A submission_platform like `8xDGX`: a number of nodes, or of accelerators."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report each contradiction once, with the number of logs that have it."""
    if context.entry.task != "training":
        return
    runs_by_contradiction: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in context.entry.runs:
        if run.evidence.training is None:
            continue
        for contradiction in _contradictions(context, run.evidence.training.stated):
            runs_by_contradiction[contradiction].append(run)
    for (got, expected), runs in runs_by_contradiction.items():
        yield Violation(
            location(runs[0]),
            f"{got}, in {len(runs)} of {len(context.entry.runs)} result logs",
            expected,
            "Correct the description, or submit the logs of this system.",
        )


def _contradictions(context: RuleContext, stated: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a result log states, and what was expected instead."""
    entry = context.entry
    description = entry.system_description or {}

    platform = PLATFORM.fullmatch(str(stated.get("submission_platform", "")))
    nodes = _number(description.get("number_of_nodes"))
    accelerators = nodes * _number(description.get("accelerators_per_node"))
    if platform and nodes and int(platform[1]) not in (nodes, accelerators):
        yield (
            f"submission_platform {shorten(stated['submission_platform'], 60)!r}",
            f"number_of_nodes {nodes} of the system description",
        )

    benchmark = stated.get("submission_benchmark")
    if benchmark is not None and benchmark != entry.benchmark:
        yield (
            f"submission_benchmark {shorten(benchmark, 60)!r}",
            f"{entry.benchmark!r}, as the folder is named",
        )

    division = stated.get("submission_division")
    if division is not None and entry.division and str(division).lower() != entry.division.lower():
        yield (
            f"submission_division {shorten(division, 60)!r}",
            f"{entry.division!r} of the system description",
        )


def _number(value: object) -> int:
    """Return a small whole number, 0 where the value is none."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


RULE = Rule(
    id="description-matches-log",
    aliases=("description-against-log",),
    title="Logs and system description name one system",
    why="Half the node logs and half the nodes in the description agree with each other; the "
    "result log still has the true number.",
    evidence="submission_platform (as 8x...: nodes, or accelerators), submission_benchmark and "
    "submission_division of each result log, against the system description and the folder.",
    remedy="Describe the system that ran.",
    applies_to=TRAINING_LOGS,
    check=check,
)
