"""Keys and envelopes: published vectors, one spelling, and no envelope that exhausts the reader."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UnreadableError, UsageError
from harness.signing import dsse
from harness.signing.keys import generate, key_id, public_line, read_private, read_public_line
from tests.signing.conftest import unlocked

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
]
"""Secret key, public key, message, signature: RFC 8032, section 7.1, tests 1 and 2."""


@pytest.mark.parametrize(
    ("secret", "public", "message", "signature"), RFC_8032, ids=["test 1", "test 2"]
)
def test_vectors_of_rfc_8032(
    secret: str, public: str, message: str, signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        dsse, "pae", lambda _, payload: payload
    )  # the vectors sign the bare message
    envelope = dsse.sign(
        "", bytes.fromhex(message), Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    )
    assert envelope.signatures[0].value.hex() == signature
    line = base64.b64encode(bytes.fromhex("302a300506032b6570032100" + public)).decode()
    key = read_public_line(line)
    assert public_line(key) == line
    assert dsse.is_signed_by(envelope, envelope.signatures[0], key)
    assert not dsse.is_signed_by(envelope, envelope.signatures[0], KEY.public_key())


def test_vector_of_the_dsse_protocol() -> None:
    """protocol.md, Test Vectors."""
    wanted = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == wanted
    envelope = dsse.sign("http://example.com/HelloWorld", b"hello world", KEY)
    assert json.loads(dsse.dump(envelope))["payload"] == "aGVsbG8gd29ybGQ="
    KEY.public_key().verify(envelope.signatures[0].value, wanted)


@settings(max_examples=200, deadline=None)
@given(a=st.tuples(st.text(), st.binary()), b=st.tuples(st.text(), st.binary()))
def test_no_two_contents_are_encoded_alike(a: tuple[str, bytes], b: tuple[str, bytes]) -> None:
    assert (dsse.pae(*a) == dsse.pae(*b)) == (a == b)


def test_lengths_are_of_bytes() -> None:
    assert dsse.pae("ä", b"") == b"DSSEv1 2 \xc3\xa4 0 "


@settings(max_examples=100, deadline=None)
@given(kind=st.text(st.characters(exclude_categories=["Cs"])), payload=st.binary(max_size=500))
def test_an_envelope_reads_as_it_was_written(kind: str, payload: bytes) -> None:
    envelope = dsse.sign(kind, payload, KEY)
    assert dsse.parse(dsse.dump(envelope), where="e") == envelope


@settings(max_examples=400, deadline=None)
@given(at=st.integers(0), other=st.integers(1, 255))
def test_any_changed_byte_of_an_envelope_is_refused_or_breaks_its_signature(
    at: int, other: int
) -> None:
    envelope = dsse.sign("application/x", b'{"a": 1}', KEY)
    content = bytearray(dsse.dump(envelope))
    content[at % len(content)] ^= other
    try:
        read = dsse.parse(bytes(content), where="e")
    except UnreadableError:
        return
    (signature,) = read.signatures
    assert signature.key != key_id(KEY.public_key()) or not dsse.is_signed_by(
        read, signature, KEY.public_key()
    )


def document(**given: Any) -> dict[str, Any]:
    return json.loads(dsse.dump(dsse.sign("application/x", b"payload", KEY))) | given


BAD: dict[str, tuple[Any, str]] = {
    "list": ([], "is not a DSSE envelope"),
    "null": (None, "is not a DSSE envelope"),
    "no payload": ({"payloadType": "x", "signatures": []}, "KeyError: 'payload'"),
    "payload is a number": (document(payload=1), "payload is not text"),
    "payload of two lengths": (document(payload="aGVsbG8gd29ybG"), "padding"),
    "payload in no alphabet": (document(payload="aGVsbG8*d29ybGQ="), "base64"),
    "payload with a break": (document(payload="aGVs\nbG8gd29ybGQ="), "base64"),
    "payload with bits left over": (
        document(payload="aGVsbG8gd29ybGR="),
        "not in its canonical spelling",
    ),
    "payload in the other alphabet": (
        document(payload="_-8="),
        "is not a DSSE envelope|not in its canonical spelling",
    ),
    "payload beyond ASCII": (document(payload="ä"), "is not a DSSE envelope"),
    "type is null": (document(payloadType=None), "payloadType is not text"),
    "signatures an object": (document(signatures={}), "has an unacceptable number"),
    "signatures a number": (document(signatures=3), "is not a DSSE envelope"),
    "signature is text": (document(signatures=["x"]), "is not a DSSE envelope"),
    "signature without a key": (document(signatures=[{"sig": "aGVs"}]), "KeyError: 'keyid'"),
    "no signatures": (document(signatures=[]), "got 0, expected 1 to 16"),
    "many signatures": (
        document(signatures=[{"keyid": "a", "sig": "aGVs"}] * 17),
        "got 17, expected 1 to 16",
    ),
    "unknown field": (document(note="x"), "not in its canonical spelling"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_envelope_is_refused(name: str) -> None:
    content, words = BAD[name]
    with pytest.raises(UnreadableError, match=words):
        dsse.parse(
            json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), where="e"
        )


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff", b"[" * 100_000, b'{"payload": NaN}', b'{"a":"\\ud800"}'],
    ids=str,
)
def test_what_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError):
        dsse.parse(content, where="e")


def test_whitespace_and_a_field_stated_twice_are_another_spelling() -> None:
    content = dsse.dump(dsse.sign("application/x", b"payload", KEY))
    twice = content[:-1] + b',"payloadType":"application/x"}'
    for other in (content + b"\n", content.replace(b":", b": ", 1), twice):
        with pytest.raises(UnreadableError, match="not in its canonical spelling"):
            dsse.parse(other, where="e")


def test_a_signature_of_any_length_is_no_crash() -> None:
    for value in (b"", b"x", b"x" * 64, b"x" * 100_000):
        envelope = dsse.Envelope("t", b"p", (dsse.Signature("k", value),))
        assert not dsse.is_signed_by(envelope, envelope.signatures[0], KEY.public_key())


# Keys


def test_keys_are_written_once_and_read_again(tmp_path: Path) -> None:
    made = generate(tmp_path / "new" / "keys", "labs")
    assert made.private.name == "labs.key.pem"
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600
    key = read_private(made.private, unlocked)
    assert made.id == key_id(key.public_key())
    assert made.line in made.public.read_text()
    before = made.private.read_bytes(), made.public.read_bytes()
    with pytest.raises(UsageError, match="there is a key already"):
        generate(tmp_path / "new" / "keys", "labs")
    made.public.unlink()
    with pytest.raises(UsageError, match=r"labs.key.pem: there is a key already"):
        generate(tmp_path / "new" / "keys", "labs")
    assert made.private.read_bytes() == before[0]
    assert not made.public.exists()


def test_the_mode_of_a_private_key_does_not_hang_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = generate(tmp_path, "labs")
    finally:
        os.umask(before)
    assert stat.S_IMODE(made.private.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", "a/b", "../a", ".hidden", "a b", "a\n", "x" * 101])
def test_a_name_of_a_key_stays_in_its_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a name for a key"):
        generate(tmp_path / "keys", name)
    assert list(tmp_path.iterdir()) == []


def test_a_locked_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    made = generate(tmp_path, "labs", b"correct horse")
    assert b"ENCRYPTED PRIVATE KEY" in made.private.read_bytes()
    assert key_id(read_private(made.private, lambda: b"correct horse").public_key()) == made.id
    with pytest.raises(UnreadableError, match="passphrase may be wrong"):
        read_private(made.private, lambda: b"battery staple")


def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    made = generate(tmp_path, "labs")
    made.private.chmod(0o640)
    with pytest.raises(UsageError, match="others may read; got mode 0640, expected 0600"):
        read_private(made.private, unlocked)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    key = generate_private_key(SECP256R1())
    path.write_bytes(
        key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    )
    with pytest.raises(UnreadableError, match=r"is another kind of key.*Ed25519"):
        read_private(path, unlocked)
    for content in (
        b"",
        b"\xff" * 100,
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ):
        path.write_bytes(content)
        with pytest.raises(UnreadableError, match="is not a readable private key"):
            read_private(path, unlocked)


@pytest.mark.parametrize("line", ["", "AAAA", "x", "MCowBQYDK2VwAyEA" + "A" * 42 + "B="])
def test_a_line_that_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_public_line(line)
