"""The window of a run on several machines, from the windows of its ranks.

1. Where ranks mark the window of their work (`run_start`, `run_stop`), the run goes from the first
   mark to the last; programs that mark nothing, such as the helpers of a training whose rank 0
   logs for all, do not move it.
2. Where no rank marks anything, it goes from the start of the first program to the end of the last.

All times here are on the clock of rank 0, unless stated otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.timestamps import NS
from harness.traces.trace import Window

MARKS = "marks"
"""The window of a rank is what its work marked."""
LIFE = "life"
"""The window of a rank is the life of its program."""


def rank_span_facts(window: Window, life: Window) -> dict[str, Any]:
    """Describe the window of a rank, by the clock of its machine.

    Args:
        window: The timed part of its work.
        life: The life of its program.
    """
    return {
        "window": span_document(window),
        "window_from": LIFE if window == life else MARKS,
        "life": span_document(life),
    }


def span_document(span: Window) -> dict[str, int]:
    """Return a span as it is recorded."""
    return {"start_ns": span.start_ns, "stop_ns": span.stop_ns}


def read_span(document: object) -> Window | None:
    """Read what `span_document` wrote; None for anything else."""
    if not isinstance(document, Mapping):
        return None
    start_ns, stop_ns = document.get("start_ns"), document.get("stop_ns")
    if type(start_ns) is not int or type(stop_ns) is not int:
        return None
    return Window(start_ns, stop_ns)


def marks_window(rank: Mapping[str, Any]) -> bool:
    """Return whether the work of a rank marked its window."""
    return rank.get("window_from") == MARKS


def defining_ranks(ranks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the ranks whose windows make that of the run: those with marks, or else all."""
    stated = [rank for rank in ranks if read_span(rank.get("window")) is not None]
    return [rank for rank in stated if marks_window(rank)] or stated


def common_window(ranks: Sequence[Mapping[str, Any]]) -> Window | None:
    """Return the window of a run; None where its ranks state none."""
    windows = [read_span(rank["window"]) for rank in defining_ranks(ranks)]
    spans = [span for span in windows if span is not None]
    if not spans:
        return None
    return Window(min(span.start_ns for span in spans), max(span.stop_ns for span in spans))


def window_of_rank_0(ranks: Sequence[Any] | None) -> Window | None:
    """Return the window that the log of rank 0 states; None for a run on one machine."""
    first = ranks[0] if ranks else None
    return read_span(first.get("window")) if isinstance(first, Mapping) else None


def edge_bounds(ranks: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Return how far start and stop of the window may be off for the readings of each machine [s].

    An edge that a rank of the machine itself set is exact: one clock stamped both. For any other
    edge the bounds of both machines' comparisons with rank 0 add up: half of the round trip,
    however the time on the way was split, and the drift between the two comparisons.
    """
    window, limits_s = common_window(ranks), _clock_limits(ranks)
    if window is None:
        return {node: (limit_s, limit_s) for node, limit_s in limits_s.items()}
    bounds: dict[str, tuple[float, float]] = {}
    setters = [_edge_nodes(ranks, end, getattr(window, end)) for end in ("start_ns", "stop_ns")]
    for node, limit_s in limits_s.items():
        start_s, stop_s = (
            0.0 if node in nodes else limit_s + max(limits_s[setter] for setter in nodes)
            for nodes in setters
        )
        bounds[node] = start_s, stop_s
    return bounds


def _clock_limits(ranks: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the bound of the comparison of each machine's clock with that of rank 0 [s]."""
    limits_s: dict[str, float] = {}
    for rank in ranks:
        node, clock = str(rank.get("node")), rank.get("clock")
        stated = clock.get("limit_s") if isinstance(clock, Mapping) else None
        limit_s = float(stated) if isinstance(stated, int | float) else 0.0
        limits_s[node] = max(limits_s.get(node, 0.0), limit_s)
    return limits_s


def _edge_nodes(ranks: Sequence[Mapping[str, Any]], end: str, t_ns: int) -> set[str]:
    """Return the machines of the ranks that set an edge of the window."""
    return {str(rank.get("node")) for rank in defining_ranks(ranks) if rank["window"][end] == t_ns}


def rank_number(rank: Mapping[str, Any]) -> int:
    """Return the number of a rank; -1 where its record states none."""
    number = rank.get("number")
    return number if type(number) is int else -1


def seconds_outside(ranks: Sequence[Mapping[str, Any]], window: Window) -> dict[int, float]:
    """Return how long each rank without marks worked outside the window [s].

    What the programs of the marking ranks do before and after their marks too is no work outside:
    they load and close down. Ranks that stayed inside are left out.

    Args:
        ranks: What is recorded of all ranks.
        window: The window of the run.
    """
    lives = [read_span(rank.get("life")) for rank in ranks if marks_window(rank)]
    marked = [life for life in lives if life is not None]
    start_ns = min((life.start_ns for life in marked), default=window.start_ns)
    stop_ns = max((life.stop_ns for life in marked), default=window.stop_ns)
    outside = {}
    for rank in ranks:
        span = read_span(rank.get("window"))
        if span is None:
            continue
        limits = (window.start_ns, window.stop_ns) if marks_window(rank) else (start_ns, stop_ns)
        early_ns, late_ns = max(0, limits[0] - span.start_ns), max(0, span.stop_ns - limits[1])
        if early_ns or late_ns:
            outside[rank_number(rank)] = (early_ns + late_ns) / NS
    return outside
