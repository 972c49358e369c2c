"""What identifies a stored trace, in CSV and in Parquet: its channel, its columns, its content."""

from __future__ import annotations

from typing import Any

from harness.core.errors import UnreadableError, shorten
from harness.traces.channel import Channel
from harness.traces.trace import Dropped, Trace


def header_document(trace: Trace) -> dict[str, Any]:
    """Return the power-trace document of a trace: its channel and what identifies its content."""
    return trace.channel.header() | {
        "columns": column_names(trace.channel) + ([] if trace.position is None else ["position"]),
        "readings": len(trace),
        "dropped": len(trace.dropped),
        "content_sha256": trace.content_sha256,
    }


def column_names(channel: Channel) -> list[str]:
    """Return the names of the two columns, with their units."""
    return ["t_ns", "power_w" if channel.quantity == "power" else "energy_j"]


def dropped_readings(rows: object, where: str) -> tuple[Dropped, ...]:
    """Return dropped readings from their records `[position, t_ns, raw, reason]`."""
    types = (int, int | None, str, str)
    for row in rows if isinstance(rows, list) else [rows]:
        if not isinstance(row, list) or len(row) != 4 or not all(map(isinstance, row, types)):
            raise UnreadableError(
                "has a broken record of a dropped reading",
                where=where,
                got=shorten(repr(row)),
                expected="[position, t_ns, raw, reason]",
            )
    return tuple(Dropped(*row) for row in rows)  # type: ignore[attr-defined]


def verified(trace: Trace, declared: str | None, where: str) -> Trace:
    """Return a trace whose content hash is the one that its header declares, if it does.

    Raises:
        UnreadableError: The hashes differ.
    """
    if declared is not None and declared != trace.content_sha256:
        raise UnreadableError(
            "is not the trace its header describes",
            where=where,
            got=f"content hash {trace.content_sha256[:16]}...",
            expected=f"{declared[:16]}...",
            fix="A reading was changed, added or lost after the trace was written; take the "
            "original file.",
        )
    return trace
