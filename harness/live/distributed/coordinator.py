"""Rank 0 of a distributed run.

A single thread does all the work, so that a question for the time is answered at once even while
rank 0 waits. A second thread only sends signs of life.

How a rank joins: rank 0 sends a challenge; the rank answers with what it is, what it was started
for, and a proof that it holds the token of the job; rank 0 proves the same in return.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.live.distributed import machine
from harness.live.distributed.addresses import free_port, listen, own_addresses, parse_address
from harness.live.distributed.clock_offset import Offset
from harness.live.distributed.connection import (
    FAREWELL_AFTER_ERROR_S,
    FAREWELL_S,
    Connection,
    Heartbeat,
    Message,
    PeerLost,
    is_proof,
    proof,
)
from harness.live.distributed.descriptors import MAX_STRANGERS, require_descriptors
from harness.live.distributed.job import ANY_JOB, JobIdentity, job_token
from harness.live.distributed.launcher import ProcessRank
from harness.live.distributed.placement import (
    Sight,
    assign_meters,
    place_ranks,
    read_sight,
    refuse_shared_meters,
)
from harness.live.distributed.rendezvous import (
    HOW_TO_MEET,
    INVITATION,
    JOIN_TIMEOUT_S,
    POINT_LIMIT_S,
    POLL_INTERVAL_S,
    PROTOCOL,
    SEE_OUTPUT,
    Check,
    RankLost,
    Rendezvous,
    failure_reason,
)

STRANGER_LIMIT_S = 10.0
"""A connection that has not joined after so long is closed [s]."""
COUNTER_LIMIT_S = 10.0
"""How long a rank may take to state a counter of its kernel [s]."""
SILENCE_CHECK_S = 1.0
"""Time between two checks whether all ranks show life [s]."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A connection that has not joined.

    Attributes:
        challenge: Random text that it must answer.
        since_s: When it came, by the monotonic clock [s].
    """

    challenge: str
    since_s: float


@dataclass(frozen=True, slots=True)
class Joined:
    """What a rank stated when it joined.

    Attributes:
        marks: Marks of its machine.
        sight: Devices that it can read.
    """

    marks: Mapping[str, Any]
    sight: Sight


class Coordinator(Rendezvous):
    """Rank 0, as a context manager.

    On entry it waits for all ranks to join. If the block fails, it tells all ranks why.

    Args:
        process: Rank 0 and the number of ranks.
        folder: Run directory, in which the invitation is written.
        meet: HOST:PORT to wait at; "" for any free port and an invitation.
        job: What all ranks must have been started for.
        sight: Devices that this rank can read.
    """

    def __init__(
        self,
        process: ProcessRank,
        folder: Path,
        meet: str,
        job: JobIdentity = ANY_JOB,
        sight: Sight | None = None,
    ) -> None:
        self.process, self.folder, self.meet = process, folder, meet
        self.job, self.sight = job, sight or {}

    def __enter__(self) -> Coordinator:
        self.connections: dict[int, Connection] = {}
        self.ranks: dict[Connection, int] = {}
        self.strangers: dict[Connection, Stranger] = {}
        self.joined = {0: Joined(machine.machine_marks(), self.sight)}
        self.refusals: list[str] = []
        self.counters: dict[int, int] = {}
        self.reached: dict[int, str] = {}
        self.nodes = 1
        self._next_silence_check_s = 0.0
        self.invited = "" if self.meet else secrets.token_hex(16)
        self.token = self.invited + job_token()
        require_descriptors(self.process.world_size)
        self.selector = selectors.DefaultSelector()
        self.heartbeat = Heartbeat(lambda: list(self.connections.values()))
        try:
            self._listen()
            self._admit_all()
            self._close_door()
            self._place_all()
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    # --- Until all ranks have joined

    def _listen(self) -> None:
        """Start to listen, and write the invitation."""
        address, port = os.environ.get("MASTER_ADDR", ""), 0
        if self.meet:
            address, port = parse_address(self.meet)
        try:
            self.server = listen(address, port, backlog=self.process.world_size + MAX_STRANGERS)
        except OSError as error:
            raise UsageError(
                f"rank 0 cannot wait there: {error.strerror}",
                where=self.meet or address,
                fix="Choose another --meet.",
            ) from None
        self.server.setblocking(False)
        self.selector.register(self.server, selectors.EVENT_READ)
        if not self.meet:
            port = self.server.getsockname()[1]
            self._invite({"addresses": own_addresses(), "port": port, "token": self.invited})

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
        while len(self.joined) < world_size:
            self._serve(POLL_INTERVAL_S)
            self._drop_strangers(time.monotonic() - STRANGER_LIMIT_S)
            if time.monotonic() > end:
                absent = [rank for rank in range(world_size) if rank not in self.joined]
                refused = f"; refused: {self.refusals[-1]}" if self.refusals else ""
                raise RankLost(
                    f"not all of {world_size} ranks joined within {JOIN_TIMEOUT_S:g} s",
                    got="no rank " + shorten(", ".join(map(str, absent))) + refused,
                    fix=HOW_TO_MEET,
                )

    def _accept(self) -> None:
        """Accept a connection and challenge it; make room where there are too many."""
        try:
            stream = self.server.accept()[0]
        except (BlockingIOError, ConnectionError):  # the peer is gone again
            return
        except OSError:  # no descriptor is left
            self._drop_oldest_stranger()
            time.sleep(POLL_INTERVAL_S)
            return
        if len(self.strangers) >= MAX_STRANGERS + self.process.world_size - len(self.joined):
            self._drop_oldest_stranger()
        connection = Connection(stream)
        stranger = Stranger(secrets.token_hex(16), time.monotonic())
        self.strangers[connection] = stranger
        self.selector.register(connection, selectors.EVENT_READ)
        try:
            connection.send(hello=PROTOCOL, challenge=stranger.challenge)
        except PeerLost:
            self._drop(connection)

    def _drop_strangers(self, before_s: float) -> None:
        """Close connections that came before a time and have not joined."""
        for connection, stranger in list(self.strangers.items()):
            if stranger.since_s < before_s:
                self._drop(connection)

    def _drop_oldest_stranger(self) -> None:
        if self.strangers:
            self._drop(next(iter(self.strangers)))

    def _drop(self, connection: Connection) -> None:
        self.strangers.pop(connection, None)
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(connection)
        connection.close()

    def _admit(self, connection: Connection, content: Mapping[str, Any]) -> None:
        """Let a rank join, if it holds the token, belongs to this job, and its place is free."""
        statement, answer = content.get("join"), content.get("challenge")
        challenge = self.strangers[connection].challenge
        if not isinstance(statement, dict):
            raise PeerLost("it does not join")
        if not is_proof(content.get("proof"), proof(self.token, "rank", challenge, statement)):
            raise PeerLost("it does not have the token")
        rank = statement.get("rank")
        reason = self._reason_to_refuse(rank, statement)
        if reason or not isinstance(rank, int):
            refusal = f"rank 0: {reason}"
            self.refusals.append(f"rank {shorten(rank)}: {shorten(reason, 300)}")
            signature = proof(self.token, "rank 0", answer, refusal)
            connection.send(failed=refusal, proof=signature)
            raise PeerLost("another rank")
        connection.send(welcome=rank, proof=proof(self.token, "rank 0", answer, rank))
        marks, sight = statement.get("machine"), statement.get("sight")
        del self.strangers[connection]
        self.connections[rank], self.ranks[connection] = connection, rank
        self.joined[rank] = Joined(marks if isinstance(marks, dict) else {}, read_sight(sight))

    def _reason_to_refuse(self, rank: object, statement: Mapping[str, Any]) -> str:
        job = statement.get("job")
        difference = self.job.difference(job if isinstance(job, dict) else {})
        if difference:
            return difference
        is_expected = type(rank) is int and 0 < rank < self.process.world_size
        if is_expected and rank not in self.joined:
            return ""
        return f"there is a rank {shorten(rank)} already, or no place for it"

    def _close_door(self) -> None:
        """Stop listening, and close connections that did not join."""
        (self.folder / INVITATION).unlink(missing_ok=True)
        for connection in list(self.strangers):
            self._drop(connection)
        server = getattr(self, "server", None)
        if server is not None:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(server)
            server.close()

    # --- Placement

    def _place_all(self) -> None:
        """Place all ranks and tell each its placement."""
        everyone = [self.joined[rank] for rank in range(self.process.world_size)]
        marks = [joined.marks for joined in everyone]
        machines = machine.tell_apart(marks, self._ask_counter)
        numbers = [item.number for item in machines]
        sights = [joined.sight for joined in everyone]
        meters = assign_meters(numbers, sights)
        refuse_shared_meters(numbers, sights, meters)
        placements = place_ranks(
            numbers,
            secrets.token_hex(8),
            self._workload_address(numbers),
            free_port(),
            meters,
            [item.shown_by for item in machines],
        )
        self.nodes = len(set(numbers))
        self.placement = placements[0]
        for rank in self.connections:
            self._send(rank, placement=placements[rank].document())

    def _ask_counter(self, rank: int) -> int:
        """Return a counter of the kernel of a rank's machine; 0 where it does not answer."""
        if rank == 0:
            return machine.kernel_counter()
        self.counters.pop(rank, None)
        self._send(rank, counter=0)
        end = time.monotonic() + COUNTER_LIMIT_S
        while rank not in self.counters and time.monotonic() < end:
            self._serve(POLL_INTERVAL_S)
        return self.counters.get(rank, 0)

    def _workload_address(self, machines: list[int]) -> str:
        """Return an address of rank 0 that the other ranks can reach: the one they connected to."""
        stated = parse_address(self.meet)[0] if self.meet else os.environ.get("MASTER_ADDR", "")
        if stated:
            return stated
        elsewhere = [rank for rank in self.connections if machines[rank] != machines[0]]
        connection = self.connections[(elsewhere or list(self.connections))[0]]
        return str(connection.socket.getsockname()[0]).removeprefix("::ffff:")

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self.heartbeat.stop()
        for connection in self.connections.values():
            if error is not None:
                with contextlib.suppress(PeerLost):
                    connection.send(failed=f"rank 0: {failure_reason(error)}")
            connection.end_sending()
        end_s = time.monotonic() + (FAREWELL_S if error is None else FAREWELL_AFTER_ERROR_S)
        for connection in self.connections.values():
            connection.await_close(end_s)
            connection.close()
        self._close_door()
        self.selector.close()

    # --- During the run

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""
        self._serve(0.0)

    def wait_for_all(self, point: str, check: Check, limit_s: float = POINT_LIMIT_S) -> None:
        """Wait until all ranks have reached a point, then let them go on."""
        end = time.monotonic() + limit_s
        while late := [rank for rank in self.connections if self.reached.get(rank) != point]:
            check()
            self._serve(POLL_INTERVAL_S)
            if time.monotonic() > end:
                raise RankLost(
                    f"rank {shorten(', '.join(map(str, sorted(late))))} did not come to the point"
                    f" {point!r} within {limit_s:g} s",
                    fix=SEE_OUTPUT,
                )
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
                self._accept()
            else:
                self._receive(key.fileobj)  # type: ignore[arg-type]
        if time.monotonic() >= self._next_silence_check_s:
            self._next_silence_check_s = time.monotonic() + SILENCE_CHECK_S
            for rank, connection in self.connections.items():
                try:
                    connection.check_silence()
                except PeerLost as error:
                    raise _rank_lost(rank, error) from None

    def _receive(self, connection: Connection) -> None:
        try:
            for message in connection.receive(0.0):
                self._answer(connection, message)
        except PeerLost as error:
            rank = self.ranks.get(connection)
            self._drop(connection)
            if rank is not None:
                raise _rank_lost(rank, error) from None

    def _answer(self, connection: Connection, message: Message) -> None:
        content, rank = message.content, self.ranks.get(connection)
        if rank is None:
            self._admit(connection, content)
        elif "clock" in content:
            connection.send(clock=[message.t_ns, time.time_ns()])
        elif "at" in content:
            self.reached[rank] = str(content["at"])
        elif isinstance(content.get("counter"), int):
            self.counters[rank] = content["counter"]
        elif "failed" in content:
            raise RankLost(f"rank {rank}: {shorten(content['failed'], 300)}", fix=SEE_OUTPUT)

    def _send(self, rank: int, **content: Any) -> None:
        try:
            self.connections[rank].send(**content)
        except PeerLost as error:
            raise _rank_lost(rank, error) from None


def _rank_lost(rank: int, error: PeerLost) -> RankLost:
    return RankLost(f"rank {rank} is gone", got=str(error), fix=SEE_OUTPUT)
