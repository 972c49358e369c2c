"""Take numbers and times out of JSON that a device answered."""

from __future__ import annotations

import math
from typing import Any

from harness.core.errors import JoulemarkError, shorten
from harness.core.numbers import plain_number
from harness.core.timestamps import NS, from_iso
from harness.meters.network.points import Sample

MILLISECONDS_FROM = 1e11
"""A number above is a time in milliseconds since 1970, one below in seconds."""


def at(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) leads to; None where it leads nowhere."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def sample(document: Any, pointer: str, stamp_pointer: str = "") -> Sample | str:
    """Return the number at a pointer with its time, or why there is none."""
    value = at(document, pointer)
    number = as_number(value)
    if number is None:
        shown = "nothing" if value is None else shorten(repr(value), 40)
        return f"no number at {pointer or 'the message'}, but {shown}"
    return Sample(number, as_time_ns(at(document, stamp_pointer)) if stamp_pointer else None)


def as_number(value: Any) -> float | None:
    """Return a JSON number, or a text that states one, as a float; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None
    return plain_number(value) if isinstance(value, str) else None


def as_time_ns(value: Any) -> int | None:
    """Return a time [ns UTC]: seconds or milliseconds since 1970, or ISO 8601; None otherwise."""
    number = as_number(value)
    if number is not None:
        seconds = number / 1000 if number > MILLISECONDS_FROM else number
        return round(seconds * NS) if 0 < seconds < MILLISECONDS_FROM else None
    if not isinstance(value, str):
        return None
    try:
        return from_iso(value)
    except JoulemarkError:
        return None
