"""Grid data of third parties: packages with an entry point in the group `joulemark.grid`."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from harness.carbon.factor import Factor
from harness.carbon.grid.annual import annual, sources
from harness.carbon.series import Series
from harness.core.errors import UsageError, shorten
from harness.traces.trace import Window

GROUP = "joulemark.grid"


@runtime_checkable
class Provider(Protocol):
    """What a third party offers.

    The entry point names an object, or a class that is called without arguments. Both methods
    return None for what they do not have; provenance and licence travel in the factor and the
    series.
    """

    name: str

    def annual(self, zone: str, year: int | None) -> Factor | None:
        """Return the mean intensity of a zone over a year [g CO2e/kWh]."""
        ...

    def hourly(self, zone: str, window: Window | None) -> Series | None:
        """Return the intensity of a zone by time.

        `window` must be covered, None is all there is.
        """
        ...


def provider(name: str) -> Provider:
    """Return the provider of this name.

    Raises:
        UsageError: None is installed, or it is not a provider.
    """
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    if name not in plugins:
        shipped = [source for source, about in sources().items() if about["shipped"]]
        default = f"A package offers it as an entry point in the group {GROUP}."
        raise UsageError(
            "no such source of grid data",
            got=repr(name),
            expected="one of " + ", ".join([*shipped, *plugins]),
            fix=sources().get(name, {}).get("note", default),
        )
    try:
        loaded = plugins[name].load()
        instance = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:
        raise UsageError(
            f"source {name} cannot be loaded",
            where=plugins[name].value,
            got=f"{type(error).__name__}: {shorten(error)}",
            expected="an object, or a class without arguments",
            fix="Repair or remove the package that provides it.",
        ) from error
    if not isinstance(instance, Provider):
        raise UsageError(
            "not a provider of grid data",
            where=plugins[name].value,
            got=type(instance).__name__,
            expected="name, annual(zone, year) and hourly(zone, window)",
        )
    return instance


def intensity(zone: str, source: str | None = None, year: int | None = None) -> Factor:
    """Return the annual intensity of a zone from the shipped data set or a provider."""
    if source is None or (source in sources() and sources()[source]["shipped"]):
        return annual(zone, source, year)
    factor = provider(source).annual(zone, year)
    if factor is None:
        raise UsageError("has no annual figure", where=source, got=f"{zone} {year or ''}".strip())
    return replace(factor, annual=True)


def hourly(source: str, zone: str, window: Window | None = None) -> Series:
    """Return the hourly series of a zone from a provider."""
    series = provider(source).hourly(zone, window)
    if series is None:
        raise UsageError("has no hourly series", where=source, got=zone)
    return series
