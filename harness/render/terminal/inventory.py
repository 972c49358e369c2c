"""What can be run and measured here, as text. The lists are those of the schema `inventory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MODELLED = (
    "no meter measures this machine: results will be modelled, "
    "and are ranked apart from measured ones"
)

Items = Sequence[Mapping[str, Any]]


def workloads_text(items: Items) -> str:
    """Format the workloads, a line each."""
    return "".join(
        f"{item['name']:<22} {item['title']} ({', '.join(item['scenarios'])}): {_state(item)}\n"
        for item in items
    )


def meters_text(items: Items, default_run: Mapping[str, Any]) -> str:
    """Format the meters, a line each, and what a run without `--meter` would sum."""
    lines = [f"{item['name']:<12} {_meter(item)}" for item in items]
    return "".join(f"{line}\n" for line in [*lines, "", *_default_run_lines(default_run)])


def _default_run_lines(default_run: Mapping[str, Any]) -> list[str]:
    """Format the tree of channels of a run without `--meter`, and what its sum lacks."""
    lines = [f"A run without --meter uses {', '.join(default_run['meters'])} and sums:"]
    for id_ in default_run["summed"]:
        lines += _branch(id_, default_run["channels"], "  + ")
    lines += [f"  containment unknown: {pair}" for pair in default_run["unknown"]]
    lines += [f"  {phrase}" for phrase in default_run["missing"]]
    lines += [f"  note: {note}" for note in default_run["notes"]]
    return lines


def _branch(id_: str, channels: Items, indent: str) -> list[str]:
    """Format a channel and those inside it."""
    channel = next(item for item in channels if item["id"] == id_)
    limit = f"{channel['reading_limit_pct']:g} % of reading"
    lines = [f"{indent}{id_} ({channel['part']}, {channel['kind']}, {limit})"]
    deeper = " " * len(indent) + "contains "
    for inner in channels:
        if inner["part_of"] == id_:
            lines += _branch(inner["id"], channels, deeper)
    return lines


def doctor_text(inventory: Mapping[str, Items]) -> str:
    """Format all that is there and all that is missing, a line each."""
    meters, workloads = inventory["meters"], inventory["workloads"]
    lines = [f"meter {item['name']}: {_meter(item)}" for item in meters]
    if not any(_measures(item) for item in meters):
        lines.append(MODELLED)
    for item in workloads:
        if item["ready"] or item["fix"]:
            lines.append(f"workload {item['name']}: {_state(item)}")
    for item in inventory["missing"]:
        lines.append(
            f"system description: {item['pointer']} cannot be found out: {item['fix']}. "
            "Write it in the file of pack --system."
        )
    return "".join(f"{line}\n" for line in lines)


def _measures(item: Mapping[str, Any]) -> bool:
    return any(channel["kind"] != "estimate" for channel in item["channels"])


def _state(item: Mapping[str, Any]) -> str:
    return "ready" if item["ready"] else item["fix"] or "not run live"


def _meter(item: Mapping[str, Any]) -> str:
    descriptions = []
    for channel in item["channels"]:
        limit = f"{channel['reading_limit_pct']:g} % of reading"
        details = f"{channel['kind']}, {channel['boundary']}, {limit}"
        descriptions.append(f"{channel['id']} ({details})")
    channels = ", ".join(descriptions)
    return f"{item['says']}: {channels}" if channels else str(item["says"])
