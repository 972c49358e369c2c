"""Cache parsed files by content: rounds often submit one run for two accuracy targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

A = TypeVarTuple("A")
R = TypeVar("R")

MAX_ENTRIES = 6
"""Contents kept by each cache: two runs of each of the three scenarios between two equal files."""
MAX_CONTENT_BYTES = 2**21
"""Larger contents are not kept."""
_clear_functions: list[Callable[[], None]] = []


def clear_all() -> None:
    """Empty all caches, as a measurement of time must."""
    for clear in _clear_functions:
        clear()


def cached_by_content(function: Callable[[bytes, *A], R]) -> Callable[[bytes, *A], R]:
    """Cache the last results of a pure function of a content and further arguments.

    Contents are compared byte by byte. That takes a hundredth of the time of a hash, as few
    contents have the same length.
    """
    entries: tuple[tuple[tuple[bytes, *A], R], ...] = ()

    def clear() -> None:
        nonlocal entries
        entries = ()

    _clear_functions.append(clear)

    @functools.wraps(function)
    def wrapped(content: bytes, *arguments: *A) -> R:
        nonlocal entries
        key = (content, *arguments)
        for cached_key, cached_result in entries:
            if cached_key == key:
                return cached_result
        result = function(*key)
        if len(content) <= MAX_CONTENT_BYTES:
            entries = ((key, result), *entries[: MAX_ENTRIES - 1])
        return result

    return wrapped
