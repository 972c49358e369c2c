"""Rank 0 of a distributed run.

It works in a single thread: while it waits, it answers questions for the time at once.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.live.distributed.clock_offset import Offset
from harness.live.distributed.connection import Connection, Message, PeerLost
from harness.live.distributed.launcher import ProcessRank
from harness.live.distributed.placement import machine_id, place_ranks
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

LOOPBACK = ("127.0.0.1", "localhost")


class Coordinator(Rendezvous):
    """Rank 0, as a context manager.

    It is entered once all ranks have joined. Where the block fails, all ranks are told why.

    Args:
        process: Rank 0 and the number of ranks.
        folder: Run directory, in which the invitation is written.
        meet: HOST:PORT to wait at; "" for any free port and an invitation.
    """

    def __init__(self, process: ProcessRank, folder: Path, meet: str) -> None:
        self.process, self.folder, self.meet = process, folder, meet

    def __enter__(self) -> Coordinator:
        self.connections: dict[int, Connection] = {}
        self.machines = {0: machine_id()}
        self.reached: dict[int, str] = {}
        self.selector = selectors.DefaultSelector()
        self.token = "" if self.meet else secrets.token_hex(16)
        try:
            address = self._listen()
            self._admit_all()
            self._close_door()
            self._place_all(address)
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    def _listen(self) -> str:
        """Start to listen, write the invitation, and return the address."""
        if self.meet:
            address, port = parse_address(self.meet)
        else:
            address, port = os.environ.get("MASTER_ADDR") or socket.gethostname(), 0
        interface = address if address in LOOPBACK else ""
        try:
            self.server = socket.create_server((interface, port), backlog=self.process.world_size)
        except OSError as error:
            raise UsageError(
                f"rank 0 cannot wait there: {error.strerror}",
                where=self.meet or address,
                fix="Choose another --meet.",
            ) from None
        self.selector.register(self.server, selectors.EVENT_READ)
        if not self.meet:
            port = self.server.getsockname()[1]
            self._invite({"address": address, "port": port, "token": self.token})
        return address

    def _invite(self, invitation: Mapping[str, Any]) -> None:
        """Write the invitation atomically, readable by this user only.

        Raises:
            OSError: The folder cannot be written to.
        """
        partial = self.folder / f"{INVITATION}.part"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            json.dump(invitation, file)
        partial.replace(self.folder / INVITATION)

    def _admit_all(self) -> None:
        """Wait until every rank has joined."""
        end, world_size = time.monotonic() + JOIN_TIMEOUT_S, self.process.world_size
        while len(self.machines) < world_size:
            self._serve(POLL_INTERVAL_S)
            if time.monotonic() > end:
                absent = [rank for rank in range(world_size) if rank not in self.machines]
                raise RankLost(
                    f"not all of {world_size} ranks joined within {JOIN_TIMEOUT_S:g} s",
                    got="no rank " + shorten(", ".join(map(str, absent))),
                    fix=HOW_TO_MEET,
                )

    def _place_all(self, address: str) -> None:
        """Place all ranks and tell each its placement."""
        machines = [self.machines[rank] for rank in range(self.process.world_size)]
        placements = place_ranks(machines, secrets.token_hex(8), address, _free_port())
        self.placement = placements[0]
        for rank in self.connections:
            self._send(rank, placement=asdict(placements[rank]))

    def _close_door(self) -> None:
        """Stop listening, and close connections that did not join."""
        (self.folder / INVITATION).unlink(missing_ok=True)
        for key in list((self.selector.get_map() or {}).values()):
            if key.fileobj not in self.connections.values():
                self.selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        for connection in self.connections.values():
            if error is not None:
                with contextlib.suppress(PeerLost):
                    connection.send(failed=f"rank 0: {failure_reason(error)}")
            connection.close()
        self._close_door()
        self.selector.close()

    @property
    def nodes(self) -> int:
        """Number of machines in the run."""
        return len(set(self.machines.values()))

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""
        self._serve(0.0)

    def wait_for_all(self, point: str, check: Check) -> None:
        """Wait until all ranks have reached a point, then let them go on."""
        while any(self.reached.get(rank) != point for rank in self.connections):
            check()
            self._serve(POLL_INTERVAL_S)
        for rank in self.connections:
            self._send(rank, go=point)

    def compare_clocks(self, point: str, check: Check) -> Offset | None:
        """Answer the others; the clock of rank 0 is the common one."""
        self.wait_for_all(point, check)
        return None

    def _serve(self, seconds: float) -> None:
        """Accept connections and answer messages that arrive within a time [s]."""
        for key, _ in self.selector.select(seconds):
            if key.fileobj is self.server:
                connection = Connection(self.server.accept()[0])
                self.selector.register(connection, selectors.EVENT_READ)
            else:
                self._receive(key.fileobj)  # type: ignore[arg-type]

    def _receive(self, connection: Connection) -> None:
        try:
            for message in connection.receive(0.0):
                self._answer(connection, message)
        except PeerLost as error:
            self.selector.unregister(connection)
            connection.close()
            rank = self._rank_of(connection)
            if rank is not None:
                raise RankLost(f"rank {rank} is gone", got=str(error), fix=SEE_OUTPUT) from None

    def _rank_of(self, connection: Connection) -> int | None:
        """Return the rank at the other end; None where it has not joined."""
        return next((rank for rank, c in self.connections.items() if c is connection), None)

    def _answer(self, connection: Connection, message: Message) -> None:
        content, rank = message.content, self._rank_of(connection)
        if rank is None:
            self._admit(connection, content)
        elif "clock" in content:
            connection.send(clock=[message.t_ns, time.time_ns()])
        elif "at" in content:
            self.reached[rank] = str(content["at"])
        elif "failed" in content:
            raise RankLost(f"rank {rank}: {shorten(content['failed'], 300)}", fix=SEE_OUTPUT)

    def _admit(self, connection: Connection, content: Mapping[str, Any]) -> None:
        """Let a rank join, if it has the token and its place is free."""
        rank, token = content.get("rank"), str(content.get("token"))
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            raise PeerLost("it does not have the token")
        is_expected = isinstance(rank, int) and 0 < rank < self.process.world_size
        if not is_expected or rank in self.machines:
            connection.send(
                failed=f"rank 0: there is a rank {shorten(rank)} already, or no place for it"
            )
            raise PeerLost("another rank")
        self.connections[rank] = connection  # type: ignore[index]
        self.machines[rank] = str(content.get("machine"))  # type: ignore[index]

    def _send(self, rank: int, **content: Any) -> None:
        try:
            self.connections[rank].send(**content)
        except PeerLost as error:
            raise RankLost(f"rank {rank} is gone", got=str(error), fix=SEE_OUTPUT) from None


def _free_port() -> int:
    with socket.create_server(("", 0)) as server:
        port: int = server.getsockname()[1]
    return port
