"""Suggest the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from harness.core.errors import UsageError, shorten

MIN_SIMILARITY = 0.6
MAX_SUGGESTIONS = 3
MAX_LISTED = 20


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """Return a question that names the closest candidates, or an empty text if none is close."""
    by_folded_name = {candidate.casefold(): candidate for candidate in candidates}
    close = difflib.get_close_matches(
        name.strip().casefold()[:100], by_folded_name, MAX_SUGGESTIONS, MIN_SIMILARITY
    )
    if not close:
        return ""
    return f"Did you mean {' or '.join(by_folded_name[folded] for folded in close)}?"


def unknown_name(
    message: str, name: str, candidates: Iterable[str], *, where: str = "", fix: str = ""
) -> UsageError:
    """Build the error for a name that is not among the candidates.

    Args:
        message: What is wrong, like "no such meter".
        name: The name that was asked for.
        candidates: All names that would have been right.
        where: The option, file or object that holds the name.
        fix: Remedy besides the suggestion, as one or more sentences.

    Returns:
        The error, to be raised by the caller; it suggests the closest names.
    """
    names = list(candidates)
    listed = ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
    remedy = " ".join(filter(None, (suggestion(name, names), fix)))
    return UsageError(
        message, where=where, got=shorten(name, 60), expected=f"one of {listed}", fix=remedy
    )
