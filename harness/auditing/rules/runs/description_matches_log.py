"""The result logs speak of the system and the benchmark that the package describes."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.errors import shorten
from harness.formats.base import Run

_NODES = re.compile(r"(\d{1,6})x\S.*", re.ASCII | re.DOTALL)


def check(case: RuleContext) -> Iterator[Violation]:
    if case.entry.task != "training":
        return
    described = case.entry.system_description or {}
    said: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in case.entry.runs:
        training = run.evidence.training
        if training:
            for got, expected in _against(case, described, training.stated):
                said[got, expected].append(run)
    for (got, expected), runs in said.items():
        yield Violation(
            place(runs[0]),
            f"{got}, in {len(runs)} of {len(case.entry.runs)} result logs",
            expected,
            "Correct the description, or submit the logs of this system.",
        )


def _against(
    case: RuleContext, described: Mapping[str, Any], stated: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    platform = _NODES.fullmatch(str(stated.get("submission_platform", "")))
    nodes, each = (
        _number(described.get("number_of_nodes")),
        _number(described.get("accelerators_per_node")),
    )
    if platform and nodes and int(platform[1]) not in (nodes, nodes * each):
        expected = f"number_of_nodes {nodes} of the system description"
        yield f"submission_platform {shorten(stated['submission_platform'], 60)!r}", expected
    benchmark = stated.get("submission_benchmark")
    if benchmark is not None and benchmark != case.entry.benchmark:
        yield (
            f"submission_benchmark {shorten(benchmark, 60)!r}",
            f"{case.entry.benchmark!r}, as the folder is named",
        )
    division = stated.get("submission_division")
    if (
        division is not None
        and case.entry.division
        and str(division).lower() != case.entry.division.lower()
    ):
        yield (
            f"submission_division {shorten(division, 60)!r}",
            f"{case.entry.division!r} of the system description",
        )


def _number(value: object) -> int:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


RULE = Rule(
    id="description-matches-log",
    aliases=("description-against-log",),
    title="Logs and system description speak of one system",
    why="Half the node logs and half the nodes in the description agree with each other; the result log remembers.",
    evidence="submission_platform (as 8x...: nodes, or accelerators), submission_benchmark and submission_division of "
    "each result log, against the system description and the folder.",
    remedy="Describe the system that ran.",
    check=check,
)
