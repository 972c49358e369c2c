"""The steady part of a load on an LLM endpoint, beside the whole of it and never ranked with it.

In the steady part the load is full: the ramp at the start and the drain at the end are left out.
Energy and tokens are those of one interval again, and the energy per token has a budget of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.formats.base import Run, Work
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.traces.trace import T_MAX_NS, T_MIN_NS, Window
from harness.uncertainty.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """The steady part of a result.

    Attributes:
        seconds: Its length, summed over the runs [s].
        output_tokens: Output tokens in it, summed over the runs.
        energy_per_token: Energy per output token in it.
    """

    seconds: float
    output_tokens: float
    energy_per_token: Estimate


def steady_part(result: Result) -> Steady | None:
    """Return the steady part of a result; ``None`` where a run states none.

    Args:
        result: A load on an LLM endpoint.
    """
    runs = [_steady_run(run) for run in result.entry.runs]
    steady_runs = tuple(run for run in runs if run is not None)
    if not runs or len(steady_runs) < len(runs):
        return None
    scored = score(replace(result.entry, runs=steady_runs), level=result.energy.level)
    windows = [run.window for run in steady_runs if run.window is not None]
    return Steady(
        seconds=sum(window.seconds for window in windows),
        output_tokens=sum(run.work.count for run in steady_runs if run.work is not None),
        energy_per_token=scored.energy_per_unit,
    )


def _steady_run(run: Run) -> Run | None:
    """Return a run cut to its steady part, as its record states it."""
    record = run.evidence.endpoint.record if run.evidence.endpoint else {}
    stated = record.get("steady")
    if not isinstance(stated, Mapping):
        return None
    start_ns, stop_ns, tokens = (
        stated.get(name) for name in ("start_ns", "stop_ns", "output_tokens")
    )
    if not isinstance(start_ns, int) or not isinstance(stop_ns, int):
        return None
    if not T_MIN_NS <= start_ns < stop_ns <= T_MAX_NS or not isinstance(tokens, int | float):
        return None
    if isinstance(tokens, bool) or not 0 < tokens < 1e15:
        return None
    return replace(run, window=Window(start_ns, stop_ns), work=Work(float(tokens), "token"))
