"""Read PDUs and UPSs by SNMP (extra `snmp`)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.core.numbers import plain_number
from harness.meters.base import Unavailable
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.device_map import DeviceMap, MapChannel
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter

SYSTEM_DESCRIPTION, SYSTEM_OBJECT = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.2.0"
"""sysDescr and sysObjectID of SNMPv2-MIB: what a device is."""
VERSIONS = ("2c", "3")
DIGESTS = ("sha", "sha224", "sha256", "sha384", "sha512", "md5")
CIPHERS = ("aes", "aes192", "aes256", "des")
DEFAULT_COMMUNITY = "public"
RETRIES = 1
NAMES_A_REQUEST = 20
"""Objects that one request asks for; small agents refuse more."""
MAX_ROWS = 500
MIN_DIGITS, MAX_DIGITS = -9, 9
_ABSENT = re.compile(r"NoSuch|endOfMib|noSuch", re.IGNORECASE)


class Snmp(NetworkMeter):
    """PDUs and UPSs by SNMP: version 2c, or version 3 with authentication and encryption.

    Args:
        version: `2c` or `3`; by default 3 where a user is named.
        user: Name of the user (version 3). The keys are in JOULEMARK_SNMP_AUTH_KEY and
            JOULEMARK_SNMP_PRIVACY_KEY, or in files.
        auth: Digest of the authentication key.
        privacy: Cipher of the privacy key.
        auth_key_file: File of mode 0600 with the authentication key.
        privacy_key_file: File of mode 0600 with the privacy key.
        community_file: File of mode 0600 with the community (version 2c); else
            JOULEMARK_SNMP_COMMUNITY, else `public`.
        common: Options of every network meter.
    """

    protocol = "snmp"
    default_port = 161
    remedy = (
        "Check the address, the community or the keys, and that SNMP is on in the device: "
        "snmpget -v2c -c COMMUNITY HOST 1.3.6.1.2.1.1.1.0"
    )

    def __init__(
        self,
        version: str = "",
        user: str = "",
        auth: str = "sha",
        privacy: str = "aes",
        auth_key_file: str = "",
        privacy_key_file: str = "",
        community_file: str = "",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        name = self.protocol
        self.version = options.choice(name, "version", version or ("3" if user else "2c"), VERSIONS)
        self.user = user
        self._digest = options.choice(name, "auth", auth, DIGESTS)
        self._cipher = options.choice(name, "privacy", privacy, CIPHERS)
        self._auth_key = options.secret(name, "auth_key", auth_key_file)
        self._privacy_key = options.secret(name, "privacy_key", privacy_key_file)
        community = options.secret(name, "community", community_file)
        self._community = community or DEFAULT_COMMUNITY
        if (self.version == "3") != bool(user):
            raise UsageError(
                "version 3 and a user belong together",
                where=f"{name}:user",
                got=f"version {self.version}, {'a' if user else 'no'} user",
                expected="version=3,user=NAME, or neither",
            )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: Any = None

    def connect(self) -> None:
        """Ask the device what it is.

        Raises:
            PeerFailed: It does not answer.
            Unavailable: The package pysnmp is not installed.
        """
        self._loop = asyncio.new_event_loop()
        # pysnmp raises in a callback what it cannot decode; the request then times out
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._session = self._run(self._open())
        values = self._get([SYSTEM_DESCRIPTION, SYSTEM_OBJECT])
        self.identity = {
            "model": shorten(values[SYSTEM_DESCRIPTION] or "", 80),
            "object": shorten(values[SYSTEM_OBJECT] or "", 80),
        }

    def disconnect(self) -> None:
        """Close the socket and its loop."""
        if self._session is not None:
            self._session[0].close_dispatcher()
        if self._loop is not None and not self._loop.is_closed():
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
            self._loop.run_until_complete(asyncio.sleep(0))
            self._loop.close()
        self._loop = self._session = None

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether sysObjectID, or another object that a map names, matches."""
        if device_map.detect is None or device_map.matches is None:
            return False
        text = self._get([str(device_map.detect["oid"])])
        return any(bool(device_map.matches.search(value or "")) for value in text.values())

    def expand(self, item: MapChannel) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the rows of a column, or the one object."""
        oid = str(item.read["oid"])
        if not item.read.get("walk"):
            yield "", item.read
            return
        for row in self._run(self._walk(oid)):
            suffix = row.removeprefix(f"{oid}.")
            if not re.fullmatch(str(item.read.get("rows", ".*")), suffix):
                continue
            yield f"-{suffix}", {**item.read, "oid": row}

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the present values of all objects.

        Raises:
            PeerFailed: The device does not answer.
        """
        names = {str(point.read["oid"]) for point in points}
        names |= {str(point.read["scale_oid"]) for point in points if "scale_oid" in point.read}
        values = self._get(sorted(names))
        return {point.id: _sample(point.read, values) for point in points}

    def configuration(self) -> dict[str, Any]:
        """Return what the record states; the version of SNMP shows how well it is protected."""
        return super().configuration() | {"version": self.version}

    # --- pysnmp

    def _run(self, work: Any) -> Any:
        """Run a coroutine to its end, or for the time of a whole exchange at most."""
        loop = self._loop
        if loop is None:
            work.close()
            raise PeerFailed("not connected")
        try:
            return loop.run_until_complete(
                asyncio.wait_for(work, self.timeout_s * (RETRIES + 1) + 1)
            )
        except TimeoutError:
            raise PeerFailed(f"no answer within {self.timeout_s:g} s") from None
        except (OSError, ValueError, TypeError) as error:
            raise PeerFailed(f"no answer: {type(error).__name__}") from None

    async def _open(self) -> tuple[Any, Any, Any, Any]:
        """Return engine, login, transport and context of pysnmp."""
        hlapi = _library()
        try:
            transport = await hlapi.UdpTransportTarget.create(
                (self.address.host, self.address.port), timeout=self.timeout_s, retries=RETRIES
            )
        except (OSError, _own_error()):
            raise PeerFailed("the name of the host is not known") from None
        return hlapi.SnmpEngine(), self._login(hlapi), transport, hlapi.ContextData()

    def _login(self, hlapi: Any) -> Any:
        if self.version == "2c":
            return hlapi.CommunityData(self._community, mpModel=1)
        digests = {
            "md5": hlapi.usmHMACMD5AuthProtocol,
            "sha": hlapi.usmHMACSHAAuthProtocol,
            "sha224": hlapi.usmHMAC128SHA224AuthProtocol,
            "sha256": hlapi.usmHMAC192SHA256AuthProtocol,
            "sha384": hlapi.usmHMAC256SHA384AuthProtocol,
            "sha512": hlapi.usmHMAC384SHA512AuthProtocol,
        }
        ciphers = {
            "des": hlapi.usmDESPrivProtocol,
            "aes": hlapi.usmAesCfb128Protocol,
            "aes192": hlapi.usmAesCfb192Protocol,
            "aes256": hlapi.usmAesCfb256Protocol,
        }
        protection: dict[str, Any] = {}
        if self._auth_key:
            protection |= {"authKey": self._auth_key, "authProtocol": digests[self._digest]}
        if self._privacy_key:
            protection |= {"privKey": self._privacy_key, "privProtocol": ciphers[self._cipher]}
        return hlapi.UsmUserData(self.user, **protection)

    def _get(self, oids: Sequence[str]) -> dict[str, str | None]:
        """Return the values of some objects as text; None where the device has no such object.

        Raises:
            PeerFailed: The device does not answer.
        """
        values: dict[str, str | None] = {}
        for first in range(0, len(oids), NAMES_A_REQUEST):
            part = oids[first : first + NAMES_A_REQUEST]
            rows = self._run(self._ask("get_cmd", part))
            values |= dict(zip(part, [value for _, value in rows], strict=False))
        return {oid: values.get(oid) for oid in oids}

    async def _ask(
        self, command: str, oids: Sequence[str], *numbers: int
    ) -> list[tuple[str, str | None]]:
        """Return names and values of one request."""
        hlapi = _library()
        names = [hlapi.ObjectType(hlapi.ObjectIdentity(oid)) for oid in oids]
        failure, status, _, values = await getattr(hlapi, command)(
            *self._session, *numbers, *names, lookupMib=False
        )
        if failure:
            raise PeerFailed(shorten(failure, 80))
        if status:
            raise PeerFailed(f"the device answered {shorten(status.prettyPrint(), 40)}")
        return [(str(name), _text(value)) for name, value in values]

    async def _walk(self, column: str) -> list[str]:
        """Return the names of the rows of a column."""
        rows: list[str] = []
        last = column
        while len(rows) < MAX_ROWS:
            for name, value in await self._ask("bulk_cmd", [last], 0, NAMES_A_REQUEST):
                if not name.startswith(f"{column}.") or value is None or name in rows:
                    return rows
                rows.append(name)
            if not rows or rows[-1] == last:
                return rows
            last = rows[-1]
        return rows


