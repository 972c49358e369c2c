"""What meters share that are read by HTTP: TLS, logins, and the path before all paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from harness.core.errors import UsageError
from harness.meters.network import options
from harness.meters.network.clients.http import HttpClient, parse_fingerprint
from harness.meters.network.json_answers import sample
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter

HTTPS_PORT = 443


class HttpMeter(NetworkMeter):
    """Base of the meters that speak HTTP.

    Args:
        tls: `yes` for HTTPS, `no` for HTTP; "" for what the protocol prefers.
        path: Path before all paths, where the device is behind a proxy.
        user: Name to log in with. The password is in JOULEMARK_METER_PASSWORD or a file.
        password_file: File of mode 0600 that holds the password.
        token_file: File of mode 0600 that holds a bearer token; else JOULEMARK_METER_TOKEN.
        ca: File with the certificates to trust.
        fingerprint: SHA-256 of the device's own certificate, which is then trusted alone.
        insecure: `yes` to trust any certificate.
        common: Options of every network meter.
    """

    default_port = 80
    default_tls: ClassVar[str] = options.NO

    def __init__(
        self,
        tls: str = "",
        path: str = "",
        user: str = "",
        password_file: str = "",
        token_file: str = "",
        ca: str = "",
        fingerprint: str = "",
        insecure: str = "",
        **common: Any,
    ) -> None:
        name = self.protocol
        secure = options.flag(name, "tls", tls or self.default_tls)
        if secure and not common.get("port"):
            common["port"] = str(HTTPS_PORT)
        super().__init__(**common)
        if not secure and (ca or fingerprint or insecure):
            raise UsageError(
                "trust in certificates needs TLS", where=f"{name}:tls", expected="tls=yes"
            )
        self.user = user
        self.password = options.secret(name, "password", password_file)
        token = options.secret(name, "token", token_file)
        host = f"[{self.address.host}]" if ":" in self.address.host else self.address.host
        scheme = "https" if secure else "http"
        base = f"{scheme}://{host}:{self.address.port}/{path.strip('/')}"
        self.client = HttpClient(
            urlsplit(base.rstrip("/")),
            self.timeout_s,
            user,
            self.password,
            options.certificates(name, ca),
            parse_fingerprint(name, fingerprint),
            options.flag(name, "insecure", insecure),
            {"Authorization": f"Bearer {token}"} if token else {},
        )
        if user and not self.password:
            raise UsageError(
                "has no password",
                where=f"{name}:user",
                expected=f"{options.variable(name, 'password')} in the environment, "
                "or password_file=FILE",
            )

    def document(self, path: str) -> Any:
        """Return what the device answers at a path.

        Raises:
            PeerFailed: It does not answer.
        """
        return self.client.get_json(path)

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Ask each path once, however many numbers it holds.

        Raises:
            PeerFailed: The device does not answer.
        """
        documents: dict[str, Any] = {}
        fetched: dict[str, Sequence[Sample] | str] = {}
        for point in points:
            path, pointer = str(point.read["path"]), str(point.read["pointer"])
            if path not in documents:
                documents[path] = self.document(path)
            result = sample(documents[path], pointer, str(point.read.get("stamp", "")))
            fetched[point.id] = result if isinstance(result, str) else [result]
        return fetched

    def disconnect(self) -> None:
        """Close the connection."""
        self.client.close()

    def configuration(self) -> dict[str, Any]:
        """Return what the record states; of TLS, how the certificate is trusted."""
        trust = "fingerprint" if self.client.fingerprint else "authority"
        if self.client.insecure:
            trust = "any certificate"
        is_secure = self.client.base.scheme == "https"
        return super().configuration() | {"tls": trust if is_secure else "none"}
