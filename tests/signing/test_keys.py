"""Keys: Ed25519 and nothing else, in the one form that a trust file states."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519

from harness.core.errors import UnreadableError, UsageError
from harness.signing.keys import (
    generate,
    key_id,
    public_line,
    read_private,
    read_public,
    read_public_line,
)
from tests.signing.conftest import unlocked


@pytest.fixture(scope="module")
def other_keys() -> dict[str, Any]:
    """Keys of other kinds."""
    return {
        "RSA": rsa.generate_private_key(public_exponent=65537, key_size=1024),
        "P-256": ec.generate_private_key(ec.SECP256R1()),
        "Ed448": ed448.Ed448PrivateKey.generate(),
        "X25519": x25519.X25519PrivateKey.generate(),
    }


KINDS = ["RSA", "P-256", "Ed448", "X25519"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_public_key_of_another_kind_is_refused(kind: str, other_keys: dict[str, Any]) -> None:
    der = (
        other_keys[kind]
        .public_key()
        .public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ValueError, match="not an Ed25519 public key"):
        read_public_line(base64.b64encode(der).decode())


@pytest.mark.parametrize("kind", KINDS)
def test_a_private_key_of_another_kind_is_refused(
    kind: str, other_keys: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "other.key.pem"
    path.write_bytes(
        other_keys[kind].private_bytes(
            form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
        )
    )
    path.chmod(0o600)
    with pytest.raises(UnreadableError, match="another kind of key"):
        read_private(path, unlocked)


def test_a_public_key_in_any_other_form_is_refused(tmp_path: Path) -> None:
    """One key has one line, so that equal keys are equal text."""
    line = generate(tmp_path, "a").line
    assert public_line(read_public_line(line)) == line
    der = base64.b64decode(line)
    for other in (
        base64.b64encode(der + b"\0").decode(),
        base64.b64encode(der[:-1]).decode(),
        line.replace("=", ""),
        line + " ",
        "",
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            read_public_line(other)


def test_a_public_key_is_read_back_from_its_file_of_three_lines(tmp_path: Path) -> None:
    generate(tmp_path, "a")
    path = tmp_path / "a.pub.pem"
    text = path.read_text("ascii")
    assert public_line(read_public(path)) == text.splitlines()[1]
    for other in (text.split("\n", 1)[1], text + "more\n"):
        path.write_text(other, "ascii")
        with pytest.raises(UnreadableError):
            read_public(path)


def test_a_key_is_named_by_the_hash_of_its_public_half(tmp_path: Path) -> None:
    import hashlib

    made = generate(tmp_path, "a")
    assert made.id == hashlib.sha256(base64.b64decode(made.line)).hexdigest()
    assert key_id(read_private(made.private, unlocked).public_key()) == made.id
    assert made.line in made.public.read_text().replace("\n", "")


def test_a_locked_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    made = generate(tmp_path, "a", b"secret")
    assert key_id(read_private(made.private, lambda: b"secret").public_key()) == made.id
    with pytest.raises(UnreadableError, match="passphrase may be wrong"):
        read_private(made.private, lambda: b"other")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made = generate(tmp_path, "a")
    assert made.private.stat().st_mode & 0o777 == 0o600
    assert made.public.stat().st_mode & 0o777 == 0o644
    for mode in (0o640, 0o604, 0o660):
        made.private.chmod(mode)
        with pytest.raises(UsageError):
            read_private(made.private, unlocked)


def test_no_key_is_overwritten(tmp_path: Path) -> None:
    made = generate(tmp_path, "a")
    before = made.private.read_bytes(), made.public.read_bytes()
    with pytest.raises(UsageError, match="there is a key already"):
        generate(tmp_path, "a")
    made.public.unlink()
    with pytest.raises(UsageError, match="there is a key already"):
        generate(tmp_path, "a")
    assert made.private.read_bytes() == before[0]


@pytest.mark.parametrize("name", ["", "a/b", "..", "-a", "a" * 101, "a b"])
def test_names_that_are_no_file_names_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a name for a key"):
        generate(tmp_path, name)
    assert list(tmp_path.iterdir()) == []
