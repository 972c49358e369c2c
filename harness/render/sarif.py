"""Audit findings as SARIF 2.1.0, the form that code-review tools read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from harness import __version__
from harness.auditing.report import EntryReport, Finding, Report
from harness.auditing.rules import BY_ID, RULES
from harness.render.escape import plain

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    "fail": ("fail", "error"),
    "warn": ("fail", "warning"),
    "skip": ("notApplicable", "none"),
    "error": ("open", "none"),
}
"""Status -> (kind, level). A rule that broke, or an entry that cannot be read, is an open question."""
_INDEX = {rule.id: number for number, rule in enumerate(RULES)}


def sarif_text(report: Report) -> str:
    """The whole report, one result for each finding."""
    results = [_result(entry, finding) for entry in report.entries for finding in entry.findings]
    results += [_unreadable(path, reason) for path, reason in report.unreadable]
    run = {
        "tool": {
            "driver": {"name": "joulemark", "semanticVersion": __version__, "rules": list(_rules())}
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": results,
    }
    return (
        json.dumps(
            {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1, ensure_ascii=True
        )
        + "\n"
    )


def _rules() -> Iterator[dict[str, Any]]:
    for rule in RULES:
        yield {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.why},
            "help": {"text": f"{rule.evidence} {rule.remedy}"},
            "defaultConfiguration": {"level": "error"},
        }


def _result(entry: EntryReport, finding: Finding) -> dict[str, Any]:
    kind, level = LEVELS[finding.status]
    unit = f" {plain(finding.unit)}" if finding.unit else ""
    text = (
        f"got {plain(finding.got)}, expected {plain(finding.expected)}{unit}. {plain(finding.fix)}"
    )
    return _with_index(finding.rule) | {
        "kind": kind,
        "level": level,
        "message": {"text": f"{text} [{plain(finding.clause)}]"},
        "locations": [_location(entry.id, finding.where)],
        "partialFingerprints": {
            "joulemark/v1": _print(entry.id, finding.rule, finding.where, finding.got)
        },
        "properties": {"entry": plain(entry.id), "round": entry.round, "verdict": entry.verdict},
    }


def _with_index(rule: str) -> dict[str, Any]:
    return {"ruleId": rule} | ({"ruleIndex": _INDEX[rule]} if rule in BY_ID else {})


def _location(entry: str, where: str) -> dict[str, Any]:
    """The file where the finding is in one, always its place in words."""
    clean = plain(where).split(", line ")[0]
    uri = entry if where == entry else f"{entry}/{clean}"
    name = {"logicalLocations": [{"fullyQualifiedName": f"{plain(entry)}: {plain(where)}"}]}
    return {
        "physicalLocation": {"artifactLocation": {"uri": quote(plain(uri).lstrip("/"), safe="/")}}
    } | name


def _print(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _unreadable(path: str, reason: str) -> dict[str, Any]:
    kind, level = LEVELS["error"]
    return _with_index("evidence-readable") | {
        "kind": kind,
        "level": level,
        "message": {"text": f"could not be read: {plain(reason)}"},
        "locations": [_location(path, path)],
        "partialFingerprints": {"joulemark/v1": _print(path, "unreadable")},
    }
