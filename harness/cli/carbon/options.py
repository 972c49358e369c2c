"""Options of every command that turns energy into CO2e: which grid, which PUE."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
        "location_g_per_kwh",
        type=float,
        help="Location-based intensity [g/kWh], with its source.",
    ),
    click.option(
        "--market-g-per-kwh",
        type=float,
        help="Market-based intensity [g/kWh], with its source.",
    ),
    click.option("--intensity-source", help="Source of intensities given as numbers."),
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
        help="For a run that the series does not cover: use its mean.",
    ),
    click.option(
        "--pue",
        type=float,
        help="Facility energy over IT energy, at least 1; without it, emissions end at the meter.",
    ),
    click.option(
        "--pue-hourly", type=click.Path(path_type=Path, dir_okay=False), help="Series of PUE."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridOptions:
    """The options above as they were given on the command line; None where an option is absent.

    Attributes:
        zone: Grid zone of an annual intensity.
        source: Data set or provider of the zone.
        year: Year of the zone.
        location_g_per_kwh: Location-based intensity [g/kWh].
        market_g_per_kwh: Market-based intensity [g/kWh].
        intensity_source: Who states intensities given as numbers.
        hourly: Series of the location-based intensity.
        market_hourly: Series of the market-based intensity.
        fallback: Whether a run outside a series takes its mean.
        pue: Facility energy over IT energy.
        pue_hourly: Series of PUE.
    """

    zone: str | None
    source: str | None
    year: int | None
    location_g_per_kwh: float | None
    market_g_per_kwh: float | None
    intensity_source: str | None
    hourly: str | None
    market_hourly: str | None
    fallback: str | None
    pue: float | None
    pue_hourly: Path | None

    @property
    def names_market(self) -> bool:
        """Whether a market-based intensity is named."""
        return self.market_g_per_kwh is not None or self.market_hourly is not None


def gridded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options above.

    It gets `carbon`, the inputs as run, or None where no grid was named.
    """
    names = GridOptions.__dataclass_fields__

    @functools.wraps(command)
    def wrapped(*args: Any, **options: Any) -> Any:
        grid_options = GridOptions(**{name: options.pop(name) for name in names})
        return command(*args, carbon=inputs(grid_options), **options)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def inputs(options: GridOptions) -> Inputs | None:
    """Return the inputs that the options name; None where they name no grid.

    Raises:
        UsageError: The options contradict each other, or name something that is not there.
    """
    location_options = _present(
        {
            "--zone": options.zone,
            "--intensity-g-per-kwh": options.location_g_per_kwh,
            "--hourly": options.hourly,
        }
    )
    if len(location_options) > 1:
        raise UsageError(
            "one location-based intensity at a time",
            got=" and ".join(location_options),
            expected="one of them",
            fix="Two sources are never mixed in one result.",
        )
    if options.market_g_per_kwh is not None and options.market_hourly is not None:
        raise UsageError(
            "one market-based intensity at a time", got="--market-g-per-kwh and --market-hourly"
        )
    if not location_options and not options.names_market:
        _refuse_without_grid(options)
        return None
    from harness.carbon.co2e import Inputs

    return Inputs(
        location=_location(options),
        market=_market(options),
        pue=_pue(options),
        fallback=options.fallback is not None,
    )


def _present(options: Mapping[str, object]) -> list[str]:
    """Return the names of the options that were given."""
    return [name for name, value in options.items() if value is not None]


def _refuse_without_grid(options: GridOptions) -> None:
    """Raise UsageError where options depend on a grid that was not named."""
    dependent = _present(
        {
            "--pue": options.pue,
            "--source": options.source,
            "--year": options.year,
            "--fallback": options.fallback,
            "--pue-hourly": options.pue_hourly,
        }
    )
    if dependent:
        raise UsageError(
            "no grid was named",
            got=", ".join(dependent),
            expected="--zone, --intensity-g-per-kwh or --hourly",
        )


def _location(options: GridOptions) -> Factor | Series | None:
    """Return the location-based intensity that was named."""
    if options.zone is not None:
        return zone_intensity(options.zone, options.source, options.year)
    if options.location_g_per_kwh is not None:
        return _declared_intensity(
            "location_intensity", options.location_g_per_kwh, options.intensity_source
        )
    if options.hourly is not None:
        return _series_of("location_intensity", options.hourly, "--hourly")
    return None


