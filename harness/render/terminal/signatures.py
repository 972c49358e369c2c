"""What a verification found, as text and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.core.errors import shorten
from harness.core.schemas import SCHEMA_VERSION
from harness.signing.verify import STEPS, Verification


def verification_text(found: Iterable[Verification]) -> str:
    """A line for each submission, and below it what speaks against it."""
    return "".join(f"{line}\n" for item in found for line in _lines(item))


def _lines(item: Verification) -> list[str]:
    signed = (
        ", ".join(f"{shorten(name)} (key {key[:16]})" for name, key in item.signers) or "nobody"
    )
    also = ", ".join(f"{shorten(name)} (key {key[:16]})" for name, key in item.auditors)
    also = f", countersigned by {also}" if also else ""
    if not item.faults:
        return [f"verified  {item.folder}: {item.files} files, signed by {signed}{also}"]
    lines = [f"REFUSED   {item.folder}: {len(item.faults)} finding{'s' if item.faults[1:] else ''}"]
    for fault in item.faults:
        lines.append(f"  step {fault.step}, {STEPS[fault.step]}: {fault.where}")
        lines.append(f"        got {fault.got}, expected {fault.expected}")
    return lines


def verification_document(
    found: Iterable[Verification], unreadable: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """The document of `verify --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "submissions": [_submission(item) for item in found],
        "unreadable": [{"path": path, "reason": reason} for path, reason in unreadable],
    }


def _submission(item: Verification) -> dict[str, Any]:
    return {
        "path": str(item.folder),
        "verified": not item.faults,
        "submitter": item.submitter,
        "files": item.files,
        "signers": [{"name": name, "key": key} for name, key in item.signers],
        "auditors": [{"name": name, "key": key} for name, key in item.auditors],
        "findings": [
            {
                "step": f.step,
                "name": STEPS[f.step],
                "where": f.where,
                "got": f.got,
                "expected": f.expected,
            }
            for f in item.faults
        ],
    }
