"""Results for the terminal: short, within 80 columns; with the budget where it is asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from harness.render.endpoint import all_nodes_text
from harness.render.escape import plain
from harness.render.numbers import decimals, estimate_text, number, percent
from harness.render.terminal.budget import budget_table, explain
from harness.render.terminal.carbon import co2e
from harness.scoring.endpoint.all_nodes import all_nodes
from harness.scoring.endpoint.provision import Provision
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate

WIDTH = 80
"""Columns of the short form."""
LABEL_WIDTH = 14
"""Columns of the names of the figures."""
SCATTER_TEXTS = {
    "own runs": "of the {n} runs",
    "ranging pair": "shown by the ranging run and published pairs",
    "borrowed": "borrowed from other results",
    "unknown": "unknown: one run",
}


def score_text(results: Sequence[Result], *, explained: bool = False) -> str:
    """Return the figures of each result, one block a result.

    Args:
        results: Results to show.
        explained: Whether to add the budget, and where the uncertainty comes from.
    """
    blocks = ["\n".join(_block(result, explained)) for result in results]
    if results and not explained:
        blocks.append("--explain shows where the uncertainty comes from.")
    return "\n\n".join(blocks) + "\n"


def _block(result: Result, explained: bool) -> Iterator[str]:
    yield _shortened(plain(result.entry.id))
    yield from _figure("energy", f"{estimate_text(result.energy)}, {result.measurand}")
    yield from _figure("mean power", estimate_text(result.mean_power))
    yield from _figure("per unit", estimate_text(result.energy_per_unit))
    yield from _per_correct(result.per_correct)
    unit = result.energy_per_unit.unit.removeprefix("J/")
    if result.units_per_joule and unit != "run":
        yield from _figure("work", number(result.units_per_joule, f"{unit} per joule"))
    yield from _training(result)
    yield from _figure("class", _measurement(result))
    if result.scatter is not None:
        yield from _figure("scatter", _scatter(result))
    for name, item in result.compat.items():
        yield from _figure("MLPerf", _mlperf_metric(name, item))
    if result.provision is not None:
        yield from _figure("provisioned", _provision(result.provision))
    whole = all_nodes(result)
    if whole is not None:
        yield from _figure("all nodes", all_nodes_text(whole))
    if result.estimated_share:
        yield from _figure("estimated", f"{percent(result.estimated_share)} of the energy")
    for line in co2e.lines(result.co2e):
        yield from _wrapped(plain(line), "  ", "    ")
    if explained:
        yield from _explanation(result)
    for note in result.notes:
        yield from _wrapped(f"note: {plain(note)}", "  ", "    ")


def _per_correct(per_correct: Estimate | None) -> Iterator[str]:
    """Yield energy per correct answer, and whether energy or accuracy sets its interval."""
    if per_correct is None:
        return
    yield from _figure("per correct", estimate_text(per_correct))
    if per_correct.note:
        yield from _figure("", per_correct.note)


def _figure(name: str, text: str) -> Iterator[str]:
    label = f"  {name}".ljust(LABEL_WIDTH)
    return _wrapped(f"{label}{plain(text)}", "", " " * LABEL_WIDTH)


def _wrapped(text: str, first_indent: str, indent: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first_indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def _shortened(text: str) -> str:
    """Return a name that fits, with its end: the end tells entries apart."""
    return text if len(text) <= WIDTH else "..." + text[len(text) - WIDTH + 3 :]


def _measurement(result: Result) -> str:
    runs = f"{result.n_runs} run{'' if result.n_runs == 1 else 's'}"
    place = f", boundary {result.boundary}" if result.boundary else ""
    return f"{result.measurement_class}{place}, {runs}, {percent(result.coverage, 2)} covered"


def _scatter(result: Result) -> str:
    assert result.scatter is not None
    text = SCATTER_TEXTS[result.scatter.source].format(n=result.scatter.n)
    return text if result.scatter.cv is None else f"{percent(result.scatter.cv, 2)}, {text}"


def _provision(provision: Provision) -> str:
    """Return provisioned power, energy per token by it, and the share of it that was measured."""
    text = f"{provision.power_kw:.2f} kW"
    if provision.per_token_j is not None:
        text += f", {number(provision.per_token_j, 'J/token provisioned')}"
    utilisation = provision.utilisation
    if utilisation is None or utilisation.value is None:
        return f"{text}; nothing was measured"
    text += f"; utilisation of provision {percent(utilisation.value)}"
    if utilisation.low is not None and utilisation.high is not None:
        text += f" [{percent(utilisation.low)}, {percent(utilisation.high)}]"
    return text


def _mlperf_metric(name: str, item: dict[str, object]) -> str:
    value = number(_number(item["value"]), str(item["unit"]), 8)
    if item.get("low") is not None:
        value += f" [{number(_number(item['low']))}, {number(_number(item['high']))}]"
    note = f" ({plain(item['note'])})" if item.get("note") else ""
    return f"{name}: {value}{note}"


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _training(result: Result) -> Iterator[str]:
    """Yield energy per step and steps to the target, where the logs count steps."""
    training = result.training
    if training is None:
        return
    yield from _figure(
        "per step",
        f"{estimate_text(training.energy_per_step)}, scatter {training.energy_cv:.1%}; "
        f"{_count(training.steps)} to the target ({plain(training.counts)}), "
        f"scatter {training.steps_cv:.1%}",
    )
    if training.reference_steps is not None and training.energy_at_reference is not None:
        steps, energy = _count(training.reference_steps), training.energy_at_reference
        yield from _figure(
            "reference", f"at {steps}, which the reference needs: {estimate_text(energy)}"
        )


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


def _explanation(result: Result) -> Iterator[str]:
    """Yield the closed form, the budget, and in plain words where the uncertainty comes from."""
    energy = result.energy
    if energy.value is not None and energy.u_c is not None and energy.k is not None:
        dof = "infinite" if energy.nu_eff is None else f"{energy.nu_eff:.0f}"
        places = decimals(energy.value, energy.u_c)
        yield (
            f"  {result.measurand} energy {energy.value:.{places}f} J, "
            f"u_c {energy.u_c:.{places}f} J, degrees of freedom {dof}, "
            f"k {energy.k:.2f}, level {energy.level:.0%}"
        )
    if result.rows:
        yield ""
        for line in budget_table(result).splitlines():
            yield f"  {line}"
        yield ""
    for line in explain(result):
        yield f"  {line}"
    yield ""
