"""Commands over declared footprints: compute, published, compare, clean, zones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import JSON, OK, TABLE_FORMATS, Number, cli, emit, seeded, table_format
from harness.cli.carbon.options import gridded
from harness.cli.common.pictures import picture_option, write_picture
from harness.core.errors import UsageError

POWER = ("measured", "borrowed", "rated")
FORM = click.option(
    "--format",
    "form",
    type=click.Choice(TABLE_FORMATS),
    help="Format of the table.",
)
_NUMBERS = {
    "hours": ("h", "Hours of training."),
    "processors": ("1", "Processors."),
    "power": ("W", "Mean watts of a processor with its share of the system."),
    "queries": ("1", "Queries served."),
    "query_energy": ("J", "Energy of a query at the IT boundary [J]."),
    "idle_energy": ("kWh", "Energy of reserved, idle hardware, a separate line [kWh]."),
    "heat_reused": ("kWh", "Heat given away to be used, a separate line [kWh]."),
    "carbon_removed": ("kg", "Carbon removed, a separate line [kg CO2e]."),
    "functional_units": ("1", "Functional units of the SCI, like samples."),
}
"""Inputs that `compute` takes as numbers, with their units."""


@cli.group()
def footprint() -> None:
    """Compute and compare declared footprints.

    Follows the accounting of Patterson et al. (2021): declared factors become energy and CO2e.
    The published footprints of the catalogue are recomputed the same way.
    """


def _numbers(command: Any) -> Any:
    for name, (_, text) in reversed(_NUMBERS.items()):
        option = {"power": "--watts", "query_energy": "--joules-per-query"}.get(
            name, f"--{name.replace('_', '-')}"
        )
        command = click.option(option, name, type=Number(min=0), help=text)(command)
    return command


@footprint.command()
@click.argument("document", required=False)
@JSON
@_numbers
@click.option(
    "--power-basis",
    default="measured",
    show_default=True,
    type=click.Choice(POWER),
    help="Where the watts come from.",
)
@click.option(
    "--embodied",
    nargs=3,
    type=Number(min=0, min_open=True),
    metavar="KG RESERVED_H LIFESPAN_H",
    help="Embodied emissions of the hardware [kg], hours reserved, and its lifespan [h].",
)
@gridded
@seeded
def compute(
    document: str | None, as_json: bool, level: float, seed: int, carbon: Any, **numbers: Any
) -> int:
    """Compute energy and CO2e from declared factors.

    The factors come from DOCUMENT, a file or a name in the catalogue, or from the options.
    Energy is hours x processors x mean watts x PUE, plus queries x energy per query; emissions
    are energy x intensity.
    """
    from harness.carbon.footprint.compute import account, with_grid
    from harness.render.terminal.carbon.footprint_account import account_document, account_text

    item = _item(document) if document else _from_numbers(**numbers)
    result = account(with_grid(item, carbon), level=level, seed=seed)
    if as_json:
        emit("account", account_document(result))
    else:
        click.echo(account_text(result), nl=False)
    return OK


def _item(name: str) -> Any:
    """Return a footprint from a file, or from the catalogue by its name."""
    from harness.carbon.catalogue import entry
    from harness.carbon.footprint.document import from_document
    from harness.core.documents import read_document

    path = Path(name)
    return from_document(read_document("footprint", path)) if path.is_file() else entry(name)


def _from_numbers(
    power_basis: str, embodied: tuple[float, float, float] | None, **numbers: float | None
) -> Any:
    from harness.carbon import assumed
    from harness.carbon.footprint.document import from_document

    spread = {
        "measured": assumed.POWER_MEASURED_U_LN,
        "borrowed": assumed.POWER_BORROWED_U_LN,
        "rated": assumed.POWER_TDP_U_LN,
    }
    inputs = {
        name: {
            "value": value,
            "unit": _NUMBERS[name][0],
            "u_ln": spread[power_basis] if name == "power" else 0.0,
        }
        for name, value in numbers.items()
        if value is not None
    }
    if not inputs:
        raise UsageError(
            "nothing to compute", expected="--hours, --processors and --watts, or a document"
        )
    return from_document(
        {
            "id": "declared",
            "model": "declared",
            "date": "",
            "inputs": inputs,
            "verified": False,
            "source": {"citation": "declared on the command line", "licence": "not stated"},
            "convention": {
                "power": {"measured": "measured system"}.get(power_basis, power_basis),
                "pue": "none",
                "accounting": "none",
            },
            "embodied": []
            if embodied is None
            else [
                {
                    "what": "hardware",
                    "total_kg": embodied[0],
                    "reserved_h": embodied[1],
                    "lifespan_h": embodied[2],
                }
            ],
        }
    )


@footprint.command()
@click.argument("names", nargs=-1)
@JSON
@FORM
@picture_option
@seeded
def published(
    names: tuple[str, ...],
    as_json: bool,
    form: str | None,
    picture: Path | None,
    level: float,
    seed: int,
) -> int:
    """Recompute published footprints from their inputs.

    Without NAMES, prints a table of all; with NAMES, each of these in full.
    """
    from harness.carbon.catalogue import catalogue, entry
    from harness.render.terminal.carbon import footprint as render

    table_form = table_format(form, as_json)
    items = [entry(name) for name in names] if names else catalogue()
    if picture is not None:
        from harness.render.plots import catalogue_picture

        write_picture(catalogue_picture(items), picture)
    if as_json:
        emit("published", render.published_document(items, level=level, seed=seed))
    elif names:
        click.echo(
            "\n".join(render.one_text(item, level=level, seed=seed) for item in items), nl=False
        )
    else:
        click.echo(render.published_text(items, table_form), nl=False)
    return OK


@footprint.command()
@click.argument("a")
@click.argument("b")
@JSON
@picture_option
@gridded
@seeded
def compare(
    a: str, b: str, as_json: bool, picture: Path | None, level: float, seed: int, carbon: Any
) -> int:
    """Explain why two footprints differ.

    A and B are files or names in the catalogue. The factors are model, machine, mechanization
    and map. With --zone or --intensity-g-per-kwh both are put on that grid.
    """
    from harness.carbon.footprint.compute import with_grid
    from harness.emissions.footprint_comparison import compare_footprints
    from harness.render.terminal.carbon.footprint_account import factors_document, factors_text

    sides = [with_grid(_item(name), carbon) for name in (a, b)]
    comparison = compare_footprints(*sides, level=level, seed=seed)
    if picture is not None:
        from harness.render.plots import waterfall_picture

        shown = [
            (basis, item) for basis, item in comparison.decompositions.items() if item is not None
        ]
        write_picture(waterfall_picture(shown), picture)
    if as_json:
        emit("factors", factors_document(comparison))
    else:
        click.echo(factors_text(comparison), nl=False)
    return OK


@footprint.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@JSON
def clean(path: Path, as_json: bool) -> int:
    """Compute net emissions with clean supply (24/7).

    PATH is a CSV file with the columns energy_kwh, clean_kwh and g_per_kwh, one row an hour.
    """
    from harness.carbon.formulas import clean_match
    from harness.carbon.grid.columns import read_numbers
    from harness.render.terminal.carbon.footprint_account import clean_document, clean_text

    energy, supply, grid = read_numbers(path, ("energy_kwh", "clean_kwh", "g_per_kwh"))
    match = clean_match(energy, supply, grid)
    if as_json:
        emit("clean", clean_document(match, len(energy)))
    else:
        click.echo(clean_text(match, len(energy)), nl=False)
    return OK


@footprint.command()
@FORM
@JSON
def zones(form: str | None, as_json: bool) -> int:
    """List the annual intensities, sources and licences."""
    from harness.carbon.grid.annual import rows, sources
    from harness.render.escape import grid

    table_form = table_format(form, as_json)
    if as_json:
        from dataclasses import asdict

        from harness.core.schemas import SCHEMA_VERSION

        listed = {"zones": [asdict(row) for row in rows()], "sources": list(sources().values())}
        emit("zones", {"schema_version": SCHEMA_VERSION} | listed)
        return OK
    table = [
        [row.zone, row.name, row.source, str(row.year), f"{row.g_per_kwh:.1f}"] for row in rows()
    ]
    click.echo(grid(("Zone", "Name", "Source", "Year", "g/kWh"), table, table_form) + "\n")
    about = [
        [s["id"], s["publisher"], s["licence"], "yes" if s["shipped"] else "no", s["note"]]
        for s in sources().values()
    ]
    click.echo(grid(("Source", "Publisher", "Licence", "Ships", "Note"), about, table_form))
    return OK
