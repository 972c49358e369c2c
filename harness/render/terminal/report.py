"""Results and audit reports for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from harness.formats.load import Import
from harness.render.escape import grid, plain
from harness.render.numbers import decimals, estimate_text, number, percent
from harness.render.terminal import co2e
from harness.render.terminal.budget import budget_table, explain
from harness.scoring.result import Result


def score_text(results: Sequence[Result], *, explained: bool = False) -> str:
    """A table of all results, then for each its budget, compatibility numbers and notes.

    explained: say in plain words where the uncertainty comes from and what would reduce it most
    """
    rows = [
        [
            result.entry.id,
            estimate_text(result.energy),
            estimate_text(result.mean_power),
            estimate_text(result.energy_per_unit),
            result.measurement_class,
            str(result.n_runs),
            percent(result.coverage, 2),
        ]
        for result in results
    ]
    head = ("Entry", "Energy [interval]", "Mean power", "Per unit", "Class", "Runs", "Covered")
    return (
        "\n\n".join(
            [grid(head, rows, "terminal"), *(_details(result, explained) for result in results)]
        )
        + "\n"
    )


def _details(result: Result, explained: bool) -> str:
    lines = [plain(result.entry.id)]
    energy = result.energy
    if energy.value is not None and energy.u_c is not None and energy.k is not None:
        dof = "infinite" if energy.nu_eff is None else f"{energy.nu_eff:.0f}"
        places = decimals(energy.value, energy.u_c)
        lines.append(
            f"  {result.measurand} energy {energy.value:.{places}f} J, u_c {energy.u_c:.{places}f} J, "
            f"degrees of freedom {dof}, k {energy.k:.2f}, level {energy.level:.0%}"
        )
    if result.rows:
        lines += ["", *(f"  {line}" for line in budget_table(result).splitlines()), ""]
    if explained:
        lines += [*(f"  {line}" for line in explain(result)), ""]
    lines += _training(result)
    for name, item in result.compat.items():
        value = number(item["value"], item["unit"], 8)
        if item.get("low") is not None:
            value += f" [{number(item['low'])}, {number(item['high'])}]"
        lines.append(
            f"  {name}: {value}" + (f" ({plain(item['note'])})" if item.get("note") else "")
        )
    if result.units_per_joule:
        unit = result.energy_per_unit.unit.removeprefix("J/")
        lines.append(f"  {plain(number(result.units_per_joule, f'{unit} per joule'))}")
    if result.per_correct is not None:
        lines.append(f"  {estimate_text(result.per_correct)}")
    if result.estimated_share:
        lines.append(f"  estimated, not measured: {percent(result.estimated_share)} of the energy")
    lines += [plain_line(line) for line in co2e.lines(result.co2e)]
    lines += [f"  note: {plain(note)}" for note in result.notes]
    return "\n".join(lines)


def _training(result: Result) -> list[str]:
    """Energy per step and steps to the target, where the logs count steps."""
    found = result.training
    if found is None:
        return []
    lines = [
        f"  {estimate_text(found.energy_per_step)}, scatter {found.energy_cv:.1%}; {_count(found.steps)} to the target "
        f"({plain(found.counts)}), scatter {found.steps_cv:.1%}",
    ]
    if found.reference_steps is not None and found.energy_at_reference is not None:
        needed, energy = _count(found.reference_steps), estimate_text(found.energy_at_reference)
        lines.append(f"  at {needed}, which the reference needs: {energy}")
    return lines


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.4g}"


def plain_line(line: str) -> str:
    """A line without control characters, its indent kept."""
    return line[: len(line) - len(line.lstrip())] + plain(line)


def import_text(done: Import) -> str:
    """What an import wrote, and what it could not use and why."""
    lines = [
        f"{len(item.runs):>3} run directories  {plain(item.entry.id)}" for item in done.imported
    ]
    for item in done.imported:
        lines += [f"    {d.code}: {plain(d.where)}: {plain(d.got)}" for d in item.entry.defects]
    lines += [f"  unreadable  {plain(path)}: {plain(reason)}" for path, reason in done.unreadable]
    lines += [f"  passed over  {plain(path)}: {plain(reason)}" for path, reason in done.skipped]
    runs = sum(len(item.runs) for item in done.imported)
    lines.append(f"{len(done.imported)} entries, {runs} run directories in {plain(done.out)}")
    return "\n".join(lines) + "\n"
