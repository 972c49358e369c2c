"""The result of verifying submissions, as text and as a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.core.errors import shorten
from harness.core.schemas import SCHEMA_VERSION
from harness.signing.anchors import Times
from harness.signing.verify import STEPS, Fault, Verification


def verification_text(verifications: Iterable[Verification]) -> str:
    """Format a line for each submission, with its faults below."""
    lines = [line for item in verifications for line in _lines(item)]
    return "".join(f"{line}\n" for line in lines)


def _lines(item: Verification) -> list[str]:
    if not item.faults:
        signed = f"signed by {_owners(item.signers) or 'nobody'}"
        if item.auditors:
            signed += f", countersigned by {_owners(item.auditors)}"
        return [f"verified  {item.folder}: {item.files} files, {signed}", *_commitments(item)]
    plural = "s" if len(item.faults) > 1 else ""
    lines = [f"REFUSED   {item.folder}: {len(item.faults)} finding{plural}"]
    for fault in item.faults:
        lines.append(f"  step {fault.step}, {STEPS[fault.step]}: {fault.where}")
        lines.append(f"        got {fault.got}, expected {fault.expected}")
    return lines


def _commitments(item: Verification) -> list[str]:
    """Say who signed the plan of the runs, and what anchors show."""
    lines = []
    if item.plan_signers:
        lines.append(f"  plan signed by {_owners(item.plan_signers)}")
    if item.anchors is not None:
        lines.append(f"  {_times(item.anchors.held)} hold")
        if item.anchors.stamped.count:
            lines.append(f"  {_times(item.anchors.stamped)} by the clock of an authority")
    return lines


def _times(times: Times) -> str:
    if not times.count:
        return "no anchors"
    plural = "s" if times.count > 1 else ""
    return f"{times.count} anchor{plural} from {shorten(times.first)} to {shorten(times.last)}"


def _owners(signatures: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{shorten(name)} (key {key[:16]})" for name, key in signatures)


def verification_document(
    verifications: Iterable[Verification], unreadable: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Make the document of `verify --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "submissions": [_submission(item) for item in verifications],
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
        "plan_signers": [{"name": name, "key": key} for name, key in item.plan_signers],
        "anchors": None
        if item.anchors is None
        else {"held": _range(item.anchors.held), "stamped": _range(item.anchors.stamped)},
        "findings": [_fault(fault) for fault in item.faults],
    }


def _range(times: Times) -> dict[str, Any]:
    return {"count": times.count, "first": times.first, "last": times.last}


def _fault(fault: Fault) -> dict[str, Any]:
    return {
        "step": fault.step,
        "name": STEPS[fault.step],
        "where": fault.where,
        "got": fault.got,
        "expected": fault.expected,
    }
