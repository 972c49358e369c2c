"""Simulate many ranks in one process: `python many_ranks.py PORT TOKEN WORLD_SIZE`.

Each joins as a real rank does, comes to the point `ready`, and leaves when it is let go.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
from typing import Any

from harness.live.distributed.connection import proof
from harness.live.distributed.job import ANY_JOB


class Rank:
    """One simulated rank."""

    def __init__(self, number: int, port: int, token: str) -> None:
        self.number, self.token, self.received = number, token, b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def fileno(self) -> int:
        return self.socket.fileno()

    def send(self, **content: Any) -> None:
        self.socket.sendall(json.dumps(content).encode() + b"\n")

    def answer(self, message: dict[str, Any]) -> bool:
        """Answer a message of rank 0, and return whether this was the last one."""
        if "hello" in message:
            marks = {"boot": f"machine {self.number // 8}"}
            statement = {"rank": self.number, "job": ANY_JOB.document(), "machine": marks}
            statement |= {"sight": {}}
            evidence = proof(self.token, "rank", message["challenge"], statement)
            self.send(join=statement, challenge="c", proof=evidence)
        elif "placement" in message:
            self.send(at="ready")
        return "go" in message

    def receive(self) -> bool:
        *lines, self.received = (self.received + self.socket.recv(65536)).split(b"\n")
        answers = [self.answer(json.loads(line)) for line in lines]
        return any(answers)


def main() -> None:
    port, token, world_size = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    selector = selectors.DefaultSelector()
    ranks = [Rank(number, port, token) for number in range(1, world_size)]
    for rank in ranks:
        selector.register(rank, selectors.EVENT_READ)
    left = len(ranks)
    while left:
        for key, _ in selector.select():
            if key.fileobj.receive():  # type: ignore[union-attr]
                selector.unregister(key.fileobj)
                left -= 1


if __name__ == "__main__":
    main()
