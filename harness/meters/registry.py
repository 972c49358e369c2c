"""Find meters by name: the modules of the packages of adapters, and those of other packages."""

from __future__ import annotations

import functools
import importlib
import inspect
import math
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.core.suggestions import unknown_name
from harness.meters import adapters
from harness.meters.base import Meter, Note, ReadFailed
from harness.meters.network import adapters as network_adapters
from harness.meters.network.options import variable
from harness.traces.calibration import machine, pseudonym
from harness.traces.channel import Channel

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

PLACES = (adapters, network_adapters)
"""Packages whose modules are meters: those of this machine, and those on a network."""
GROUP = "joulemark.meters"
"""Entry points of third-party meters: a name, and a class or function that returns a meter."""
SECRETS = ("password", "token", "community", "auth_key", "privacy_key")
"""Options that hold secrets: they are read from the environment or from a file."""
_SEPARATOR = re.compile(r",(?![^{]*\})")
"""A comma that stands in no braces, so that a selector `up{a="1",b="2"}` stays whole."""


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """A meter and its options, as `--meter` takes them: `rapl`, `file:path=power.csv,interval=1`.

    Attributes:
        name: Name of the meter.
        options: Keyword arguments of its constructor, as text.
    """

    name: str
    options: Mapping[str, str]

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def parse(text: str) -> MeterSpec:
    """Parse `name` or `name:option=value,option=value`.

    Raises:
        UsageError: The text has another form.
    """
    name, _, rest = text.partition(":")
    options: dict[str, str] = {}
    for part in filter(None, _SEPARATOR.split(rest)):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise UsageError(
                "is not a meter",
                where=shorten(text),
                got=shorten(part),
                expected="name:option=value,option=value",
            )
        options[key.strip()] = value
    return MeterSpec(name, options)


def built_in() -> list[str]:
    """Return the names of the built-in meters, without importing them."""
    return sorted(_places())


@functools.cache
def _places() -> dict[str, str]:
    """Return the module of each built-in meter, by its name."""
    return {
        module.name: f"{package.__name__}.{module.name}"
        for package in PLACES
        for module in pkgutil.iter_modules(package.__path__)
    }


def names() -> list[str]:
    """Return the names of all meters: built-in ones, then those of other packages."""
    built_in_names = built_in()
    return [*built_in_names, *sorted(_entry_points().keys() - set(built_in_names))]


