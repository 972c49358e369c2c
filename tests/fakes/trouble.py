"""A proxy that stands between a meter and its peer, and makes the trouble that networks make.

`hang` forwards nothing, `garbage` answers with noise, `dribble` sends one byte at a time, and
`down` refuses connections, as a peer that was stopped. `pass` forwards everything.
"""

from __future__ import annotations

import contextlib
import math
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterator

from harness.meters.base import Meter, ReadFailed, Reading

MODES = ("down", "hang", "garbage", "dribble")


class Proxy:
    """Forwards TCP connections or UDP datagrams to a port of 127.0.0.1, well or badly."""

    def __init__(self, target: int, *, udp: bool = False) -> None:
        self.target, self.udp, self.mode = target, udp, "pass"
        self._stop = threading.Event()
        kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM
        self._listener = self._listening(kind, 0)
        self.port = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._random = random.Random(7)
        self._thread = threading.Thread(target=self._run_udp if udp else self._run_tcp, daemon=True)
        self._thread.start()

    @staticmethod
    def _listening(kind: int, port: int) -> socket.socket:
        listener = socket.socket(socket.AF_INET, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            listener.listen()
        listener.settimeout(0.02)
        return listener

    def set(self, mode: str) -> None:
        """Change the mode; connections that are open are cut, as by a restart."""
        self.mode = mode
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def close(self) -> None:
        self._stop.set()
        self.set("down")
        self._thread.join(1)
        self._listener.close()

    def _run_tcp(self) -> None:
        while not self._stop.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.mode == "down":
                near.close()
                continue
            far = socket.socket()
            with contextlib.suppress(OSError):
                far.connect(("127.0.0.1", self.target))
            self._pairs.append((near, far))
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        poll = selectors.DefaultSelector()
        with contextlib.suppress(OSError, ValueError, KeyError), near, far:
            poll.register(near, selectors.EVENT_READ, far)
            poll.register(far, selectors.EVENT_READ, near)
            while not self._stop.is_set():
                for key, _ in poll.select(0.05):
                    chunk = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not chunk:
                        return
                    self._pass_on(chunk, key.data, to_meter=key.data is near)

    def _pass_on(self, chunk: bytes, out: socket.socket, *, to_meter: bool) -> None:
        if self.mode == "hang":
            return
        if not to_meter or self.mode == "pass":
            out.sendall(chunk)
        elif self.mode == "garbage":
            out.sendall(self._random.randbytes(len(chunk)))
        elif self.mode == "dribble":
            for byte in chunk[:40]:
                out.sendall(bytes([byte]))
                time.sleep(0.05)

    def _run_udp(self) -> None:
        far: dict[tuple[str, int], socket.socket] = {}
        try:
            self._forward_datagrams(far)
        finally:
            for out in far.values():
                out.close()

    def _forward_datagrams(self, far: dict[tuple[str, int], socket.socket]) -> None:
        while not self._stop.is_set():
            for address, out in list(far.items()):
                with contextlib.suppress(BlockingIOError):
                    answer = out.recv(65536)
                    if self.mode == "garbage":
                        answer = self._random.randbytes(len(answer))
                    if self.mode in ("pass", "garbage"):
                        self._listener.sendto(answer, address)
            self._listener.settimeout(0.002)
            try:
                datagram, address = self._listener.recvfrom(65536)
            except TimeoutError:
                continue
            if self.mode in ("down", "hang", "dribble"):
                continue
            if address not in far:
                far[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                far[address].connect(("127.0.0.1", self.target))
                far[address].setblocking(False)
            far[address].send(datagram)


@contextlib.contextmanager
def proxy(target: int, *, udp: bool = False) -> Iterator[Proxy]:
    """Stand between a meter and its peer while the block lasts."""
    between = Proxy(target, udp=udp)
    try:
        yield between
    finally:
        between.close()


def read_once(meter: Meter) -> list[Reading]:
    """Read when the next poll is due; a failed read gives a fault without a channel."""
    time.sleep(0.03)
    try:
        return list(meter.read())
    except ReadFailed as error:
        return [Reading("", math.nan, fault=str(error))]


def good_reading(meter: Meter, seconds: float = 5.0) -> Reading:
    """Return the next reading that has a value."""
    end = time.monotonic() + seconds
    faults = set()
    while time.monotonic() < end:
        for reading in read_once(meter):
            if not reading.fault:
                return reading
            faults.add(reading.fault)
    raise AssertionError(f"no reading within {seconds} s: {faults}")


def check_trouble(meter: Meter, between: Proxy, modes: tuple[str, ...] = MODES) -> None:
    """Check that trouble gives gaps with a reason, never a number, and ends when it ends.

    Args:
        meter: A meter with a time-out of 0.3 s and a refresh of 0.05 s, connected to the proxy.
        between: The proxy.
        modes: Trouble to make.
    """
    meter.probe()
    good = good_reading(meter).value
    assert good > 0
    for mode in modes:
        between.set(mode)
        begun = time.monotonic()
        readings = [reading for _ in range(3) for reading in read_once(meter)]
        assert time.monotonic() - begun < 3 * 3.0, f"{mode}: reads take too long"
        values = [reading.value for reading in readings if not reading.fault]
        assert values == [], f"{mode}: {values}"
        for reading in readings:
            assert math.isnan(reading.value)
            assert reading.fault
            assert "127.0.0.1" not in reading.fault
        between.set("pass")
        assert good_reading(meter).value > 0, mode
    getattr(meter, "close", lambda: None)()