def _sample(read: Mapping[str, Any], values: Mapping[str, str | None]) -> Sequence[Sample] | str:
    """Return the number of an object, with its own power of ten where it has one."""
    text = values.get(str(read["oid"]))
    if text is None:
        return "the device has no such object"
    value = plain_number(text)
    if value is None:
        return f"no number, but {shorten(text, 40)!r}"
    if "scale_oid" not in read:
        return [Sample(value)]
    digits = plain_number(values.get(str(read["scale_oid"])) or "")
    if digits is None or digits != int(digits) or not MIN_DIGITS <= digits <= MAX_DIGITS:
        return "the device does not state the power of ten of its number"
    return [Sample(value / 10 ** int(digits))]


def _text(value: Any) -> str | None:
    """Return a value as text; None where there is none."""
    name = type(value).__name__
    return None if _ABSENT.match(name) else str(value.prettyPrint())


def _library() -> Any:
    """Import pysnmp."""
    try:
        from pysnmp.hlapi.v3arch import asyncio as hlapi
    except ImportError:
        raise Unavailable(
            "the package pysnmp is not installed",
            where="snmp",
            fix="pip install 'joulemark[snmp]'",
        ) from None
    return hlapi


def _own_error() -> type[Exception]:
    """Return the class of pysnmp's own errors."""
    from pysnmp.error import PySnmpError

    error: type[Exception] = PySnmpError
    return error


METER = Snmp
