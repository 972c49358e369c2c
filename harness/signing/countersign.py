"""Countersign: an auditor signs which audit report belongs to which manifest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.documents import canonical
from harness.core.errors import UsageError
from harness.core.files import sha256, write_text
from harness.core.schemas import SCHEMA_VERSION, check
from harness.core.timestamps import to_iso
from harness.signing import dsse
from harness.signing.manifest import COUNTERSIGNATURE, parse_canonical, parse_manifest
from harness.signing.sign import signed_manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

COUNTERSIGNATURE_TYPE = "application/vnd.joulemark.countersignature+json"


def countersign(folder: Path, report: Mapping[str, Any], key: Ed25519PrivateKey) -> Path:
    """Write the countersignature of a signed submission.

    Args:
        folder: The submission.
        report: What `joulemark audit SUBMISSION --json` printed.
        key: The auditor's private key.

    Returns:
        The file.

    Raises:
        JoulemarkError: The submission is not whole or not signed; nothing is written.
    """
    target = folder / COUNTERSIGNATURE
    if target.exists():
        raise UsageError(
            "there is a countersignature already",
            where=str(target),
            fix="Remove it, if it is not right.",
        )
    manifest = signed_manifest(folder)
    document = statement(manifest, report, to_iso(time.time_ns()))
    envelope = dsse.sign(COUNTERSIGNATURE_TYPE, canonical(document), key)
    write_text(target, dsse.dump(envelope).decode())
    return target


def statement(manifest: bytes, report: Mapping[str, Any], date: str) -> dict[str, Any]:
    """Return the statement that an auditor signs.

    Raises:
        UsageError: The report leaves out an entry of the manifest.
    """
    stated = parse_manifest(manifest)
    verdicts = {entry["id"]: entry["verdict"] for entry in report["entries"]}
    verdicts |= {item["path"]: "unjudged" for item in report["unreadable"]}
    for entry in stated["entries"]:
        if entry["id"] not in verdicts:
            raise UsageError(
                "the report leaves out an entry",
                where=entry["id"],
                got=", ".join(verdicts) or "no entry",
                expected=entry["id"],
                fix="Audit this folder: joulemark audit SUBMISSION --json > audit.json",
            )
    document = {
        "schema_version": SCHEMA_VERSION,
        "date": date,
        "submitter": stated["submitter"],
        "round": stated["round"],
        "manifest_sha256": sha256(manifest),
        "report_sha256": sha256(canonical(report)),
        "entries": [
            {"id": entry["id"], "verdict": verdicts[entry["id"]]} for entry in stated["entries"]
        ],
    }
    check("countersignature", document, where=COUNTERSIGNATURE)
    return document


def parse_statement(content: bytes) -> dict[str, Any]:
    """Parse the statement of a countersignature.

    Raises:
        JoulemarkError: The bytes are not a valid statement in canonical form.
    """
    return parse_canonical("countersignature", content, COUNTERSIGNATURE)
