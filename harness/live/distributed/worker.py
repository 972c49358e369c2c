"""Every rank except rank 0: it calls rank 0 and follows it from point to point."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes
from harness.live.distributed.addresses import parse_address
from harness.live.distributed.clock_offset import Offset, shortest_round_trip
from harness.live.distributed.connection import (
    FAREWELL_AFTER_ERROR_S,
    SILENCE_LIMIT_S,
    Connection,
    Heartbeat,
    Message,
    PeerLost,
    is_proof,
    proof,
)
from harness.live.distributed.job import ANY_JOB, TOKEN_VARIABLE, JobIdentity, job_token
from harness.live.distributed.launcher import ProcessRank
from harness.live.distributed.machine import kernel_counter, machine_marks
from harness.live.distributed.placement import Placement, Sight, sight_document
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

CONNECT_TIMEOUT_S = 5.0
"""How long one address of rank 0 may take to answer [s]."""
HANDSHAKE_LIMIT_S = 10.0
"""How long rank 0 may take to answer a rank that joins [s]."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where rank 0 waits.

    Attributes:
        addresses: Its addresses, the most likely first.
        port: Its port.
        token: The secret of the job.
    """

    addresses: tuple[str, ...]
    port: int
    token: str


class Worker(Rendezvous):
    """A rank other than 0, as a context manager.

    It is entered once all ranks have joined. Where the block fails, rank 0 is told why.

    Args:
        process: Which rank this is.
        folder: Run directory, in which the invitation of rank 0 appears.
        meet: HOST:PORT where rank 0 waits; "" to wait for an invitation.
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

    def __enter__(self) -> Worker:
        self.messages: list[Message] = []
        self.connection = self._join()
        self.heartbeat = Heartbeat(lambda: [self.connection])
        try:
            limit_s = JOIN_TIMEOUT_S + SILENCE_LIMIT_S
            reply = self._await("placement", self.check, limit_s, "the other ranks did not join")
            self.placement = Placement.from_document(reply.content["placement"])
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    # --- Joining

    def _join(self) -> Connection:
        """Call rank 0 at each of its addresses until it lets this rank join."""
        end, last_error = time.monotonic() + JOIN_TIMEOUT_S, ""
        while time.monotonic() < end:
            try:
                place = self._place_of_rank_0()
            except (OSError, UnreadableError, ValueError, LookupError, TypeError) as error:
                last_error = shorten(error)
                time.sleep(POLL_INTERVAL_S)
                continue
            for address in place.addresses:
                try:
                    return self._join_at(address, place)
                except (OSError, PeerLost) as error:
                    last_error = f"{shorten(address)}: {shorten(error)}"
            time.sleep(POLL_INTERVAL_S)
        raise RankLost(
            f"rank 0 did not answer within {JOIN_TIMEOUT_S:g} s",
            where=str(self.folder),
            got=last_error,
            fix=HOW_TO_MEET,
        )

    def _place_of_rank_0(self) -> _Place:
        if self.meet:
            address, port = parse_address(self.meet)
            return _Place((address,), port, job_token())
        invitation = json.loads(read_bytes(self.folder / INVITATION))
        addresses = tuple(str(address) for address in invitation["addresses"])
        token = str(invitation["token"]) + job_token()
        return _Place(addresses, int(invitation["port"]), token)

    def _join_at(self, address: str, place: _Place) -> Connection:
        """Join rank 0 at one address; whoever else answers there learns nothing.

        Raises:
            OSError: Nothing answers there.
            PeerLost: Something other than rank 0 of this job answers.
            RankLost: Rank 0 refuses this rank.
        """
        stream = socket.create_connection((address, place.port), timeout=CONNECT_TIMEOUT_S)
        connection = Connection(stream)
        self.messages.clear()
        try:
            self._shake_hands(connection, place.token)
        except BaseException:
            connection.close()
            raise
        return connection

    def _shake_hands(self, connection: Connection, token: str) -> None:
        hello = self._next_message(connection).content
        if hello.get("hello") != PROTOCOL:
            raise PeerLost("another program, or another release of joulemark, listens there")
        statement = {
            "rank": self.process.rank,
            "job": self.job.document(),
            "machine": machine_marks(),
            "sight": sight_document(self.sight),
        }
        answer = secrets.token_hex(16)
        evidence = proof(token, "rank", hello.get("challenge"), statement)
        connection.send(join=statement, challenge=answer, proof=evidence)
        try:
            reply = self._next_message(connection).content
        except PeerLost:
            raise PeerLost(
                f"it closed the connection: a job with another token ({TOKEN_VARIABLE})"
            ) from None
        verdict = reply.get("failed", reply.get("welcome"))
        if not is_proof(reply.get("proof"), proof(token, "rank 0", answer, verdict)):
            raise PeerLost("it does not hold the token of this job")
        if "failed" in reply:
            raise RankLost(shorten(verdict, 400), fix=SEE_OUTPUT)

    def _next_message(self, connection: Connection) -> Message:
        """Return the next message of a peer that has not let this rank in; keep what follows it.

        Raises:
            PeerLost: It sends none in time.
        """
        end = time.monotonic() + HANDSHAKE_LIMIT_S
        while not self.messages and time.monotonic() < end:
            self.messages += connection.receive(POLL_INTERVAL_S)
        if not self.messages:
            raise PeerLost("it does not answer")
        return self.messages.pop(0)

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self.heartbeat.stop()
        if error is not None:
            with contextlib.suppress(PeerLost):
                self.connection.send(failed=failure_reason(error))
            self.connection.end_sending()
            self.connection.await_close(time.monotonic() + FAREWELL_AFTER_ERROR_S)
        self.connection.close()

    # --- During the run

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""
        self._receive(0.0)

    def wait_for_all(self, point: str, check: Check, limit_s: float = POINT_LIMIT_S) -> None:
        """Tell rank 0 that this rank reached a point, and wait until all may go on."""
        self._send(at=point)
        late = f"rank 0 did not go on from the point {point!r}"
        self._await("go", check, limit_s + SILENCE_LIMIT_S, late)  # rank 0 names who is late

    def compare_clocks(self, point: str, check: Check) -> Offset | None:
        """Ask rank 0 for its time several times; keep the shortest round trip."""
        offset = shortest_round_trip(self._ask_time) if self.compares_clocks else None
        self.wait_for_all(point, check)
        return offset

    def _ask_time(self) -> tuple[int, int, int, int]:
        """Return the four stamps of one question and its answer [ns]."""
        sent_ns = time.time_ns()
        self._send(clock=0)
        late = "rank 0 did not state its time"
        reply = self._await("clock", lambda: None, POINT_LIMIT_S, late)
        remote_received_ns, remote_sent_ns = reply.content["clock"]
        return sent_ns, remote_received_ns, remote_sent_ns, reply.t_ns

    def _await(self, key: str, check: Check, limit_s: float, late: str) -> Message:
        """Return the next message that has a key.

        Args:
            key: The key.
            check: Called repeatedly while waiting.
            limit_s: How long to wait [s].
            late: What is wrong where it does not come.
        """
        end = time.monotonic() + limit_s
        while True:
            for message in self.messages:
                if key in message.content:
                    self.messages.remove(message)
                    return message
            if time.monotonic() > end:
                raise RankLost(f"{late} within {limit_s:g} s", fix=SEE_OUTPUT)
            check()  # which may receive the message
            if not any(key in message.content for message in self.messages):
                self._receive(POLL_INTERVAL_S)

    def _receive(self, seconds: float) -> None:
        lost = None
        try:
            self.messages += self.connection.receive(seconds)
            self.connection.check_silence()
        except PeerLost as error:
            lost = _rank_0_lost(error)
        for message in list(self.messages):
            if "failed" in message.content:  # the reason, before the connection was closed
                raise RankLost(shorten(message.content["failed"], 300), fix=SEE_OUTPUT)
        if lost is not None:
            raise lost
        for message in list(self.messages):
            if "counter" in message.content:
                self.messages.remove(message)
                self._send(counter=kernel_counter())

    def _send(self, **content: Any) -> None:
        try:
            self.connection.send(**content)
        except PeerLost as error:
            self._receive(0.0)  # rank 0 may have sent its reason before it left
            raise _rank_0_lost(error) from None


def _rank_0_lost(error: PeerLost) -> RankLost:
    return RankLost("rank 0 is gone", got=str(error), fix=SEE_OUTPUT)
