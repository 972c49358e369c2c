"""The mean power of a node is one that its parts can draw."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.errors import shorten
from harness.formats.reference.accelerators import rated_w

_COUNT = re.compile(r"\s*(\d{1,4})(?:\.0+)?\s*", re.ASCII)


def check(case: RuleContext) -> Iterator[Violation]:
    described = case.entry.system_description or {}
    parts = _rated(described)
    if case.entry.task != "training":
        return
    if parts is None:
        yield _unknown(described)
        return
    accelerators, sockets = parts
    lowest = case.limits["accelerator_share_min"] * accelerators
    highest = (
        case.limits["accelerator_share_max"] * accelerators + case.limits["socket_max_w"] * sockets
    )
    odd, total = [], 0
    for run in case.runs:
        for reading in run.readings:
            found, window = reading.energy, run.run.window
            if found is None or window is None or reading.trace.channel.boundary != "node":
                continue
            total += 1
            mean = found.energy_j / window.seconds
            if not lowest <= mean <= highest:
                odd.append(
                    (
                        min(mean / lowest, highest / mean) if mean > 0 else 0.0,
                        mean,
                        place(run.run, reading.trace),
                    )
                )
    if odd:
        _, mean, where = min(odd)
        yield Violation(
            where,
            f"a mean of {mean:.0f} over the run, in {len(odd)} of {total} node logs",
            f"from {lowest:.0f} to {highest:.0f}, by the rated power of the accelerators ({accelerators:.0f} W a node)",
            "Say what the meter covers: one supply of several, a part of the node, or several nodes.",
            "W",
        )


def _unknown(description: Mapping[str, Any]) -> Violation:
    model, count = (
        shorten(description.get(name, ""), 80)
        for name in ("accelerator_model_name", "accelerators_per_node")
    )
    return Violation(
        "system description",
        f"{count!r} accelerators {model!r} a node",
        "a number of accelerators of a known rating",
        "Hold the readings against the data sheets of the parts.",
        status="skip",
    )


def _rated(description: Mapping[str, Any]) -> tuple[float, float] | None:
    """Rated power of a node's accelerators [W], and its sockets; None where the parts are not known."""
    each = rated_w(str(description.get("accelerator_model_name", "")))
    count, sockets = (
        _COUNT.fullmatch(str(description.get(name, "")))
        for name in ("accelerators_per_node", "host_processors_per_node")
    )
    if each is None or count is None or not int(count[1]):
        return None
    return each * int(count[1]), float(sockets[1]) if sockets else 2.0


RULE = Rule(
    id="power-plausible",
    title="The power of a node fits its parts",
    why="A log in which every reading was halved is a perfect log: only what the machine must draw gives it away.",
    evidence="Mean power of each node over the run, against the rated power of its accelerators (system description, "
    "and a table of data sheets). A detector by plausibility: it only warns, and a small cut stays unseen. Means in "
    "the shared real data are 1.01 to 1.28 of the accelerators' rating: no false alarm in 150 node logs. Skipped, "
    "and said, where the table does not have the accelerator.",
    remedy="Measure the whole node.",
    limits=("accelerator_share_min", "accelerator_share_max", "socket_max_w"),
    check=check,
)
