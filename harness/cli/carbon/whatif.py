"""`joulemark whatif PATH`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from harness.cli.base import JSON, OK, cli, emit, read_tree, seeded
from harness.cli.common.pictures import picture_option, write_picture
from harness.core.errors import UsageError


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@JSON
@click.option(
    "--zone",
    "zones",
    multiple=True,
    help="Zone by its annual intensity; the first is the run's own. Repeat for several.",
)
@click.option("--source", help="Data set or provider of the zones, like owid-ember or egrid2023.")
@click.option("--year", type=int, help="Year of the zones.")
@click.option(
    "--hourly",
    multiple=True,
    help="Series of a zone: file or PROVIDER:ZONE; the first is the run's own. Repeat for several.",
)
@click.option("--pue", type=float, help="Facility energy over IT energy, the same everywhere.")
@click.option("--start", help="Take this start for the run's own, like 2022-07-01T14:00:00Z.")
@click.option("--deferrable", help="Find the best start at most this much later: 24h, 90m, 2d.")
@picture_option
@seeded
def whatif(
    path: Path,
    as_json: bool,
    zones: tuple[str, ...],
    source: str | None,
    year: int | None,
    hourly: tuple[str, ...],
    pue: float | None,
    start: str | None,
    deferrable: str | None,
    picture: Path | None,
    level: float,
    seed: int,
) -> int:
    """Recompute CO2e for other grids and hours.

    The energy of the run stays; only the carbon intensity changes.
    """
    if bool(zones) == bool(hourly):
        raise UsageError(
            "zones are named either by year or by hour",
            got="both" if zones else "none",
            expected="--zone or --hourly",
            fix="Annual and hourly figures are two sources and are not compared.",
        )
    from harness import api
    from harness.cli.carbon.options import declared_pue, read_series, zone_intensity
    from harness.core.timestamps import from_iso
    from harness.emissions.whatif import whatif as move_run
    from harness.render.terminal.carbon.whatif import whatif_document, whatif_text

    intensities: list[Any] = [read_series(name) for name in hourly]
    if not hourly:
        intensities = [zone_intensity(zone, source, year) for zone in zones]
    span = None if deferrable is None else seconds(deferrable)
    start_ns = None if start is None else from_iso(start, where="--start")
    entries = (tree := read_tree([path])).entries
    if len(entries) != 1:
        ids = ", ".join(entry.id for entry in entries[:5])
        raise UsageError(
            "one result is moved at a time",
            where=str(path),
            got=f"{len(entries)} ({ids})",
            expected="1",
            fix="Name the folder of one result.",
        )
    result = api.score(tree, level=level, seed=seed)[0]
    answer = move_run(
        result,
        intensities,
        declared_pue(pue),
        start_ns=start_ns,
        deferrable_s=span,
        level=level,
        seed=seed,
    )
    if picture is not None:
        from harness.render.plots import whatif_picture

        write_picture(whatif_picture(answer), picture)
    if as_json:
        emit("whatif", whatif_document(answer, result.entry.id))
    else:
        click.echo(whatif_text(answer, result.entry.id), nl=False)
    return OK


def seconds(text: str) -> float:
    """Read a span like 24h, 90m or 2d [s].

    Raises:
        UsageError: The text is no span of time.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", text.strip())
    if match is None:
        raise UsageError(
            "not a span of time",
            where="--deferrable",
            got=repr(text),
            expected="like 24h, 90m or 2d",
        )
    return float(match[1]) * {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}[match[2]]
