"""What can be run and measured here, as text; lists are those of the schema `inventory`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MODELLED = "no meter measures this machine: results will be modelled, and are ranked apart from measured ones"

Items = Sequence[Mapping[str, Any]]


def workloads_text(items: Items) -> str:
    """A line for each workload."""
    return "".join(
        f"{item['name']:<22} {item['title']} ({', '.join(item['scenarios'])}): {_state(item)}\n"
        for item in items
    )


def meters_text(items: Items) -> str:
    """A line for each meter."""
    return "".join(f"{item['name']:<10} {_meter(item)}\n" for item in items)


def doctor_text(found: Mapping[str, Items]) -> str:
    """All that is there and all that is missing, a line each."""
    measuring = [
        item for item in found["meters"] if any(c["kind"] != "estimate" for c in item["channels"])
    ]
    lines = [f"meter {item['name']}: {_meter(item)}" for item in found["meters"]]
    lines += [] if measuring else [MODELLED]
    lines += [
        f"workload {item['name']}: {_state(item)}"
        for item in found["workloads"]
        if item["ready"] or item["fix"]
    ]
    lines += [
        f"system description: {item['pointer']} cannot be found out: {item['fix']}. "
        "Write it in the file of pack --system."
        for item in found["missing"]
    ]
    return "".join(f"{line}\n" for line in lines)


def _state(item: Mapping[str, Any]) -> str:
    return "ready" if item["ready"] else item["fix"] or "not run live"


def _meter(item: Mapping[str, Any]) -> str:
    channels = ", ".join(
        f"{c['id']} ({c['kind']}, {c['boundary']}, {c['reading_limit_pct']:g} % of reading)"
        for c in item["channels"]
    )
    return f"{item['says']}: {channels}" if channels else str(item["says"])
