"""What was made of a file is not made of its twin again: rounds hold one run as the results of two targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

A = TypeVarTuple("A")
R = TypeVar("R")

KEPT, LONGEST = 6, 2**21
"""So many contents are kept, none beyond this size [bytes]: two runs each of the three scenarios between twins."""
_forget: list[Callable[[], None]] = []


def clear_all() -> None:
    """Forget all that was made, as a measurement of time must."""
    for forget in _forget:
        forget()


def cached_by_content(make: Callable[[bytes, *A], R]) -> Callable[[bytes, *A], R]:
    """`make`, a pure function of a content and more, asked once for each of the contents it had last.

    They are compared byte by byte: that takes a hundredth of the time a hash does, as few have the same length.
    """
    kept: tuple[tuple[tuple[bytes, *A], R], ...] = ()

    def forget() -> None:
        nonlocal kept
        kept = ()

    _forget.append(forget)

    @functools.wraps(make)
    def wrapped(content: bytes, *more: *A) -> R:
        nonlocal kept
        asked = (content, *more)
        for known, made in kept:
            if known == asked:
                return made
        made = make(*asked)
        if len(content) <= LONGEST:
            kept = ((asked, made), *kept[: KEPT - 1])
        return made

    return wrapped
