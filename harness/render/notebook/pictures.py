"""Draw results: energies with their intervals, and power over time (extra `pictures`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.ranking.comparison import Comparison
from harness.render.numbers import prefix
from harness.render.plots import new_figure
from harness.scoring.result import Result
from harness.traces.trace import Floats, Trace
from harness.uncertainty.estimate import Estimate

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
        _draw_interval(plot, place, result.energy, scale)
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


def comparison_picture(comparison: Comparison) -> Figure:
    """Draw both energies per unit of a comparison, and their ratio, each with its interval.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    figure, axes = new_figure(1, 2, (11, 2.6))
    energies, ratio = axes[0]
    results = (comparison.a, comparison.b)
    largest = max(result.energy_per_unit.value or 0.0 for result in results)
    scale, unit = prefix(largest, comparison.a.energy_per_unit.unit)
    names: list[str] = []
    for letter, result in zip("AB", results, strict=True):
        _draw_interval(energies, len(names), result.energy_per_unit, scale)
        names.append(f"{letter}: {result.entry.system or result.entry.id}")
    energies.set_yticks([0, 1], names, fontsize="small", parse_math=False)
    energies.set(xlabel=f"energy per unit [{unit}]", ylim=(1.6, -0.6))
    ratio.axvline(1, color="#555", linewidth=0.8)
    _draw_interval(ratio, 0, comparison.ratio, 1.0)
    ratio.set(xlabel="energy of A over energy of B", yticks=[])
    ratio.set_title(f"A is {comparison.verdict}", fontsize="small")
    return figure


def _draw_interval(plot: Any, place: int, estimate: Estimate, scale: float) -> None:
    """Draw a value with its interval; a cross without one."""
    if estimate.value is None:
        return
    value = estimate.value / scale
    low = value if estimate.low is None else estimate.low / scale
    high = value if estimate.high is None else estimate.high / scale
    marker = "o" if estimate.low is not None else "x"
    plot.errorbar(
        value, place, xerr=[[value - low], [high - value]], fmt=marker, color=BLUE, capsize=3
    )


def _power(trace: Trace, start_ns: int) -> tuple[Floats, Floats]:
    """Return times since a start [s] and powers [W]; of a counter the means between readings."""
    seconds = (trace.t_ns - start_ns) / NS
    if trace.channel.quantity == "power":
        return seconds, trace.value
    return seconds[1:], np.maximum(np.diff(trace.value), 0.0) / np.diff(seconds)
