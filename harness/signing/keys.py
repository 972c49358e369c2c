"""Ed25519 keys (RFC 8032): made, written and read. `cryptography` does the mathematics."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.files import read_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PRIVATE, PUBLIC = ".key.pem", ".pub.pem"
KEY_BYTES = 64 * 1024
"""No key file is larger [bytes]."""
Passphrase = Callable[[], bytes]
"""Asked for the passphrase of a key that is locked."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A new pair of keys. id: what signatures name it by; line: the public key as a trust file gives it"""

    private: Path
    public: Path
    id: str
    line: str


def generate(folder: Path, name: str, passphrase: bytes | None = None) -> KeyFiles:
    """Make a pair of keys and write `<name>.key.pem` (PKCS #8, for its owner's eyes only) and `<name>.pub.pem`.

    Raises UsageError where one of them is there: a key is never written over.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not re.fullmatch(r"[\w][\w.-]{0,99}", name):
        raise UsageError(
            "is no name of a key", got=shorten(repr(name)), expected="letters, digits, . _ -"
        )
    private, public = folder / f"{name}{PRIVATE}", folder / f"{name}{PUBLIC}"
    if public.exists():
        raise _there(public)
    key = Ed25519PrivateKey.generate()
    locked = form.BestAvailableEncryption(passphrase) if passphrase else form.NoEncryption()
    _write_new(
        private, key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked), 0o600
    )
    pem = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    _write_new(public, pem, 0o644)
    return KeyFiles(private, public, key_id(key.public_key()), public_line(key.public_key()))


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _there(path: Path) -> UsageError:
    return UsageError(
        "there is a key already",
        where=str(path),
        fix="Choose another --out or --name; it is untouched.",
    )


def read_private(path: Path, passphrase: Passphrase) -> Ed25519PrivateKey:
    """The private key of a PEM file. Raises UnreadableError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    content, expected = (
        read_bytes(path, limit=KEY_BYTES),
        "an Ed25519 private key (joulemark keygen)",
    )
    try:
        try:
            key = load_pem_private_key(content, password=None)
        except TypeError:  # it is locked
            key = load_pem_private_key(content, password=passphrase())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnreadableError(
            "is no private key that can be read",
            where=str(path),
            got=shorten(error),
            expected=expected,
            fix="If it is locked, the passphrase may be wrong.",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnreadableError("is a key of another kind", where=str(path), expected=expected)
    return key


def read_public_line(line: str) -> Ed25519PublicKey:
    """The public key of `public_line`. Raises ValueError where it is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(base64.b64decode(line, validate=True))
    if not isinstance(key, Ed25519PublicKey) or public_line(key) != line:
        raise ValueError("not an Ed25519 public key")
    return key


def public_line(key: Ed25519PublicKey) -> str:
    """A public key in one line: base64 of its SubjectPublicKeyInfo (RFC 8410), as between the lines of its PEM."""
    return base64.b64encode(_der(key)).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal."""
    return hashlib.sha256(_der(key)).hexdigest()


def _der(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
