"""The rules as text and as a document: `joulemark rules [ID]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.auditing.rules import RULES
from harness.auditing.rules.base import Rule
from harness.auditing.rules.reference import fill_lines
from harness.auditing.rules.rulebook import (
    describe_rounds,
    family_of_round,
    limit_text,
    rounds,
    rulebook,
)
from harness.core.schemas import SCHEMA_VERSION
from harness.render.escape import grid

WIDTH = 80
"""Columns of the description of a rule."""


def rules_text() -> str:
    """List all rules, with the severity of each in the newest round of each family."""
    newest = _newest_rounds()
    rows = []
    for rule in RULES:
        severities = [_severity(rulebook(name)["rules"].get(rule.id)) for name in newest]
        rows.append([rule.id, *severities, rule.title])
    heads = ["Rule", *(name.removeprefix("mlperf-") for name in newest), "Says"]
    return grid(heads, rows, "terminal") + "\n"


def _newest_rounds() -> list[str]:
    by_family = {family_of_round(name): name for name in rounds()}  # the last of a family counts
    return sorted(by_family.values())


def _severity(settings: object) -> str:
    return str(settings["severity"]) if isinstance(settings, dict) else "-"


def rule_text(rule: Rule) -> str:
    """Describe one rule: why, on what evidence, what to do, and its limits in each round."""
    parts = [_wrapped(f"{rule.id}: {rule.title}", "  ")]
    for head, text in (("Why", rule.why), ("Evidence", rule.evidence), ("Remedy", rule.remedy)):
        parts.append(_wrapped(f"{head}. {text}", ""))
    parts += [
        _round(name, settings)
        for name, settings in describe_rounds(lambda rules: rules.get(rule.id))
    ]
    return "\n\n".join(parts) + "\n"


def rules_document(chosen: Sequence[Rule] = RULES) -> dict[str, Any]:
    """Make the document of `rules --json`."""
    return {"schema_version": SCHEMA_VERSION, "rules": [_rule_document(rule) for rule in chosen]}


def _rule_document(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "title": rule.title,
        "why": rule.why,
        "evidence": rule.evidence,
        "remedy": rule.remedy,
        "rounds": {name: _settings(name, rule) for name in rounds()},
    }


def _settings(round_name: str, rule: Rule) -> dict[str, Any] | None:
    """Return the settings of a rule in a round; None if the round does not apply it."""
    settings = rulebook(round_name)["rules"].get(rule.id)
    if settings is None:
        return None
    limits = settings.get("limits") or {}
    return {
        "severity": settings["severity"],
        "clause": settings["clause"],
        "limits": {name: {**limit, "why": limit.get("why")} for name, limit in limits.items()},
        "accepts": dict(settings.get("accepts") or {}),
    }


def _round(name: str, settings: Mapping[str, Any] | None) -> str:
    if settings is None:
        return f"{name}: not applied"
    clause = f"{name}: {settings['severity']} [{settings['clause']}]"
    lines = [_wrapped(clause, "  ")]
    for limit, item in (settings.get("limits") or {}).items():
        why = f" ({item['why']})" if item.get("why") else ""
        lines.append(_wrapped(f"  {limit} = {limit_text(item)}{why}", "    "))
    for kind, texts in (settings.get("accepts") or {}).items():
        lines.append(_wrapped(f"  {kind}: {', '.join(texts) or '(no list)'}", "    "))
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> str:
    """Fill the lines of a text; all but the first are indented."""
    return fill_lines(text, WIDTH, indent, break_on_hyphens=False)
