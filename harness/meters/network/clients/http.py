"""A small HTTP client for meters: whole deadlines, bounded answers, pinned certificates, logins.

The standard library speaks HTTP well enough for one peer at a time; what it lacks is a limit on
the whole of an answer, and a way to trust the self-signed certificate of a BMC by its fingerprint.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult

from harness.core.errors import UsageError, shorten
from harness.meters.network.clients.deadline import PeerFailed, connect, deadline

MAX_ANSWER_BYTES = 32 * 2**20
FINGERPRINT_DIGITS = 64
"""Hexadecimal digits of a SHA-256."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        status: Status code of HTTP.
        headers: Headers, by name in lower case.
        body: The body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            PeerFailed: It is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            shown = shorten(self.body[:40].decode("utf-8", "replace"), 40)
            raise PeerFailed(f"the answer is not JSON: {shown!r}") from None


@dataclass(slots=True)
class HttpClient:
    """A connection to one server, kept open between requests.

    Attributes:
        base: URL of the server.
        timeout_s: Longest time for one request [s].
        user: Name for HTTP's own login; "" for none.
        password: Password for it.
        ca_file: File with the certificates to trust; "" for those of the system.
        fingerprint: SHA-256 of the one certificate to trust, in hexadecimal; "" for none.
        insecure: Whether any certificate is accepted.
        headers: Sent with each request, like a token.
    """

    base: SplitResult
    timeout_s: float
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    fingerprint: str = ""
    insecure: bool = False
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)
    _digest_count: int = 0

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.base.port or (443 if self.base.scheme == "https" else 80)

    def get_json(self, path: str) -> Any:
        """Return the JSON at a path.

        Raises:
            PeerFailed: The server gives no such JSON.
        """
        answer = self.request("GET", path)
        if answer.status != http.client.OK:
            raise PeerFailed(status_text(answer.status))
        return answer.json()

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Make a request; where the server demands a login, once more with it.

        Raises:
            PeerFailed: The server does not answer in time, or not by HTTP.
        """
        extra = {**self.headers, **(headers or {})}
        answer = self._exchange(method, path, body, extra)
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status != http.client.UNAUTHORIZED or not (self.user and challenge):
            return answer
        login = self._login(challenge, method, path)
        return self._exchange(method, path, body, {**extra, "Authorization": login})

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send one request; a connection that the server closed meanwhile is opened anew, once."""
        was_open = self._connection is not None
        try:
            return self._send(method, path, body, headers)
        except PeerFailed:
            self.close()
            if not was_open:
                raise
        try:
            return self._send(method, path, body, headers)
        except PeerFailed:
            self.close()
            raise

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        connection = self._connection or self._connect()
        self._connection = connection
        prefix = self.base.path.rstrip("/")
        with deadline(connection.sock, self.timeout_s):
            try:
                connection.request(method, prefix + path, body or None, dict(headers))
                response = connection.getresponse()
                content = response.read(MAX_ANSWER_BYTES + 1)
            except http.client.HTTPException as error:
                raise PeerFailed(f"the answer is not HTTP ({type(error).__name__})") from None
            except ValueError:
                raise PeerFailed("the answer is not HTTP") from None
        if len(content) > MAX_ANSWER_BYTES:
            raise PeerFailed(f"the answer has more than {MAX_ANSWER_BYTES >> 20} MiB")
        fields = {name.lower(): value for name, value in response.getheaders()}
        if response.will_close:
            self.close()
        return Answer(response.status, fields, content)

    def _connect(self) -> http.client.HTTPConnection:
        host = self.base.hostname or ""
        raw = connect(host, self.port, self.timeout_s)
        connection = http.client.HTTPConnection(host, self.port, timeout=self.timeout_s)
        connection.sock = raw
        if self.base.scheme == "https":
            try:
                with deadline(raw, self.timeout_s):
                    secure = tls_context(self).wrap_socket(raw, server_hostname=host)
            except PeerFailed:
                raw.close()
                raise
            if self.fingerprint:
                certificate = secure.getpeercert(binary_form=True) or b""
                if not hmac.compare_digest(
                    hashlib.sha256(certificate).hexdigest(), self.fingerprint
                ):
                    secure.close()
                    raise PeerFailed("the certificate has another fingerprint")
            connection.sock = secure
        return connection

    def _login(self, challenge: str, method: str, path: str) -> str:
        """Return the header that answers a server's demand for a login."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            pair = f"{self.user}:{self.password}".encode()
            return "Basic " + base64.b64encode(pair).decode()
        if scheme.lower() == "digest":
            self._digest_count += 1
            return self._digest(
                urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest)),
                method,
                self.base.path.rstrip("/") + path,
            )
        raise PeerFailed(f"the server demands an unknown login: {shorten(scheme, 20)}")

    def _digest(self, demand: Mapping[str, str], method: str, uri: str) -> str:
        """Return the answer to a digest challenge (RFC 7616, quality of protection `auth`)."""
        algorithm = demand.get("algorithm", "MD5")
        name = {"MD5": "md5", "SHA-256": "sha256"}.get(algorithm.upper())
        realm, nonce = demand.get("realm", ""), demand.get("nonce", "")
        if name is None:
            raise PeerFailed(f"the server demands an unknown digest: {shorten(algorithm, 20)}")

        def digest(text: str) -> str:
            return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

        count, own_nonce = f"{self._digest_count:08x}", secrets.token_hex(8)
        account = digest(f"{self.user}:{realm}:{self.password}")
        request = digest(f"{method}:{uri}")
        response = digest(f"{account}:{nonce}:{count}:{own_nonce}:auth:{request}")
        fields = {"username": self.user, "realm": realm, "nonce": nonce, "uri": uri}
        fields |= {"cnonce": own_nonce, "response": response, "opaque": demand.get("opaque", "")}
        quoted = ", ".join(f'{key}="{value}"' for key, value in fields.items())
        return f"Digest {quoted}, algorithm={algorithm}, qop=auth, nc={count}"


def tls_context(client: HttpClient) -> ssl.SSLContext:
    """Return the settings of TLS: the system's or a given authority, one certificate, or any."""
    context = ssl.create_default_context(cafile=client.ca_file or None)
    if client.fingerprint or client.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def parse_fingerprint(meter: str, text: str) -> str:
    """Return a fingerprint in plain hexadecimal digits, or "" where none is given.

    Raises:
        UsageError: It is not a SHA-256.
    """
    digits = text.lower().removeprefix("sha256:").replace(":", "")
    if digits and (len(digits) != FINGERPRINT_DIGITS or set(digits) - set("0123456789abcdef")):
        raise UsageError(
            "is not a fingerprint",
            where=f"{meter}:fingerprint",
            got=shorten(repr(text)),
            expected="the SHA-256 of the certificate in hexadecimal",
            fix="openssl s_client -connect HOST:443 </dev/null | "
            "openssl x509 -noout -fingerprint -sha256",
        )
    return digits


def status_text(status: int) -> str:
    """Return what a status code means."""
    phrase = http.client.responses.get(status, "unknown status")
    return f"the server answered {status} {phrase}"
