"""Draw results: energies with their intervals, and power over time (extra `pictures`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.render.numbers import prefix
from harness.render.plots import new_figure
from harness.scoring.result import Result
from harness.traces.trace import Floats, Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_BARS, MAX_RUNS = 60, 12
"""Results, and runs, that a picture has room for."""
BLUE, SHADE = "#3d6b8e", "#dfeaf2"


def intervals_picture(results: Sequence[Result]) -> Figure:
    """Draw the energy of each result with its interval, in the unit that suits the largest.

    Raises:
        UsageError: No result has an energy.
        MissingExtraError: matplotlib is not installed.
    """
    drawn = [result for result in results if result.energy.value is not None][:MAX_BARS]
    if not drawn:
        raise UsageError("no result has an energy to draw", got=f"{len(results)} results")
    figure, axes = new_figure(1, 1, (9, 1 + 0.32 * len(drawn)))
    plot = axes[0][0]
    scale, unit = prefix(max(result.energy.value or 0.0 for result in drawn), "J")
    for place, result in enumerate(drawn):
        energy = result.energy
        value = (energy.value or 0.0) / scale
        low = value if energy.low is None else energy.low / scale
        high = value if energy.high is None else energy.high / scale
        marker = "o" if energy.low is not None else "x"
        plot.errorbar(
            value, place, xerr=[[value - low], [high - value]], fmt=marker, color=BLUE, capsize=3
        )
    names = [f"{result.entry.id} ({result.measurement_class})" for result in drawn]
    plot.set_yticks(range(len(drawn)), names, fontsize="small", parse_math=False)
    plot.invert_yaxis()
    plot.set(xlabel=f"energy [{unit}], interval {drawn[0].energy.level:.0%}; x: no interval")
    return figure


def power_picture(results: Sequence[Result]) -> Figure:
    """Draw the power of the channels that add up, for each run; the window is shaded.

    Raises:
        UsageError: No run has readings.
        MissingExtraError: matplotlib is not installed.
    """
    runs = list(_runs_with_readings(results))[:MAX_RUNS]
    if not runs:
        raise UsageError("no run has readings to draw", got=f"{len(results)} results")
    figure, axes = new_figure(len(runs), 1, (9, 2.2 * len(runs)))
    for (plot,), (name, run) in zip(axes, runs, strict=True):
        _draw_run(plot, run)
        plot.set_title(name, fontsize="small", parse_math=False)
    return figure


def _runs_with_readings(results: Sequence[Result]) -> Iterator[tuple[str, Run]]:
    for result in results:
        for run in result.entry.runs:
            if any(len(trace) > 1 for trace in run.outer):
                yield f"{result.entry.id}: {run.id}", run


def _draw_run(plot: Any, run: Run) -> None:
    traces = [trace for trace in run.outer if len(trace) > 1]
    start_ns = min(int(trace.t_ns[0]) for trace in traces)
    for trace in traces:
        seconds, power_w = _power(trace, start_ns)
        plot.plot(seconds, power_w, drawstyle="steps-pre", linewidth=0.8, label=trace.channel.id)
    if run.window is not None:
        span = ((t_ns - start_ns) / NS for t_ns in (run.window.start_ns, run.window.stop_ns))
        plot.axvspan(*span, color=SHADE, zorder=0)
    plot.set(xlabel="s", ylabel="W", ylim=(0, None))
    plot.legend(fontsize="x-small")


def _power(trace: Trace, start_ns: int) -> tuple[Floats, Floats]:
    """Return times since a start [s] and powers [W]; of a counter the means between readings."""
    seconds = (trace.t_ns - start_ns) / NS
    if trace.channel.quantity == "power":
        return seconds, trace.value
    return seconds[1:], np.maximum(np.diff(trace.value), 0.0) / np.diff(seconds)