def _market(options: GridOptions) -> Factor | Series | None:
    """Return the market-based intensity that was named."""
    if options.market_hourly is not None:
        return _series_of("market_intensity", options.market_hourly, "--market-hourly")
    if options.market_g_per_kwh is not None:
        return _declared_intensity(
            "market_intensity", options.market_g_per_kwh, options.intensity_source
        )
    return None


def _pue(options: GridOptions) -> Factor | Series | None:
    """Return the PUE that was named."""
    if options.pue_hourly is None:
        return declared_pue(options.pue)
    pue_series = read_series(str(options.pue_hourly))
    if pue_series.about.name != "pue":
        raise UsageError(
            "is not a series of PUE",
            where=str(options.pue_hourly),
            got=pue_series.about.unit,
            expected='unit: "1"',
        )
    return pue_series


def zone_intensity(zone: str, source: str | None, year: int | None) -> Factor:
    """Return the annual intensity of a zone."""
    from harness.carbon.grid.providers import intensity

    return intensity(zone, source, year)


def read_series(name: str) -> Series:
    """Read a series from a file, or from PROVIDER:ZONE."""
    from harness.carbon.grid.hourly import read_hourly
    from harness.carbon.grid.providers import hourly

    provider, colon, zone = name.partition(":")
    is_path = Path(name).exists() or bool({"/", "\\"} & set(provider)) or len(provider) == 1
    if colon and provider and not is_path:
        return hourly(provider, zone)
    return read_hourly(Path(name))


def _series_of(basis: str, name: str, option: str) -> Series:
    """Read a series and check its basis: gross and net are never mixed."""
    series = read_series(name)
    if series.about.name != basis:
        raise UsageError(
            "is a series of another kind",
            where=option,
            got=series.about.name.replace("_", " "),
            expected=basis.replace("_", " "),
            fix="`accounting: market` in its grid document says which.",
        )
    return series


def _declared_intensity(basis: str, value: float, source: str | None) -> Factor:
    """Return an intensity given as a number.

    Raises:
        UsageError: No grid has such an intensity, or nobody is named as its source.
    """
    from harness.carbon.assumed import PRINTED_INTENSITY_U_LN
    from harness.carbon.factor import Factor, g_per_kwh

    is_market = basis == "market_intensity"
    option = "--market-g-per-kwh" if is_market else "--intensity-g-per-kwh"
    checked = g_per_kwh(value, "g/kWh", where=option, market=is_market)
    source = source or ""
    return Factor(
        name=basis,
        value=checked,
        unit="g/kWh",
        u_ln=PRINTED_INTENSITY_U_LN,
        source=source,
        date="",
        licence="not stated",
        key=f"intensity|{source}|{basis}|{value}",
        dataset=source,
    )


def declared_pue(pue: float | None) -> Factor | None:
    """Return a PUE given as a number; None where none was given."""
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
    """Return the inputs of A and of B for a comparison.

    One grid and building for both is a reference, which cancels.

    Args:
        carbon: Inputs of A, and of B where B names nothing else.
        zone: Grid zone of B.
        hourly: Series of B's grid.
        pue: PUE of B.

    Raises:
        UsageError: B has a grid and A has none, or B names two.
    """
    b_options = _present({"--b-zone": zone, "--b-hourly": hourly, "--b-pue": pue})
    if carbon is None:
        if b_options:
            raise UsageError(
                "the grid of B without one of A",
                got=", ".join(b_options),
                expected="--zone or --hourly too",
            )
        return None, None
    from dataclasses import replace

    from harness.carbon.co2e import about
    from harness.emissions.result_emissions import as_reference

    if not b_options:
        return (as_reference(carbon),) * 2
    if zone is not None and hourly is not None:
        raise UsageError(
            "one location-based intensity at a time",
            got="--b-zone and --b-hourly",
            expected="one of them",
        )
    b_location = carbon.location
    if zone is not None:
        a_source = None if carbon.location is None else about(carbon.location).dataset
        b_location = zone_intensity(zone, a_source, None)
    elif hourly is not None:
        b_location = _series_of("location_intensity", hourly, "--b-hourly")
    b_pue = carbon.pue if pue is None else declared_pue(pue)
    return carbon, replace(carbon, location=b_location, pue=b_pue)
