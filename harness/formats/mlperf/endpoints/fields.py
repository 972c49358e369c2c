"""Take fields out of documents that strangers wrote: a value of another type is absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.numbers import stated_number
from harness.core.schemas import MAX_EXACT_INTEGER

MAX_COUNT = MAX_EXACT_INTEGER
"""Largest count that is read: beyond it numbers of JSON are not exact."""


def number_in(document: object, *path: str) -> float | None:
    """Return the finite number at a path of keys; ``None`` if there is none."""
    value = value_in(document, *path)
    return None if isinstance(value, str) else stated_number(value)


def count_in(document: object, *path: str) -> int | None:
    """Return the whole number from 0 to MAX_COUNT at a path of keys; ``None`` if there is none."""
    value = number_in(document, *path)
    if value is None or not 0 <= value <= MAX_COUNT or value != int(value):
        return None
    return int(value)


def text_in(document: object, *path: str) -> str:
    """Return the text at a path of keys; empty if there is none."""
    value = value_in(document, *path)
    return value if isinstance(value, str) else ""


def mapping_in(document: object, *path: str) -> Mapping[str, Any]:
    """Return the object at a path of keys; an empty one if there is none."""
    value = value_in(document, *path)
    return value if isinstance(value, Mapping) else {}


def list_in(document: object, *path: str) -> Sequence[Any]:
    """Return the list at a path of keys; an empty one if there is none."""
    value = value_in(document, *path)
    return value if isinstance(value, list) else ()


def value_in(document: object, *path: str) -> object:
    """Return whatever stands at a path of keys; ``None`` if nothing does."""
    value = document
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value
