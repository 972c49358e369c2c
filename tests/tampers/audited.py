"""Tampers that the test of their rule audits already, so that each is audited once."""

from __future__ import annotations

import functools
from pathlib import Path

RULE_TESTS = Path(__file__).parents[1] / "auditing" / "rules"


@functools.cache
def _text(rule: str) -> str:
    """The source of the test of a rule."""
    (path,) = RULE_TESTS.glob(f"*/test_{rule.replace('-', '_')}.py")
    return path.read_text("utf-8")


def by_its_rule(rule: str, edit: str) -> bool:
    """Whether the test of a rule audits a tamper, and says more of its finding than we do here."""
    text = _text(rule)
    return any(f"{module}.{edit}{end}" in text for module in ("t", "native") for end in ")(,\n]")
