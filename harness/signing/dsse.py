"""Envelopes by DSSE 1.0 (github.com/secure-systems-lab/dsse).

An envelope holds a payload, its type, and signatures over both. Any reader of DSSE accepts the
envelopes written here. Reading is stricter than DSSE: only the canonical spelling is accepted
(RFC 8785 bytes, base64 of RFC 4648 section 4, a key id with each signature), so that no byte of an
envelope can change unnoticed.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.documents import canonical, parse_json
from harness.core.errors import UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, first_unequal
from harness.signing.keys import key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

MAX_ENVELOPE_BYTES = 2 * MAX_DOCUMENT_BYTES
MAX_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature.

    Attributes:
        key: Id of its key; a hint for finding the key, not evidence.
        value: The signature's bytes.
    """

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its signatures; nothing in it is trusted before a signature is checked.

    Attributes:
        payload_type: Media type of the payload.
        payload: The signed bytes.
        signatures: At least one.
    """

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (pre-authentication encoding).

    Type and payload each follow their length, so that neither can pass for the other.
    """
    name = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def sign(
    payload_type: str, payload: bytes, key: Ed25519PrivateKey, existing: Sequence[Signature] = ()
) -> Envelope:
    """Return an envelope with this key's signature.

    Args:
        payload_type: Media type of the payload.
        payload: The bytes to sign.
        key: The private key.
        existing: Signatures over the same payload; those of other keys are kept.
    """
    signature = Signature(key_id(key.public_key()), key.sign(pae(payload_type, payload)))
    kept = [item for item in existing if item.key != signature.key]
    return Envelope(payload_type, payload, (*kept, signature))


def is_signed_by(envelope: Envelope, signature: Signature, key: Ed25519PublicKey) -> bool:
    """Return whether a signature is this key's, over this payload."""
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature.value, pae(envelope.payload_type, envelope.payload))
    except InvalidSignature:
        return False
    return True


def dump(envelope: Envelope) -> bytes:
    """Return the bytes of an envelope."""
    signatures = [{"keyid": item.key, "sig": _base64(item.value)} for item in envelope.signatures]
    return canonical(
        {
            "payload": _base64(envelope.payload),
            "payloadType": envelope.payload_type,
            "signatures": signatures,
        }
    )


def parse(content: bytes, *, where: str) -> Envelope:
    """Parse an envelope.

    Args:
        content: The bytes.
        where: Name of the file, for errors.

    Raises:
        UnreadableError: The bytes are not an envelope in its canonical spelling.
    """
    document = parse_json(content, where=where)
    try:
        signatures = [
            Signature(_text(s, "keyid"), _decoded(s, "sig")) for s in document["signatures"]
        ]
        envelope = Envelope(
            _text(document, "payloadType"), _decoded(document, "payload"), tuple(signatures)
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(
            "is not a DSSE envelope",
            where=where,
            got=f"{type(error).__name__}: {shorten(error)}",
            expected="payload, payloadType, and signatures of keyid and sig",
        ) from None
    if not 0 < len(signatures) <= MAX_SIGNATURES:
        raise UnreadableError(
            "has an unacceptable number of signatures",
            where=where,
            got=str(len(signatures)),
            expected=f"1 to {MAX_SIGNATURES}",
        )
    canonical_bytes = dump(envelope)
    if canonical_bytes != content:
        at = first_unequal(canonical_bytes, content)
        raise UnreadableError(
            "is not in its canonical spelling",
            where=where,
            got=f"byte {at}: {content[at : at + 20]!r}",
            expected=f"{canonical_bytes[at : at + 20]!r}, as RFC 8785 and RFC 4648 spell it",
        )
    return envelope


def _text(item: Any, name: str) -> str:
    if not isinstance(item[name], str):
        raise TypeError(f"{name} is not text")
    return str(item[name])


def _decoded(item: Any, name: str) -> bytes:
    return base64.b64decode(_text(item, name), validate=True)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
