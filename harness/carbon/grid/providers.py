"""Grid data of third parties: an installed package that offers an entry point in the group `joulemark.grid`."""

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
    """What a third party offers. The entry point names an object, or a class that is called without arguments.

    Both answer None for what they do not have; provenance and licence travel in the factor and the series.
    """

    name: str

    def annual(self, zone: str, year: int | None) -> Factor | None:
        """Mean intensity of a zone over a year [g CO2e/kWh]."""
        ...

    def hourly(self, zone: str, window: Window | None) -> Series | None:
        """Intensity of a zone by time; window: what must be covered, None for all there is."""
        ...


def provider(name: str) -> Provider:
    """The provider of this name. Raises UsageError where none is installed or it is not one."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = [*(n for n, about in sources().items() if about["shipped"]), *found]
        why = (
            sources()
            .get(name, {})
            .get("note", f"A package offers it as an entry point in the group {GROUP}.")
        )
        raise UsageError(
            "no such source of grid data",
            got=repr(name),
            expected="one of " + ", ".join(known),
            fix=why,
        )
    try:
        loaded = found[name].load()
        made = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:
        raise UsageError(
            f"source {name} cannot be loaded",
            where=found[name].value,
            got=f"{type(error).__name__}: {shorten(error)}",
            expected="an object, or a class without arguments",
            fix="Repair or remove the package that provides it.",
        ) from error
    if not isinstance(made, Provider):
        raise UsageError(
            "is no provider of grid data",
            where=found[name].value,
            got=type(made).__name__,
            expected="name, annual(zone, year) and hourly(zone, window)",
        )
    return made


def intensity(zone: str, source: str | None = None, year: int | None = None) -> Factor:
    """Annual intensity of a zone from the project's data set or a provider. Raises UsageError."""
    if source is None or (source in sources() and sources()[source]["shipped"]):
        return annual(zone, source, year)
    found = provider(source).annual(zone, year)
    if found is None:
        raise UsageError("has no annual figure", where=source, got=f"{zone} {year or ''}".strip())
    return replace(found, annual=True)


def hourly(source: str, zone: str, window: Window | None = None) -> Series:
    """Hourly series of a zone from a provider. Raises UsageError."""
    found = provider(source).hourly(zone, window)
    if found is None:
        raise UsageError("has no hourly series", where=source, got=zone)
    return found
