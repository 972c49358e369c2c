"""Meters: one file each; `base.py` is the contract. They are found by name here, and by entry point."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.meters.base import Meter

GROUP = "joulemark.meters"
"""Entry point group: name -> class or function that makes a Meter."""

BUILT_IN = {
    "rapl": "harness.meters.rapl:Rapl",
    "hwmon": "harness.meters.hwmon:Hwmon",
    "nvml": "harness.meters.nvml:Nvml",
    "estimator": "harness.meters.estimator:Estimator",
    "file": "harness.meters.file:File",
    "replay": "harness.meters.replay:Replay",
}


@dataclass(frozen=True, slots=True)
class MeterSpec:
    """A meter by name with its options, as the command line writes it: `rapl`, `file:path=power.csv,interval=1`."""

    name: str
    options: Mapping[str, str]

    def __str__(self) -> str:
        options = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{options}" if options else self.name


def parse(text: str) -> MeterSpec:
    """`name` or `name:option=value,option=value`. Raises UsageError."""
    name, _, rest = text.partition(":")
    options: dict[str, str] = {}
    for part in filter(None, rest.split(",")):
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


def names() -> list[str]:
    """All meters that can be asked for: built in, then added by entry points."""
    return [*BUILT_IN, *sorted(_added().keys() - BUILT_IN.keys())]


def make(spec: MeterSpec) -> Meter:
    """The meter of a spec, its options checked against its constructor. Raises UsageError."""
    maker = _maker(spec.name)
    known = inspect.signature(maker).parameters
    unknown = [key for key in spec.options if key not in known]
    missing = [k for k, p in known.items() if p.default is p.empty and k not in spec.options]
    if unknown or missing:
        raise UsageError(
            f"meter {spec.name} has no such option"
            if unknown
            else f"meter {spec.name} needs an option",
            got=shorten(", ".join(unknown)) if unknown else "nothing",
            expected=", ".join(known) if unknown else ", ".join(missing),
            fix=f"Write --meter {spec.name}:" + ",".join(f"{k}=..." for k in (missing or known)),
        )
    meter: Meter = maker(**spec.options)
    return meter


def summary(name: str) -> str:
    """What a meter says of itself in one line."""
    try:
        return (inspect.getdoc(_maker(name)) or name).partition("\n")[0]
    except UsageError as error:
        return error.message


def _maker(name: str) -> Callable[..., Any]:
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
        return found
    if name not in _added():
        raise UsageError(
            "no such meter", got=shorten(name), expected="one of " + ", ".join(names())
        )
    try:
        found = _added()[name].load()
    except Exception as error:
        raise UsageError(
            f"meter {name} cannot be loaded",
            got=f"{type(error).__name__}: {shorten(error)}",
            expected="a class or function",
            fix="Mend or remove the package that provides it.",
        ) from error
    return found


def _added() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
