"""What can be run and measured here, as text. The lists are those of the schema `inventory`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 80
"""Columns of the list of meters."""
NAME_WIDTH = 13
"""Columns of the name of a meter, and the indent of what follows on lines of its own."""
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
    """Format the meters with their remedies, and what a run without `--meter` would sum."""
    lines = [line for item in items for line in _meter_lines(item)]
    return "".join(f"{line}\n" for line in [*lines, "", *_default_run_lines(default_run)])


def probed_text(probed: Mapping[str, Any]) -> str:
    """Format what one meter finds: its channels with their present values, notes and settings."""
    lines = [str(probed["name"])]
    for channel in probed["channels"]:
        value = "no value now" if channel["value"] is None else f"{channel['value']:g}"
        lines.append(f"  {channel['id']:<20} {value} {channel['unit']}")
        lines += _wrapped(_details(channel), "    ", "    ")
    for note in probed["notes"]:
        lines += _wrapped(f"note: {note}", "  ", "    ")
    settings = probed["configuration"]
    if settings:
        shown = ", ".join(f"{name} {_setting(value)}" for name, value in settings.items() if value)
        lines += _wrapped(f"recorded: {shown}", "  ", "    ")
    return "".join(f"{line}\n" for line in lines)


def _details(channel: Mapping[str, Any]) -> str:
    """Return kind, place, timing and accuracy of a channel."""
    details = [channel["kind"], channel["boundary"]]
    if channel["part_of"]:
        details.append(f"part of {channel['part_of']}")
    if channel["refresh_s"]:
        details.append(f"every {channel['refresh_s']:g} s")
    if channel["averaging_s"]:
        details.append(f"mean over {channel['averaging_s']:g} s")
    if channel["resolution"]:
        details.append(f"steps of {channel['resolution']:g} {channel['unit']}")
    details.append(f"{channel['reading_limit_pct']:g} % of reading ({channel['accuracy_source']})")
    return ", ".join(details)


def _setting(value: object) -> str:
    """Return a recorded setting as text."""
    if isinstance(value, Mapping):
        return " ".join(str(item) for item in value.values())
    return str(value)


def _meter_lines(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the state of a meter, and on lines of its own what to do about it."""
    yield from _wrapped(_state_of_meter(item), f"{item['name']:<{NAME_WIDTH - 1}} ")
    yield from _wrapped(item["fix"], " " * NAME_WIDTH)


def _wrapped(text: str, start: str, indent: str = " " * NAME_WIDTH) -> Iterator[str]:
    """Yield the lines of a text; the first begins with `start`, the others with `indent`."""
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _default_run_lines(default_run: Mapping[str, Any]) -> list[str]:
    """Format the tree of channels of a run without `--meter`, and what its sum lacks."""
    meters = ", ".join(default_run["meters"])
    lines = [*_wrapped(f"A run without --meter uses {meters} and sums:", "", "  ")]
    for id_ in default_run["summed"]:
        lines += _branch(id_, default_run["channels"], "  + ")
    lines += [f"  containment unknown: {pair}" for pair in default_run["unknown"]]
    lines += [f"  {phrase}" for phrase in default_run["missing"]]
    for note in default_run["notes"]:
        lines += _wrapped(f"note: {note}", "  ", "    ")
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
    """Return the state of a meter and the remedy in one line."""
    return f"{_state_of_meter(item).removesuffix('.')}. {item['fix']}".removesuffix(". ")


def _state_of_meter(item: Mapping[str, Any]) -> str:
    descriptions = []
    for channel in item["channels"]:
        limit = f"{channel['reading_limit_pct']:g} % of reading"
        details = f"{channel['kind']}, {channel['boundary']}, {limit}"
        descriptions.append(f"{channel['id']} ({details})")
    channels = ", ".join(descriptions)
    return f"{item['says']}: {channels}" if channels else str(item["says"])
