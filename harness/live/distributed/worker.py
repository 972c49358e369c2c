"""Every rank except rank 0: it calls rank 0 and follows it from point to point."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes
from harness.live.distributed.clock_offset import Offset, shortest_round_trip
from harness.live.distributed.connection import Connection, Message, PeerLost
from harness.live.distributed.launcher import ProcessRank
from harness.live.distributed.placement import Placement, machine_id
from harness.live.distributed.rendezvous import (
    HOW_TO_MEET,
    INVITATION,
    JOIN_TIMEOUT_S,
    POLL_INTERVAL_S,
    SEE_OUTPUT,
    Check,
    RankLost,
    Rendezvous,
    failure_reason,
    parse_address,
)

CONNECT_TIMEOUT_S = 10.0


class Worker(Rendezvous):
    """A rank other than 0, as a context manager.

    It is entered once all ranks have joined. Where the block fails, rank 0 is told why.

    Args:
        process: Which rank this is.
        folder: Run directory, in which the invitation of rank 0 appears.
        meet: HOST:PORT where rank 0 waits; "" to wait for an invitation.
    """

    def __init__(self, process: ProcessRank, folder: Path, meet: str) -> None:
        self.process, self.folder, self.meet = process, folder, meet

    def __enter__(self) -> Worker:
        self.messages: list[Message] = []
        self.connection, token = self._call_rank_0()
        try:
            self._send(rank=self.process.rank, token=token, machine=machine_id())
            reply = self._await("placement", self.check)
            self.placement = Placement(**reply.content["placement"])
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    def _call_rank_0(self) -> tuple[Connection, str]:
        """Call rank 0 until it answers; return the connection and the invitation's token."""
        end, last_error = time.monotonic() + JOIN_TIMEOUT_S, ""
        while time.monotonic() < end:
            try:
                address, port, token = self._address_of_rank_0()
                stream = socket.create_connection((address, port), timeout=CONNECT_TIMEOUT_S)
                return Connection(stream), token
            except (OSError, UnreadableError, ValueError, LookupError, TypeError) as error:
                last_error = shorten(error)
                time.sleep(POLL_INTERVAL_S)
        raise RankLost(
            f"rank 0 did not answer within {JOIN_TIMEOUT_S:g} s",
            where=str(self.folder),
            got=last_error,
            fix=HOW_TO_MEET,
        )

    def _address_of_rank_0(self) -> tuple[str, int, str]:
        if self.meet:
            return *parse_address(self.meet), ""
        invitation = json.loads(read_bytes(self.folder / INVITATION))
        return str(invitation["address"]), int(invitation["port"]), str(invitation["token"])

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        if error is not None:
            with contextlib.suppress(PeerLost):
                self.connection.send(failed=failure_reason(error))
        self.connection.close()

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""
        self._receive(0.0)

    def wait_for_all(self, point: str, check: Check) -> None:
        """Tell rank 0 that this rank reached a point, and wait until all may go on."""
        self._send(at=point)
        self._await("go", check)

    def compare_clocks(self, point: str, check: Check) -> Offset | None:
        """Ask rank 0 for its time several times; keep the shortest round trip."""
        offset = shortest_round_trip(self._ask_time) if self.samples else None
        self.wait_for_all(point, check)
        return offset

    def _ask_time(self) -> tuple[int, int, int, int]:
        """Return the four stamps of one question and its answer [ns]."""
        sent_ns = time.time_ns()
        self._send(clock=0)
        reply = self._await("clock", lambda: None)
        remote_received_ns, remote_sent_ns = reply.content["clock"]
        return sent_ns, remote_received_ns, remote_sent_ns, reply.t_ns

    def _await(self, key: str, check: Check) -> Message:
        """Return the next message that has a key."""
        while True:
            for message in self.messages:
                if key in message.content:
                    self.messages.remove(message)
                    return message
            check()
            self._receive(POLL_INTERVAL_S)

    def _receive(self, seconds: float) -> None:
        try:
            self.messages += self.connection.receive(seconds)
        except PeerLost as error:
            raise RankLost("rank 0 is gone", got=str(error), fix=SEE_OUTPUT) from None
        for message in self.messages:
            if "failed" in message.content:
                raise RankLost(shorten(message.content["failed"], 300), fix=SEE_OUTPUT)

    def _send(self, **content: Any) -> None:
        try:
            self.connection.send(**content)
        except PeerLost as error:
            self._receive(0.0)  # rank 0 may have sent its reason before it left
            raise RankLost("rank 0 is gone", got=str(error), fix=SEE_OUTPUT) from None
