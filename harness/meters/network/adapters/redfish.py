"""Read BMCs by Redfish, in three generations of its schema: Power, EnvironmentMetrics, Sensors."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.errors import shorten
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.http import Answer, status_text
from harness.meters.network.device_map import DeviceMap, MapChannel
from harness.meters.network.http_meter import HttpMeter
from harness.meters.network.json_answers import as_time_ns, at, sample

ROOT = "/redfish/v1"
SESSIONS = f"{ROOT}/SessionService/Sessions"
CREATED = (200, 201)
REFUSED = (401, 403)
MAX_MEMBERS = 64
DEFAULT_TIMEOUT_S = "10"
"""BMCs take one to three seconds for an answer."""


class Redfish(HttpMeter):
    """Servers by the Redfish service of their BMC (iDRAC, iLO, XCC, OpenBMC, Supermicro).

    One session is opened and, at the end, closed: BMCs have few, and keep forgotten ones for half
    an hour. With `session=no`, and where the BMC has no sessions, each request logs in by itself.

    Args:
        session: `no` for a login with each request.
        common: Options of every meter that speaks HTTP.
    """

    protocol = "redfish"
    default_port = 443
    default_tls = options.YES
    remedy = (
        "Check the address, the login, and the certificate: fingerprint=SHA256 trusts that of this "
        "BMC alone."
    )

    def __init__(self, session: str = "", **common: Any) -> None:
        super().__init__(**{"timeout": DEFAULT_TIMEOUT_S, **common})
        self._wants_session = options.choice(
            self.protocol, "session", session or options.YES, (options.YES, options.NO)
        )
        self._session = ""

    def connect(self) -> None:
        """Log in, and ask the service what it is.

        Raises:
            PeerFailed: The BMC does not answer, or refuses the login.
        """
        root = self.client.get_json(f"{ROOT}/")
        if not isinstance(root, dict) or "RedfishVersion" not in root:
            raise PeerFailed("not a Redfish service")
        if self.user and self._wants_session == options.YES:
            self._open_session()
        self.identity = {
            "service": shorten(f"Redfish {root['RedfishVersion']}", 40),
            "model": shorten(" ".join(str(root.get(name, "")) for name in ("Vendor", "Product"))),
        }
        serials = [self._get(path).get("SerialNumber") for path in self._members("/Systems")[:1]]
        if serials and isinstance(serials[0], str) and serials[0].strip():
            self.identity["serial"] = shorten(serials[0])

    def disconnect(self) -> None:
        """End the session, and close the connection."""
        if self._session:
            path, self._session = self._session, ""
            with contextlib.suppress(PeerFailed):  # it then ends by itself, half an hour later
                self.client.request("DELETE", path)
        self.client.headers.pop("X-Auth-Token", None)
        super().disconnect()

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether the service has a number where a map reads one."""
        for item in device_map.channels:
            for _, read in self.expand(item):
                document = self._get(str(read["path"]))
                if not isinstance(sample(document, str(read["pointer"])), str):
                    return True
        return False

    def expand(self, item: MapChannel) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield each member of the collections in a path, like /Chassis/*/Power."""
        path = str(item.read["path"])
        if "*" not in path:
            yield "", item.read
            return
        collection, _, rest = path.partition("/*")
        members = self._members(collection)
        for member in members:
            suffix = "" if len(members) == 1 else f"-{member.rstrip('/').rpartition('/')[2]}"
            yield suffix, {**item.read, "path": member.removeprefix(ROOT) + rest}

    def document(self, path: str) -> Any:
        """Return a resource; an empty one where the service has none.

        Raises:
            PeerFailed: The service does not answer, or refuses.
        """
        return self._get(path)

    def device_time_ns(self) -> int | None:
        """Return the time of the BMC's clock [ns UTC], as its manager states it."""
        for path in self._members("/Managers")[:1]:
            return as_time_ns(self._get(path).get("DateTime"))
        return None

    def _open_session(self) -> None:
        """Open a session; a service without sessions is logged in to with each request.

        Raises:
            PeerFailed: The login is refused.
        """
        login = json.dumps({"UserName": self.user, "Password": self.password}).encode()
        headers = {"Content-Type": "application/json"}
        user, self.client.user = self.client.user, ""  # a failed login is not answered with another
        try:
            answer = self.client.request("POST", SESSIONS, login, headers)
        finally:
            self.client.user = user
        if answer.status in REFUSED:
            raise PeerFailed(f"the login is refused: {status_text(answer.status)}")
        token = answer.headers.get("x-auth-token")
        if answer.status in CREATED and token:
            self._session = _location(answer)
            self.client.headers["X-Auth-Token"] = token

    def _get(self, path: str) -> dict[str, Any]:
        """Return a resource; an empty one where the service has none.

        Raises:
            PeerFailed: The service does not answer, or refuses.
        """
        answer = self.client.request("GET", path if path.startswith(ROOT) else ROOT + path)
        if answer.status in REFUSED:
            raise PeerFailed(f"the login is refused: {status_text(answer.status)}")
        if answer.status >= 500:
            raise PeerFailed(status_text(answer.status))
        document = answer.json() if answer.status == 200 else {}
        return document if isinstance(document, dict) else {}

    def _members(self, collection: str) -> list[str]:
        """Return the paths of the members of a collection."""
        members = self._get(collection).get("Members")
        paths = [
            at(member, "/@odata.id")
            for member in (members if isinstance(members, list) else [])[:MAX_MEMBERS]
        ]
        return [path for path in paths if isinstance(path, str) and path.startswith(ROOT)]


def _location(answer: Answer) -> str:
    """Return the path of a new session, by its header, else by its body."""
    stated = answer.headers.get("location", "")
    path = "/" + stated.split("/", 3)[-1] if "://" in stated else stated
    if not path:
        try:
            path = str(at(answer.json(), "/@odata.id") or "")
        except PeerFailed:
            path = ""
    return path if path.startswith(ROOT) else ""


METER = Redfish
