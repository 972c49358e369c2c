"""As many nodes are measured as the system description has."""

import re
from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.errors import shorten

_COUNT = re.compile(r"(\d{1,9})(?:\.0+)?(?: +nodes?)?", re.ASCII | re.IGNORECASE)


def check(case: RuleContext) -> Iterator[Violation]:
    if case.entry.task != "training":
        return
    said = str((case.entry.system_description or {}).get("number_of_nodes", "")).strip()
    stated = _COUNT.fullmatch(said)
    if stated is None:
        yield Violation(
            "system description",
            f"number_of_nodes {shorten(repr(said))}",
            "a whole number",
            "Complete the system description.",
            status="skip",
        )
        return
    for run in case.runs:
        channels = [reading.trace.channel for reading in run.readings]
        nodes = {c.node for c in channels if c.boundary == "node"} or {
            c.node for c in channels if c.node
        }
        if (
            int(stated[1]) == 1
            and run.readings
            and not nodes
            and not case.entry.origin.startswith("mlperf")
        ):
            continue  # one machine, measured at its wall or by its parts
        if len(nodes) != int(stated[1]):
            yield Violation(
                place(run.run),
                f"{len(nodes)} nodes with a power log",
                f"{stated[1]} nodes, as the system description says",
                "Submit the power log of every node of the run.",
            )


RULE = Rule(
    id="node-count",
    title="Every node of the run is measured",
    why="The sum of half the nodes is half the energy; MLPerf's own tools add up what they find.",
    evidence="Node logs of each run against number_of_nodes in the system description.",
    remedy="Submit the power log of every node.",
    check=check,
)
