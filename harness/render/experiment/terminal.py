"""What an experiment found, as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.experiments.analysis import Analysis, MeasuredSide, Ratio, Relocation, energy_name
from harness.experiments.recording import CONTROL, FRONTIER, MAIN
from harness.render.escape import grid, plain
from harness.render.experiment.document import costs_of, emissions_of
from harness.render.numbers import estimate_text, number
from harness.uncertainty.estimate import Estimate

HOURS_SHOWN = (0, 6, 12, 18)
"""Hours of the day [UTC] in the table for the terminal; the document has all 24."""


def experiment_text(analysis: Analysis) -> str:
    """Return the report of an experiment."""
    quality = analysis.design.document["quality"]
    head = [
        plain(analysis.design.document["title"]),
        f"target: {plain(quality['metric'])} {quality['target']:g}, {analysis.level:.0%} intervals",
    ]
    blocks = ["\n".join(head)]
    for title, role in (("Sides", MAIN), ("Control", CONTROL), ("Frontier", FRONTIER)):
        sides = [item for item in analysis.sides if item.role == role]
        if sides:
            blocks.append(f"{title}\n{_sides_table(sides)}")
    blocks.append(f"What one byte costs\n{_costs_table(analysis.sides)}")
    first = analysis.sides[0].side.name
    blocks += [f"{first} over {item.name}\n{_ratio_text(item)}" for item in analysis.ratios]
    if analysis.control is not None:
        blocks.append(f"Control, expected near 1\n{_ratio_text(analysis.control)}")
    if analysis.relocations:
        table = grid(WHERE_HEAD, list(relocation_rows(analysis.relocations)), "terminal")
        blocks.append(f"Where and when, one training [mg CO2e]\n{table}")
    return "\n\n".join(block.rstrip("\n") for block in blocks) + "\n"


SIDES_HEAD = (
    "side",
    "what",
    "runs at the target",
    "verdict",
    "quality",
    "energy",
    "processor time",
    "class",
)


def side_row(item: MeasuredSide) -> Sequence[str]:
    """Return the row of a side: what it reached, and what that took."""
    quality = item.result.quality
    return (
        item.side.name,
        plain(item.side.label),
        f"{sum(run.reached for run in item.runs)} of {len(item.runs)}",
        item.report.verdict,
        "-" if quality is None else f"{quality.value:.4g}",
        estimate_text(item.result.energy_per_unit),
        estimate_text(item.cpu_s),
        item.result.measurement_class,
    )


def _sides_table(sides: Sequence[MeasuredSide]) -> str:
    return grid(SIDES_HEAD, [side_row(item) for item in sides], "terminal")


COSTS_HEAD = (
    "side",
    "what",
    "parameters",
    "rows read",
    "parameters read",
    "operations",
    "to learn",
    "memory",
    "energy to predict",
    "processor time to predict",
    "class",
)


def costs_rows(sides: Sequence[MeasuredSide]) -> Iterator[Sequence[str]]:
    """Yield what the models are made of, and what one byte costs each."""
    for item in sides:
        costs = costs_of(item)
        if "parameters" not in costs:
            continue
        yield (
            item.side.name,
            plain(item.side.label),
            number(costs.get("parameters"), "", 4),
            number(costs.get("rows_touched"), "", 4),
            number(costs.get("parameters_touched"), "", 4),
            number(costs.get("flops_inference"), "FLOP", 4),
            number(costs.get("flops_training"), "FLOP", 4),
            number(costs.get("peak_bytes"), "B", 4),
            estimate_text(item.inference_j),
            estimate_text(item.inference_cpu_s),
            item.result.measurement_class,
        )


def _costs_table(sides: Sequence[MeasuredSide]) -> str:
    return grid(COSTS_HEAD, list(costs_rows(sides)), "terminal")


def ratio_lines(item: Ratio) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of what is known of a ratio."""
    energy = energy_name(item.measurement_class)
    yield energy, ratio_text(item.energy.ratio)
    yield f"{energy}, in pairs of runs", ratio_text(item.paired_energy)
    yield "processor time, in pairs of runs", ratio_text(item.cpu_time)
    if item.inference_energy.value is not None:
        yield f"{energy} to predict a byte", ratio_text(item.inference_energy)
        yield "processor time to predict a byte", ratio_text(item.inference_cpu_time)
    for reason in item.energy.reasons:
        yield "not comparable", plain(reason)


def _ratio_text(item: Ratio) -> str:
    lines = [f"  {item.claim}", *(f"  {name}: {text}" for name, text in ratio_lines(item))]
    return "\n".join(lines)


def ratio_text(estimate: Estimate) -> str:
    """Write a ratio with its interval."""
    if estimate.value is None:
        return f"- ({plain(estimate.note)})" if estimate.note else "-"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3g} (no interval)"
    return f"{estimate.value:.3g} [{estimate.low:.3g}, {estimate.high:.3g}]"


WHERE_HEAD = (
    "side",
    "energy",
    "zone",
    "mean",
    *(f"{hour:02}:00" for hour in HOURS_SHOWN),
    "best start",
    "worst start",
)


def relocation_rows(
    relocations: Sequence[Relocation], hours: Sequence[int] = HOURS_SHOWN
) -> Iterator[Sequence[str]]:
    """Yield the emissions of each side in each zone: on average, by the hour, at best and worst."""
    for item in relocations:
        for zone in item.answer.zones:
            by_hour, count = zone.by_hour_g, item.trainings
            hourly = [None if by_hour is None else float(by_hour[hour]) / count for hour in hours]
            mean, best, worst = emissions_of(zone, count).values()
            values = (mean, *hourly, best, worst)
            yield (item.name, item.measurement_class, plain(zone.zone), *map(_milligrams, values))


def _milligrams(grams: float | None) -> str:
    return "-" if grams is None else f"{1000 * grams:.4g}"
