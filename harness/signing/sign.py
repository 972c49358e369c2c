"""Sign a submission: an envelope over its manifest, beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.files import read_bytes, write_text
from harness.signing import dsse
from harness.signing.manifest import ENVELOPE, MANIFEST, compare, parse_manifest, read_manifest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MANIFEST_TYPE = "application/vnd.joulemark.manifest+json"


def sign(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Write the envelope, or add a signature to it; the file. Raises JoulemarkError, and then nothing is written.

    A submission whose files are not those of its manifest is refused, and so is an envelope over another manifest.
    """
    manifest = whole_manifest(folder)
    others = _signatures(folder / ENVELOPE, manifest)
    envelope = dsse.sign(MANIFEST_TYPE, manifest, key, others)
    write_text(folder / ENVELOPE, dsse.dump(envelope).decode())
    return folder / ENVELOPE


def whole_manifest(folder: Path) -> bytes:
    """The manifest of a submission, all of whose files are as it lists them. Raises JoulemarkError."""
    manifest = read_manifest(folder)
    found = list(compare(folder, parse_manifest(manifest)))
    if found:
        more = f", and {len(found) - 1} more differences" if found[1:] else ""
        raise UsageError(
            "is not what its manifest lists",
            where=f"{folder}/{found[0].where}",
            got=f"{found[0].got}{more}",
            expected=found[0].expected,
            fix="Pack it again; what is signed is what was packed.",
        )
    return manifest


def signed_manifest(folder: Path) -> bytes:
    """The manifest of a submission that is whole and has an envelope over it. Raises JoulemarkError."""
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
    """Those that are there."""
    if not path.exists():
        return ()
    there = dsse.parse(read_bytes(path, limit=dsse.MAX_ENVELOPE_BYTES), where=str(path))
    if (there.payload_type, there.payload) != (MANIFEST_TYPE, manifest):
        raise UsageError(
            "is a signature of something else",
            where=str(path),
            expected=f"the {MANIFEST} beside it",
            fix="Remove it, if this manifest is the one to be signed.",
        )
    return there.signatures
