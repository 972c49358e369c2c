"""Find rules by name, and choose those to apply."""

from __future__ import annotations

from collections.abc import Iterable

from harness.auditing.rules import BY_ID, BY_NAME
from harness.auditing.rules.base import Rule
from harness.core.suggestions import unknown_name


def choose(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> frozenset[str] | None:
    """Return the ids of the rules to apply, or None for all.

    Args:
        select: Ids of the rules to apply; empty for all.
        ignore: Ids of rules to leave out.

    Raises:
        UsageError: An id that no rule has; the message names rules with a similar id.
    """
    selected = {find_rule(name).id for name in sorted(set(select))}
    ignored = {find_rule(name).id for name in sorted(set(ignore))}
    if not selected and not ignored:
        return None
    return frozenset((selected or set(BY_ID)) - ignored)


def find_rule(name: str) -> Rule:
    """Return the rule with this id, or with this former id.

    Raises:
        UsageError: No rule has it; the message names rules with a similar id.
    """
    if name in BY_NAME:
        return BY_NAME[name]
    raise unknown_name("no rule has this id", name, BY_ID, fix="`joulemark rules` lists all rules.")
