"""Sign a submission: an envelope over its manifest, beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.files import read_bytes, write_text
from harness.signing import dsse
from harness.signing.manifest import (
    ENVELOPE,
    MANIFEST,
    differences,
    parse_manifest,
    read_manifest,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MANIFEST_TYPE = "application/vnd.joulemark.manifest+json"


def sign(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Write the envelope, or add a signature to it.

    Returns:
        The file.

    Raises:
        JoulemarkError: The files are not those of the manifest, or there is an envelope over
            another manifest; nothing is written.
    """
    manifest = whole_manifest(folder)
    existing = _signatures(folder / ENVELOPE, manifest)
    envelope = dsse.sign(MANIFEST_TYPE, manifest, key, existing)
    write_text(folder / ENVELOPE, dsse.dump(envelope).decode())
    return folder / ENVELOPE


def whole_manifest(folder: Path) -> bytes:
    """Read the manifest of a submission whose files are as it lists them.

    Raises:
        JoulemarkError: They are not.
    """
    manifest = read_manifest(folder)
    unequal = list(differences(folder, parse_manifest(manifest)))
    if unequal:
        first = unequal[0]
        more = f", and {len(unequal) - 1} more differences" if unequal[1:] else ""
        raise UsageError(
            "is not what its manifest lists",
            where=f"{folder}/{first.where}",
            got=f"{first.got}{more}",
            expected=first.expected,
            fix="Pack it again; what is signed is what was packed.",
        )
    return manifest


def signed_manifest(folder: Path) -> bytes:
    """Read the manifest of a submission that is whole and signed.

    Raises:
        JoulemarkError: It is not.
    """
    manifest = whole_manifest(folder)
    if not _signatures(folder / ENVELOPE, manifest):
        raise UsageError(
            "is not signed",
            where=str(folder),
            expected=ENVELOPE,
            fix="joulemark sign SUBMISSION --key FILE.",
        )
    return manifest


def _signatures(path: Path, manifest: bytes) -> tuple[dsse.Signature, ...]:
    """Return the signatures over a manifest that exist already."""
    if not path.exists():
        return ()
    envelope = dsse.parse(read_bytes(path, limit=dsse.MAX_ENVELOPE_BYTES), where=str(path))
    if (envelope.payload_type, envelope.payload) != (MANIFEST_TYPE, manifest):
        raise UsageError(
            "is a signature of something else",
            where=str(path),
            expected=f"the {MANIFEST} beside it",
            fix="Remove it, if this manifest is the one to be signed.",
        )
    return envelope.signatures
