"""Sign a submission.

The signature covers the manifest, which lists every file with its hash. It is kept in an envelope
(DSSE) beside the manifest; several people can sign the same one.
"""

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
    """Sign the manifest of a submission, and write the envelope or add the signature to it.

    Args:
        folder: The submission.
        key: The private key to sign with.

    Returns:
        The path of the envelope.

    Raises:
        JoulemarkError: The files differ from the manifest, or the envelope that exists signs
            another manifest. Nothing is written.
    """
    manifest = whole_manifest(folder)
    existing = _signatures(folder / ENVELOPE, manifest)
    envelope = dsse.sign(MANIFEST_TYPE, manifest, key, existing)
    write_text(folder / ENVELOPE, dsse.dump(envelope).decode())
    return folder / ENVELOPE


def whole_manifest(folder: Path) -> bytes:
    """Return the manifest of a submission, after checking that it matches the files.

    Raises:
        JoulemarkError: The files differ from the manifest.
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
    """Return the manifest of a submission, after checking its files and that it has a signature.

    The signature itself is not verified.

    Raises:
        JoulemarkError: The files differ from the manifest, or there is no signature.
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
    """Return the signatures that an envelope holds over a manifest; none if there is no envelope.

    Raises:
        JoulemarkError: The envelope cannot be read, or signs something else.
    """
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
