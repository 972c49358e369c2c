"""Two network namespaces on this machine, with a link between them that loses and delays packets.

The link is two TUN devices and a thread that carries packets from one to the other, so that no
module of the kernel is needed but `tun`::

    with Link(delay_s=0.2, jitter_s=0.06, loss=0.05) as link:
        link.command(0, ["python", "server.py"])  # runs at ADDRESSES[0]
        link.cut()
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

ADDRESSES = ("10.77.0.1", "10.77.0.2")
TUN = Path("/dev/net/tun")
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MAX_PACKET_BYTES = 65536


def require_namespaces() -> None:
    """Skip the test where network namespaces cannot be made."""
    if os.geteuid() or shutil.which("ip") is None or not TUN.exists():
        pytest.skip("needs root, /dev/net/tun, and `ip`: apt-get install iproute2")
    probe = subprocess.run(["ip", "netns", "add", "jm-probe"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", "jm-probe"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"network namespaces cannot be made here: {probe.stderr.decode().strip()}")


class Link:
    """Two namespaces and the link between them, as a context manager.

    Attributes:
        delay_s, jitter_s: Time on the way, in one direction; packets keep their order [s].
        loss: Share of the packets that get lost.
    """

    def __init__(self, delay_s: float = 0.0, jitter_s: float = 0.0, loss: float = 0.0) -> None:
        self.delay_s, self.jitter_s, self.loss = delay_s, jitter_s, loss
        self.names = [f"jm-{os.getpid()}-{number}" for number in (0, 1)]
        self._is_cut = False
        self._ended = threading.Event()
        self._random = random.Random(7)
        self._devices: list[int] = []

    def __enter__(self) -> Link:
        try:
            for number, name in enumerate(self.names):
                self._make(number, name)
        except BaseException:
            self.__exit__()
            raise
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        return self

    def _make(self, number: int, name: str) -> None:
        subprocess.run(["ip", "netns", "add", name], check=True)
        device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
        self._devices.append(device)
        interface = f"jm{os.getpid() % 100000}-{number}"
        fcntl.ioctl(
            device, TUNSETIFF, struct.pack("16sH22x", interface.encode(), IFF_TUN | IFF_NO_PI)
        )
        subprocess.run(["ip", "link", "set", interface, "netns", name], check=True)
        inside = ["ip", "-n", name]
        address, peer = ADDRESSES[number], ADDRESSES[1 - number]
        subprocess.run(
            [*inside, "addr", "add", address, "peer", peer, "dev", interface], check=True
        )
        for device_name in (interface, "lo"):
            subprocess.run([*inside, "link", "set", device_name, "up"], check=True)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if hasattr(self, "_thread"):
            self._thread.join(5)
        for device in self._devices:
            with contextlib.suppress(OSError):
                os.close(device)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def command(self, number: int, command: Sequence[str]) -> list[str]:
        """The command that runs another one in a namespace."""
        return ["ip", "netns", "exec", self.names[number], *command]

    def cut(self) -> None:
        """Lose every packet from now on; both ends stay up."""
        self._is_cut = True

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        last_due_s = [0.0, 0.0]
        count = 0
        while not self._ended.is_set():
            now_s = time.monotonic()
            while waiting and waiting[0][0] <= now_s:
                _, _, device, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(device, packet)
            timeout_s = min(0.05, waiting[0][0] - now_s) if waiting else 0.05
            for source in select.select(self._devices, [], [], max(0.0, timeout_s))[0]:
                with contextlib.suppress(OSError):
                    packet = os.read(source, MAX_PACKET_BYTES)
                    if self._is_cut or self._random.random() < self.loss:
                        continue
                    end = 1 - self._devices.index(source)
                    shift_s = self.delay_s + self._random.uniform(-self.jitter_s, self.jitter_s)
                    due_s = max(last_due_s[end], time.monotonic() + shift_s)
                    last_due_s[end] = due_s
                    count += 1
                    heapq.heappush(waiting, (due_s, count, self._devices[end], packet))
