"""Addresses of rank 0: names, interfaces, both protocols."""

from __future__ import annotations

import contextlib
import socket

import pytest

from harness.core.errors import UsageError
from harness.live.distributed.addresses import MAX_ADDRESSES, listen, own_addresses, parse_address


@pytest.mark.parametrize(
    "text",
    [
        "node0",
        "node0:",
        ":1",
        "node0:0",
        "node0:65536",
        "node0:x",
        "node0:-1",
        "[]:1",
        "a:" + "9" * 99,
    ],
)
def test_fail_without_host_or_port(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("node0:29511", "node0"),
        ("fe80::1:29511", "fe80::1"),
        ("[fe80::1%eth0]:29511", "fe80::1%eth0"),
        ("[::1]:29511", "::1"),
    ],
)
def test_host_and_port_are_parted(text: str, address: str) -> None:
    assert parse_address(text) == (address, 29511)


def test_the_stated_address_comes_first_then_the_name_then_the_interfaces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MASTER_ADDR", "10.1.2.3")
    monkeypatch.setattr(socket, "gethostname", lambda: "node0")
    addresses = own_addresses()
    assert addresses[:2] == ["10.1.2.3", "node0"]
    assert len(addresses) <= MAX_ADDRESSES
    for address in addresses[2:]:
        assert not address.startswith("127.")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        socket.inet_pton(family, address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_loopback_address_is_heard_there_only(address: str) -> None:
    with contextlib.closing(listen(address, 0, 1)) as server:
        assert server.getsockname()[0] == address


def test_all_interfaces_are_heard_by_both_protocols() -> None:
    with contextlib.closing(listen("node0", 0, 4)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        if socket.has_dualstack_ipv6():
            socket.create_connection(("::1", port)).close()


def test_without_ipv6_in_the_kernel_the_older_protocol_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = socket.create_server

    def refuse_ipv6(address: tuple, **options: object) -> socket.socket:
        if options.get("family") == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return create(address, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "create_server", refuse_ipv6)
    with contextlib.closing(listen("node0", 0, 1)) as server:
        assert server.family == socket.AF_INET
