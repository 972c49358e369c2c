"""Options of every command that turns energy into CO2e: which grid, which PUE."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.carbon.co2e import Inputs
    from harness.carbon.factor import Factor
    from harness.carbon.series import Series

_OPTIONS = (
    click.option("--zone", help="Grid zone, for its annual intensity: DE, US-CA, France."),
    click.option("--source", help="Data set or provider of --zone, like owid-ember or egrid2023."),
    click.option("--year", type=int, help="Year of --zone."),
    click.option(
        "--intensity-g-per-kwh",
        "gross",
        type=float,
        help="Location-based intensity [g/kWh], with its source.",
    ),
    click.option(
        "--market-g-per-kwh",
        "net",
        type=float,
        help="Market-based intensity [g/kWh], with its source.",
    ),
    click.option(
        "--intensity-source", "said_by", help="Who states the intensities given as numbers."
    ),
    click.option(
        "--hourly",
        help="Series of the grid: a file described by a grid document, or PROVIDER:ZONE.",
    ),
    click.option(
        "--market-hourly", help="Series of the market-based intensity, matched hour by hour (24/7)."
    ),
    click.option(
        "--fallback",
        type=click.Choice(["annual"]),
        help="Where the series does not cover a run: its mean.",
    ),
    click.option(
        "--pue",
        type=float,
        help="Facility energy over IT energy, at least 1; emissions end at the meter without.",
    ),
    click.option(
        "--pue-hourly", type=click.Path(path_type=Path, dir_okay=False), help="Series of PUE."
    ),
)
_NAMES = (
    "zone",
    "source",
    "year",
    "gross",
    "net",
    "said_by",
    "hourly",
    "market_hourly",
    "fallback",
    "pue",
    "pue_hourly",
)


def gridded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options above; it gets `carbon`, the inputs as run, or None where no grid was named."""

    @functools.wraps(command)
    def wrapped(*args: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _NAMES}
        return command(*args, carbon=inputs(**given), **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def inputs(
    *,
    zone: str | None,
    source: str | None,
    year: int | None,
    gross: float | None,
    net: float | None,
    said_by: str | None,
    hourly: str | None,
    market_hourly: str | None,
    fallback: str | None,
    pue: float | None,
    pue_hourly: Path | None,
) -> Inputs | None:
    """The inputs that the options name; None where they name no grid. Raises UsageError for contradictions."""
    named = [
        name
        for name, value in (
            ("--zone", zone),
            ("--intensity-g-per-kwh", gross),
            ("--hourly", hourly),
        )
        if value is not None
    ]
    if len(named) > 1:
        raise UsageError(
            "one location-based intensity at a time",
            got=" and ".join(named),
            expected="one of them",
            fix="Two sources are never mixed in one result.",
        )
    if net is not None and market_hourly is not None:
        raise UsageError(
            "one market-based intensity at a time", got="--market-g-per-kwh and --market-hourly"
        )
    if not named and net is None and market_hourly is None:
        left = {
            "--pue": pue,
            "--source": source,
            "--year": year,
            "--fallback": fallback,
            "--pue-hourly": pue_hourly,
        }
        if any(value is not None for value in left.values()):
            said = ", ".join(name for name, value in left.items() if value is not None)
            raise UsageError(
                "no grid was named", got=said, expected="--zone, --intensity-g-per-kwh or --hourly"
            )
        return None
    from harness.carbon.co2e import Inputs

    return Inputs(
        location=location(zone, source, year, gross, said_by, hourly),
        market=_market(net, said_by, market_hourly),
        pue=building(pue, pue_hourly),
        fallback=fallback is not None,
    )


def location(
    zone: str | None,
    source: str | None,
    year: int | None,
    gross: float | None,
    said_by: str | None,
    hourly: str | None,
) -> Factor | Series | None:
    """The location-based intensity that was named."""
    if zone is not None:
        from harness.carbon.grid.providers import intensity

        return intensity(zone, source, year)
    if gross is not None:
        return declared("location_intensity", gross, said_by)
    return None if hourly is None else _on(series(hourly), "location_intensity", "--hourly")


def _on(found: Series, name: str, option: str) -> Series:
    """The series, if it is of this basis. Raises UsageError: gross and net are never mixed."""
    if found.about.name != name:
        raise UsageError(
            "is a series of another kind",
            where=option,
            got=found.about.name.replace("_", " "),
            expected=name.replace("_", " "),
            fix="`accounting: market` in its grid document says which.",
        )
    return found


def _market(
    net: float | None, said_by: str | None, market_hourly: str | None
) -> Factor | Series | None:
    if market_hourly is not None:
        return _on(series(market_hourly), "market_intensity", "--market-hourly")
    return None if net is None else declared("market_intensity", net, said_by)


def series(name: str) -> Series:
    """A series from a file, or PROVIDER:ZONE."""
    from harness.carbon.grid.hourly import read_hourly
    from harness.carbon.grid.providers import hourly

    provider, colon, zone = name.partition(":")
    if colon and not Path(name).exists() and not {"/", "\\"} & set(provider) and len(provider) > 1:
        return hourly(provider, zone)
    return read_hourly(Path(name))


def declared(name: str, value: float, said_by: str | None) -> Factor:
    """An intensity given as a number. Raises UsageError for what no grid has, and where nobody is named as source."""
    from harness.carbon.assumed import PRINTED_INTENSITY_U_LN
    from harness.carbon.factor import Factor, g_per_kwh

    option = "--market-g-per-kwh" if name == "market_intensity" else "--intensity-g-per-kwh"
    checked = g_per_kwh(value, "g/kWh", where=option, market=name == "market_intensity")
    said = said_by or ""
    return Factor(
        name=name,
        value=checked,
        unit="g/kWh",
        u_ln=PRINTED_INTENSITY_U_LN,
        source=said,
        date="",
        licence="not stated",
        key=f"intensity|{said}|{name}|{value}",
        dataset=said,
    )


def building(pue: float | None, pue_hourly: Path | None) -> Factor | Series | None:
    """The PUE that was named."""
    if pue_hourly is not None:
        found = series(str(pue_hourly))
        if found.about.name != "pue":
            raise UsageError(
                "is no series of PUE",
                where=str(pue_hourly),
                got=found.about.unit,
                expected='unit: "1"',
            )
        return found
    if pue is None:
        return None
    from harness.carbon.assumed import PUE_U_LN
    from harness.carbon.factor import Factor, checked_pue

    return Factor(
        name="pue",
        value=checked_pue(pue, where="--pue"),
        unit="1",
        u_ln=PUE_U_LN if pue > 1 else 0.0,
        source="declared on the command line",
        date="",
        licence="not stated",
        key=f"pue|declared|{pue}",
    )


def sides(
    carbon: Inputs | None, zone: str | None, hourly: str | None, pue: float | None
) -> tuple[Inputs | None, Inputs | None]:
    """Inputs of A and of B; one grid and building for both is a reference, which cancels. Raises UsageError."""
    own = {"--b-zone": zone, "--b-hourly": hourly, "--b-pue": pue}
    named = [name for name, value in own.items() if value is not None]
    if carbon is None:
        if named:
            raise UsageError(
                "the grid of B without one of A",
                got=", ".join(named),
                expected="--zone or --hourly too",
            )
        return None, None
    from dataclasses import replace

    from harness.emissions.result_emissions import as_reference

    if not named:
        return (as_reference(carbon),) * 2
    if zone is not None and hourly is not None:
        raise UsageError(
            "one location-based intensity at a time",
            got="--b-zone and --b-hourly",
            expected="one of them",
        )
    from harness.carbon.co2e import about

    source = None if carbon.location is None else about(carbon.location).dataset
    there = (
        carbon.location
        if zone is None and hourly is None
        else location(zone, source, None, None, None, hourly)
    )
    overhead = carbon.pue if pue is None else building(pue, None)
    return carbon, replace(carbon, location=there, pue=overhead)
