"""Find the readers of formats: every module of this package that defines ``FORMAT``.

Nothing lists the readers by hand. A new one is a module in ``harness/formats`` or in one of the
packages of ``GROUPS``, whose object ``FORMAT`` fulfils :class:`harness.formats.base.Format`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator

from harness.core.suggestions import unknown_name
from harness.formats.base import Format

GROUPS = (
    "harness.formats",
    "harness.formats.mlperf",
    "harness.formats.mlperf.endpoints",
    "harness.formats.loggers",
)
"""Packages whose modules may be readers."""


@functools.cache
def formats() -> tuple[Format, ...]:
    """Return all readers in the order in which they are asked whether a folder is theirs."""
    return tuple(sorted(_discover(), key=lambda reader: (reader.priority, reader.name)))


def _discover() -> Iterator[Format]:
    for group in GROUPS:
        package = importlib.import_module(group)
        for info in pkgutil.iter_modules(package.__path__):
            if info.ispkg or info.name in _NOT_READERS:
                continue
            module = importlib.import_module(f"{group}.{info.name}")
            reader: Format | None = getattr(module, "FORMAT", None)
            if reader is not None:
                yield reader


_NOT_READERS = frozenset({"registry", "discovery", "load"})
"""Modules that import this one."""


def formats_named(name: str | None) -> tuple[Format, ...]:
    """Return all readers, or the one of a name.

    Raises:
        UsageError: No reader has the name.
    """
    chosen = tuple(reader for reader in formats() if name in (None, reader.name))
    if not chosen:
        names = [reader.name for reader in formats()]
        raise unknown_name("no such format", str(name), names)
    return chosen
