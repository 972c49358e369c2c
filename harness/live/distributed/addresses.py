"""Addresses at which ranks reach rank 0: names, interfaces, IPv4 and IPv6."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import UsageError, shorten

LOOPBACK = ("127.0.0.1", "localhost", "::1")
IPV6_INTERFACES = Path("/proc/net/if_inet6")
GLOBAL_SCOPE = "00"
"""Scope of an IPv6 address that other machines can reach, in `/proc/net/if_inet6`."""
SIOCGIFADDR = 0x8915
"""ioctl that returns the IPv4 address of an interface, see netdevice(7)."""
MAX_ADDRESSES = 16


def parse_address(text: str) -> tuple[str, int]:
    """Split HOST:PORT, where HOST may be an IPv6 address, in brackets or not.

    Raises:
        UsageError: The text has another form.
    """
    address, colon, port = text.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    is_port = port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65536
    if not (address and colon and is_port):
        raise UsageError(
            "is not an address",
            where="--meet",
            got=shorten(repr(text)),
            expected="HOST:PORT of rank 0's machine; [ADDRESS]:PORT for IPv6",
        )
    return address, int(port)


def listen(address: str, port: int, backlog: int) -> socket.socket:
    """Listen on all interfaces, by IPv6 and IPv4; for a loopback address on that one only.

    Raises:
        OSError: The port is taken, or the address is not of this machine.
    """
    if address in LOOPBACK:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return socket.create_server((address, port), family=family, backlog=backlog)
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # the kernel may have no IPv6 all the same
            return socket.create_server(
                ("::", port), family=socket.AF_INET6, backlog=backlog, dualstack_ipv6=True
            )
    return socket.create_server(("", port), backlog=backlog)


def free_port() -> int:
    """Return a port of this machine that nothing listens on at present."""
    with socket.create_server(("", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def own_addresses() -> list[str]:
    """Return where other machines may reach this one, the most likely address first.

    `MASTER_ADDR` if a launcher set it, then the name of the machine, then the addresses of all its
    interfaces: a name may not resolve elsewhere, and not every interface leads there.
    """
    stated = os.environ.get("MASTER_ADDR", "")
    candidates = [stated, socket.gethostname(), *_ipv4_addresses(), *_ipv6_addresses()]
    return list(dict.fromkeys(filter(None, candidates)))[:MAX_ADDRESSES]


def _ipv4_addresses() -> Iterator[str]:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            with contextlib.suppress(OSError):  # an interface without an IPv4 address
                reply = fcntl.ioctl(any_socket.fileno(), SIOCGIFADDR, request)
                address = socket.inet_ntoa(reply[20:24])
                if not address.startswith("127."):
                    yield address


def _ipv6_addresses() -> Iterator[str]:
    try:
        lines = IPV6_INTERFACES.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        packed, _, _, scope, *_ = line.split()
        if scope == GLOBAL_SCOPE:
            yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed))
