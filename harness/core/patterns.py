"""Regular expressions by others: only those that end soon are used."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Sequence
from re import _parser as re_parser  # type: ignore[attr-defined]  # the tree of an expression
from typing import Any

WAYS_A_CHARACTER = 8
"""Ways to fit a pattern to a text from one place on, for each character of the text."""
MAX_COUNT_OF_GROUPS = 64
"""A group with choices of its own is not repeated more often."""
ATOMS = ("LITERAL", "NOT_LITERAL", "ANY", "IN")
"""What fits one character."""


def ends_soon(pattern: str, max_text_chars: int) -> bool:
    """Return whether an expression fits a text, or does not, within seconds, whatever the text.

    Python tries one way after the other to fit an expression to a text. Here they are counted, from
    above: several parts multiply their ways, alternatives add them, and a repeat can end at each
    character. So one repeat without an end is accepted, two are not.

    Args:
        pattern: The expression, from anyone.
        max_text_chars: Length of the longest text that it is held against.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what another release of Python may read otherwise
            re.compile(pattern)
            items = list(re_parser.parse(pattern))
    except (re.error, RecursionError, OverflowError, Warning):
        return False
    return _ways(items, max_text_chars) <= WAYS_A_CHARACTER * max_text_chars


def _ways(items: Sequence[Any], longest: int) -> float:
    """Return how many ways there are at most to fit parsed items to a text, from one place on."""
    return math.prod(_ways_of(str(operator), argument, longest) for operator, argument in items)


def _ways_of(operator: str, argument: Any, longest: int) -> float:
    """Return the same of one item."""
    match operator:
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN" | "AT":
            return 1.0
        case "BRANCH":
            return sum(_ways(branch, longest) for branch in argument[1])
        case "SUBPATTERN":
            return _ways(argument[3], longest)
        case "ASSERT" | "ASSERT_NOT":
            return _ways(argument[1], longest)
        case "ATOMIC_GROUP":
            return _ways(argument, longest)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _ways_to_repeat(argument, longest)
    return math.inf  # a reference back to a group


def _ways_to_repeat(repeat: Sequence[Any], longest: int) -> float:
    low, high, items = int(repeat[0]), int(repeat[1]), repeat[2]
    most = min(high, longest)
    if len(items) == 1 and str(items[0][0]) in ATOMS:
        return float(max(1, most - low + 1))
    ways_once = _ways(items, longest)
    if ways_once == 1:
        return float(max(1, most))  # it may fit nothing at all, as often as it is repeated
    if most > MAX_COUNT_OF_GROUPS:
        return math.inf
    return float(sum(ways_once**count for count in range(most + 1)))
