"""The audit rules, one module per rule, grouped by what they examine.

Every module in the group packages below that defines ``RULE`` is a rule; nothing else lists it.
In ``endpoints`` a module defines ``RULES``: one family of the checks of MLPerf's own checker, under
its names.
Limits are not here: they are data, in one rulebook per round (``rulebooks/``).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from harness.auditing.rules.base import Rule

GROUPS = (
    "timing",
    "readings",
    "plausibility",
    "session",
    "analyzer",
    "runs",
    "endpoints",
    "evidence",
)
"""Group packages, in the order in which rules run and reports list them."""


def _discover() -> Iterator[Rule]:
    """Yield the rules of each module, group by group, alphabetically within a group."""
    for group in GROUPS:
        package = importlib.import_module(f"{__name__}.{group}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
            content = importlib.import_module(f"{package.__name__}.{module.name}")
            yield from (content.RULES if hasattr(content, "RULES") else (content.RULE,))


RULES: tuple[Rule, ...] = tuple(_discover())
"""All rules, in the order of rules.md."""

BY_ID = {rule.id: rule for rule in RULES}
"""Rules by their id."""

BY_NAME = {alias: rule for rule in RULES for alias in rule.aliases} | BY_ID
"""Rules by their id and by every id that they had in earlier releases."""
