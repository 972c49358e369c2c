"""Time stamps of an authority, by RFC 3161 (extra ``timestamp``).

The authority signs a hash together with the time at which it saw it. So whoever trusts the
authority knows that what was hashed existed then, whatever the submitter says.
"""

from __future__ import annotations

import base64
import binascii
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import JoulemarkError, MissingExtraError, UnreadableError, shorten
from harness.core.files import read_bytes
from harness.core.timestamps import NS

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TIMEOUT_S = 10.0
MAX_RESPONSE_BYTES = 64 * 2**10
MAX_CERTIFICATE_BYTES = 2**20
MEDIA_TYPE = "application/timestamp-query"


class StampFailed(JoulemarkError):
    """An authority gave no time stamp."""


def request_stamp(address: str, text: str) -> str:
    """Ask an authority for a time stamp over a text.

    Args:
        address: Its http or https address.
        text: What is stamped; it is hashed here, and only the hash is sent.

    Returns:
        The authority's response, in base64.

    Raises:
        StampFailed: There is no authority at the address, or it grants no time stamp.
    """
    client = _client()
    query = client.TimestampRequestBuilder().data(text.encode()).build()
    try:
        request = urllib.request.Request(
            address, query.as_bytes(), {"Content-Type": MEDIA_TYPE}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            content = reply.read(MAX_RESPONSE_BYTES)
        _ = client.decode_timestamp_response(content).tst_info
    except (OSError, ValueError, HTTPException) as error:
        raise StampFailed(
            "no time stamp was granted",
            where=address,
            got=shorten(error),
            expected="an authority by RFC 3161",
            fix="See that server, or leave --time-stamp out.",
        ) from None
    return base64.b64encode(content).decode()


def stamped_ns(stamp: str, text: str, roots: list[Certificate]) -> int:
    """Return when an authority saw a text [ns UTC].

    Args:
        stamp: Its response, in base64.
        text: What was stamped.
        roots: Certificates that the authority's own must lead to.

    Raises:
        UnreadableError: It is no time stamp over this text by such an authority.
    """
    client = _client()
    try:
        response = client.decode_timestamp_response(base64.b64decode(stamp, validate=True))
        verifier = client.VerifierBuilder(roots=list(roots)).build()
        verifier.verify_message(response, text.encode())
        return int(response.tst_info.gen_time.timestamp()) * NS
    except (ValueError, binascii.Error, client.VerificationError) as error:
        raise UnreadableError(
            "is no time stamp over this by a trusted authority", got=shorten(error)
        ) from None


def read_roots(path: Path) -> list[Certificate]:
    """Read the certificates of trusted authorities from a PEM file.

    Raises:
        UnreadableError: It holds none.
    """
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(read_bytes(path, limit=MAX_CERTIFICATE_BYTES))
    except ValueError as error:
        raise UnreadableError(
            "holds no certificate",
            where=str(path),
            got=shorten(error),
            expected="the root certificates of time-stamp authorities, in PEM",
        ) from None


def _client() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise MissingExtraError(
            "time stamps need rfc3161-client",
            fix="Install it with: pip install 'joulemark[timestamp]'",
        ) from None
    return rfc3161_client