def make(spec: MeterSpec) -> Meter:
    """Construct the meter of a spec, after checking the options against its constructor.

    Raises:
        UsageError: There is no such meter, or an option is unknown or missing.
    """
    factory = _factory(spec.name)
    parameters = _parameters(factory)
    unknown = [key for key in spec.options if key not in parameters]
    _refuse_secrets(spec.name, unknown)
    if unknown:
        raise UsageError(
            f"meter {spec.name} has no such option",
            got=shorten(", ".join(unknown)),
            expected=", ".join(parameters),
            fix=_example(spec.name, list(parameters)),
        )
    required = [key for key, item in parameters.items() if item.default is item.empty]
    missing = [key for key in required if key not in spec.options]
    if missing:
        raise UsageError(
            f"meter {spec.name} needs an option",
            got="nothing",
            expected=", ".join(missing),
            fix=_example(spec.name, missing),
        )
    with _named_if_broken(spec.name):
        meter: Meter = factory(**spec.options)
    return meter


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the options of a meter: those of its class, and of the classes it passes others to."""
    parameters: dict[str, inspect.Parameter] = {}
    for owner in inspect.getmro(factory) if inspect.isclass(factory) else (factory,):
        function = owner.__init__ if inspect.isclass(owner) else owner
        passes_on = False
        for name, item in inspect.signature(function).parameters.items():
            if item.kind is item.VAR_KEYWORD:
                passes_on = True
            elif name != "self" and item.kind is not item.VAR_POSITIONAL:
                parameters.setdefault(name, item)
        if not passes_on:
            break
    return parameters


def _refuse_secrets(meter: str, options: Sequence[str]) -> None:
    """Raise UsageError where an option would put a secret on the command line."""
    for option in options:
        if option in SECRETS:
            raise UsageError(
                "is not taken from the command line, where others can read it",
                where=f"{meter}:{option}",
                expected=f"the environment variable {variable(meter, option)}, "
                f"or {option}_file=FILE of mode 0600",
            )


def public_spec(spec: MeterSpec) -> MeterSpec:
    """Return a spec as records state it: with a pseudonym in the place of a private address."""
    private: frozenset[str] = getattr(_factory(spec.name), "private_options", frozenset())
    if spec.options.get("show_host") == "yes":
        private = frozenset()
    options = {
        key: f"host-{pseudonym(f'{machine()} {value}')}" if key in private else value
        for key, value in spec.options.items()
    }
    return MeterSpec(spec.name, options)


@dataclass(frozen=True, slots=True)
class Probed:
    """What a meter measures here.

    Attributes:
        channels: Its channels.
        notes: What a user should know of them.
        configuration: What the record would state of how it is read.
        values: Present reading of each channel [W or J], where one was asked for and there is one.
    """

    channels: Sequence[Channel]
    notes: Sequence[Note]
    configuration: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)


def probe(spec: MeterSpec, *, with_values: bool = False) -> Probed:
    """Construct a meter, list the channels it can read here, and let go of it.

    Args:
        spec: The meter.
        with_values: Whether to read it once, too.

    Raises:
        JoulemarkError: The meter does not exist, cannot be used here, or is broken.
    """
    meter = make(spec)
    with _named_if_broken(spec.name):
        try:
            channels = meter.probe()
            configuration: Mapping[str, Any] = getattr(meter, "configuration", dict)()
            values = _present_values(meter) if with_values else {}
            return Probed(channels, tuple(getattr(meter, "notes", ())), configuration, values)
        finally:
            getattr(meter, "close", lambda: None)()


def _present_values(meter: Meter) -> dict[str, float]:
    """Return the last value of each channel that has one now."""
    try:
        readings = meter.read()
    except ReadFailed:
        return {}
    return {reading.channel: reading.value for reading in readings if math.isfinite(reading.value)}


def automatic() -> Iterator[MeterSpec]:
    """Yield the meters that a run for which none was named uses where they are available."""
    for name in names():
        try:
            options = getattr(_factory(name), "automatic", None)
        except UsageError:
            continue  # a broken plug-in
        if isinstance(options, Mapping):
            yield MeterSpec(name, dict(options))


def declared_source(spec: MeterSpec) -> str:
    """Return the source that the user declared instead of the machine's own sensors; "" for none.

    The readings of such a source are only as good as the user's word: a copy of /sys, for example,
    shows whatever was written into it.
    """
    factory = _factory(spec.name)
    parameters = inspect.signature(factory).parameters
    declared = {
        name: spec.options[name]
        for name in getattr(factory, "source_options", ())
        if name in spec.options and spec.options[name] != parameters[name].default
    }
    return str(MeterSpec(spec.name, declared)) if declared else ""


@contextmanager
def _named_if_broken(name: str) -> Iterator[None]:
    """Turn any exception of a meter's own code into an error that names the meter."""
    try:
        yield
    except JoulemarkError:
        raise
    except Exception as error:
        raise UsageError(
            f"meter {name} is broken",
            got=f"{type(error).__name__}: {shorten(error)}",
            expected="channels, or a reason why it cannot be used here",
            fix="Repair or remove the package that provides it.",
        ) from error


def _example(name: str, options: list[str]) -> str:
    return f"Write --meter {name}:" + ",".join(f"{key}=..." for key in options)


def summary(name: str) -> str:
    """Return the first line of a meter's docstring, or why the meter cannot be loaded."""
    try:
        return (inspect.getdoc(_factory(name)) or name).partition("\n")[0]
    except UsageError as error:
        return error.message


def _factory(name: str) -> Callable[..., Any]:
    """Import the class of a meter, or the function that makes it."""
    place = _places().get(name)
    if place is not None:
        module = importlib.import_module(place)
        factory: Callable[..., Any] = module.METER
        return factory
    point = _entry_points().get(name)
    if point is None:
        raise unknown_name("no such meter", name, names())
    try:
        factory = point.load()
    except Exception as error:
        raise UsageError(
            f"meter {name} cannot be loaded",
            got=f"{type(error).__name__}: {shorten(error)}",
            expected="a class or function",
            fix="Repair or remove the package that provides it.",
        ) from error
    return factory


def _entry_points() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # slow to import: an audit needs no third party

    return {point.name: point for point in entry_points(group=GROUP)}
