"""Ed25519 keys (RFC 8032): generate, write and read them, with the package `cryptography`."""

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
from harness.core.files import read_bytes, refuse_shared

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PRIVATE, PUBLIC = ".key.pem", ".pub.pem"
MAX_KEY_BYTES = 64 * 1024
"""No key file is larger."""
Passphrase = Callable[[], bytes]
"""Called for the passphrase of an encrypted key."""


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """A new pair of keys.

    Attributes:
        private: File of the private key.
        public: File of the public key.
        id: What signatures name the key by.
        line: The public key as a trust file states it.
    """

    private: Path
    public: Path
    id: str
    line: str


def generate(folder: Path, name: str, passphrase: bytes | None = None) -> KeyFiles:
    """Generate a pair of keys, and write `<name>.key.pem` and `<name>.pub.pem`.

    The private key is PKCS #8, readable by its owner only. A key is never overwritten.

    Args:
        folder: Where to write.
        name: Name of the files.
        passphrase: Encrypts the private key.

    Raises:
        UsageError: The name is not acceptable, or one of the files exists.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not re.fullmatch(r"[\w][\w.-]{0,99}", name):
        raise UsageError(
            "is not a name for a key", got=shorten(repr(name)), expected="letters, digits, . _ -"
        )
    private, public = folder / f"{name}{PRIVATE}", folder / f"{name}{PUBLIC}"
    if public.exists():
        raise _exists_already(public)
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
        raise _exists_already(path) from None
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _exists_already(path: Path) -> UsageError:
    return UsageError(
        "there is a key already",
        where=str(path),
        fix="Choose another --out or --name; the key was not changed.",
    )


def read_private(path: Path, passphrase: Passphrase) -> Ed25519PrivateKey:
    """Read the private key of a PEM file.

    Raises:
        UnreadableError: The file is not an Ed25519 private key, or the passphrase is wrong.
        UsageError: Others may read the file.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    expected = "an Ed25519 private key (joulemark keygen)"
    content = read_bytes(path, limit=MAX_KEY_BYTES)
    try:
        try:
            key = load_pem_private_key(content, password=None)
        except TypeError:  # it is encrypted
            key = load_pem_private_key(content, password=passphrase())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnreadableError(
            "is not a readable private key",
            where=str(path),
            got=shorten(error),
            expected=expected,
            fix="If it is encrypted, the passphrase may be wrong.",
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UnreadableError("is another kind of key", where=str(path), expected=expected)
    refuse_shared(path)
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """Read a public key as `generate` writes it.

    Raises:
        UnreadableError: The file has no Ed25519 public key.
    """
    lines = read_bytes(path, limit=MAX_KEY_BYTES).decode("ascii", "replace").splitlines()
    try:
        return read_public_line(lines[1] if len(lines) == 3 else "")
    except ValueError:
        raise UnreadableError(
            "is no public key",
            where=str(path),
            expected="a file like lab.pub.pem, as joulemark keygen writes it",
        ) from None


def read_public_line(line: str) -> Ed25519PublicKey:
    """Parse what `public_line` returns.

    Raises:
        ValueError: The line is not an Ed25519 public key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    key = load_der_public_key(base64.b64decode(line, validate=True))
    if not isinstance(key, Ed25519PublicKey) or public_line(key) != line:
        raise ValueError("not an Ed25519 public key")
    return key


def public_line(key: Ed25519PublicKey) -> str:
    """Return a public key in one line: base64 of its SubjectPublicKeyInfo (RFC 8410).

    It is the line between BEGIN and END of the PEM file.
    """
    return base64.b64encode(_der(key)).decode()


def key_id(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal."""
    return hashlib.sha256(_der(key)).hexdigest()


def _der(key: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    return key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
