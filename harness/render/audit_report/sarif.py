"""Audit findings as SARIF 2.1.0, the format that code-review tools read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from harness import __version__
from harness.auditing.report import EntryReport, Finding, Location, Report, Status
from harness.auditing.rules import BY_ID, RULES
from harness.render.escape import plain

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: dict[Status, tuple[str, str]] = {
    "fail": ("fail", "error"),
    "warn": ("fail", "warning"),
    "skip": ("notApplicable", "none"),
    "error": ("open", "none"),
}
"""Kind and level of each status. A rule that broke leaves an open question."""
_RULE_INDEX = {rule.id: number for number, rule in enumerate(RULES)}


def sarif_text(report: Report) -> str:
    """Return the report as JSON, one result for each finding."""
    results = [_result(entry, finding) for entry in report.entries for finding in entry.findings]
    results += [_unreadable(path, reason) for path, reason in report.unreadable]
    driver = {"name": "joulemark", "semanticVersion": __version__, "rules": list(_rules())}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": results,
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=True) + "\n"


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
    measured = f"got {plain(finding.got)}, expected {plain(finding.expected_with_unit)}"
    message = f"{measured}. {plain(finding.fix)} [{plain(finding.clause)}]"
    return _rule_reference(finding.rule) | {
        "kind": kind,
        "level": level,
        "message": {"text": message},
        "locations": [_location(entry.id, finding.where, finding.location)],
        "partialFingerprints": {
            "joulemark/v1": _fingerprint(entry.id, finding.rule, finding.where, finding.got)
        },
        "properties": {
            "entry": plain(entry.id),
            "round": entry.round,
            "verdict": entry.verdict,
            "severity": finding.severity,
        },
    }


def _rule_reference(rule: str) -> dict[str, Any]:
    if rule not in BY_ID:
        return {"ruleId": rule}
    return {"ruleId": rule, "ruleIndex": _RULE_INDEX[rule]}


def _location(entry_id: str, where: str, location: Location | None) -> dict[str, Any]:
    """Return the file of a finding, or the folder of its entry, and always the place in words."""
    path, line = plain(where).partition(", line ")[0], None
    if location is not None:
        path, line = plain(location.file or str(location)), location.line
    uri = plain(entry_id if where == entry_id else f"{entry_id}/{path}")
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(uri.lstrip("/"), safe="/")}}
    if line is not None:
        physical["region"] = {"startLine": line}
    name = f"{plain(entry_id)}: {plain(where)}"
    return {"physicalLocation": physical, "logicalLocations": [{"fullyQualifiedName": name}]}


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _unreadable(path: str, reason: str) -> dict[str, Any]:
    kind, level = LEVELS["error"]
    return _rule_reference("evidence-readable") | {
        "kind": kind,
        "level": level,
        "message": {"text": f"could not be read: {plain(reason)}"},
        "locations": [_location(path, path, None)],
        "partialFingerprints": {"joulemark/v1": _fingerprint(path, "unreadable")},
    }
