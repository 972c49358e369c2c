"""Rank 0 of a meeting. It does all in one thread: whoever asks for the time is answered at once while it waits."""

from __future__ import annotations

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
from harness.live.distributed.connection import Heard, Link, Lost
from harness.live.distributed.launcher import Rank
from harness.live.distributed.placement import machine, seats
from harness.live.distributed.rendezvous import (
    INVITATION,
    LOOK_S,
    MEET_S,
    SEE,
    SHARE,
    Check,
    RankLost,
    Rendezvous,
    place,
    reason,
)

LOOPBACK = ("127.0.0.1", "localhost")


class Coordinator(Rendezvous):
    """Rank 0, as a context: entered when all have come, and told to all when it fails.

    folder: of the run, where the invitation goes; meet: HOST:PORT to wait at, "" for any port and an invitation
    """

    def __init__(self, rank: Rank, folder: Path, meet: str) -> None:
        self.rank, self.folder, self.meet = rank, folder, meet

    def __enter__(self) -> Coordinator:
        self.links: dict[int, Link] = {}
        self.machines = {0: machine()}
        self.at: dict[int, str] = {}
        self.selector = selectors.DefaultSelector()
        self.token = "" if self.meet else secrets.token_hex(16)
        try:
            self._gather(self._open())
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    def _open(self) -> str:
        """Wait for the others at an address, and invite them. The address."""
        here = os.environ.get("MASTER_ADDR") or socket.gethostname()
        address, port = place(self.meet) if self.meet else (here, 0)
        try:
            self.server = socket.create_server(
                (address if address in LOOPBACK else "", port), backlog=self.rank.of
            )
        except OSError as error:
            raise UsageError(
                f"rank 0 cannot wait there: {error.strerror}",
                where=self.meet or address,
                fix="Choose another --meet.",
            ) from None
        self.selector.register(self.server, selectors.EVENT_READ)
        if not self.meet:
            self._invite(
                {"address": address, "port": self.server.getsockname()[1], "token": self.token}
            )
        return address

    def _invite(self, said: Mapping[str, Any]) -> None:
        """Leave an invitation that only this user can read, whole or not at all. Raises OSError."""
        partial = self.folder / f"{INVITATION}.part"
        with open(
            os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as file:
            json.dump(said, file)
        partial.replace(self.folder / INVITATION)

    def _gather(self, address: str) -> None:
        end = time.monotonic() + MEET_S
        while len(self.machines) < self.rank.of:
            self._listen(LOOK_S)
            if time.monotonic() > end:
                absent = [number for number in range(self.rank.of) if number not in self.machines]
                raise RankLost(
                    f"not all of {self.rank.of} ranks have come within {MEET_S:g} s",
                    got="no rank " + shorten(", ".join(map(str, absent))),
                    fix=SHARE,
                )
        self._close_door()
        found = seats(
            [self.machines[n] for n in range(self.rank.of)],
            secrets.token_hex(8),
            address,
            _free_port(),
        )
        self.seat = found[0]
        for number in self.links:
            self._say(number, seat=asdict(found[number]))

    def _close_door(self) -> None:
        """Nobody else comes in; who came and did not join goes."""
        (self.folder / INVITATION).unlink(missing_ok=True)
        for key in list((self.selector.get_map() or {}).values()):
            if key.fileobj not in self.links.values():
                self.selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        for link in self.links.values():
            try:
                if error is not None:
                    link.say(failed=f"rank 0: {reason(error)}")
            except Lost:
                pass
            link.close()
        self._close_door()
        self.selector.close()

    @property
    def nodes(self) -> int:
        """Machines of the run."""
        return len(set(self.machines.values()))

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""
        self._listen(0.0)

    def together(self, point: str, check: Check) -> None:
        """Wait for all to come to a point, answering who asks for the time; then let them go on. Raises RankLost."""
        while any(self.at.get(number) != point for number in self.links):
            check()
            self._listen(LOOK_S)
        for number in self.links:
            self._say(number, go=point)

    def compare(self, point: str, check: Check) -> Offset | None:
        """Answer the others; the timeline is ours."""
        self.together(point, check)
        return None

    def _listen(self, seconds: float) -> None:
        for key, _ in self.selector.select(seconds):
            if key.fileobj is self.server:
                link = Link(self.server.accept()[0])
                self.selector.register(link, selectors.EVENT_READ)
            else:
                self._hear(key.fileobj)  # type: ignore[arg-type]

    def _hear(self, link: Link) -> None:
        try:
            for heard in link.hear(0.0):
                self._answer(link, heard)
        except Lost as error:
            self.selector.unregister(link)
            link.close()
            if (number := self._number(link)) is not None:
                raise RankLost(f"rank {number} is gone", got=str(error), fix=SEE) from None

    def _number(self, link: Link) -> int | None:
        return next((number for number, known in self.links.items() if known is link), None)

    def _answer(self, link: Link, heard: Heard) -> None:
        said, number = heard.said, self._number(link)
        if number is None:
            self._admit(link, said)
        elif "clock" in said:
            link.say(clock=[heard.t_ns, time.time_ns()])
        elif "at" in said:
            self.at[number] = str(said["at"])
        elif "failed" in said:
            raise RankLost(f"rank {number}: {shorten(said['failed'], 300)}", fix=SEE)

    def _admit(self, link: Link, said: Mapping[str, Any]) -> None:
        number = said.get("rank")
        if not hmac.compare_digest(str(said.get("token")).encode(), self.token.encode()):
            raise Lost("it does not know the word")
        if not isinstance(number, int) or number in self.machines or not 0 < number < self.rank.of:
            link.say(
                failed=f"rank 0: there is a rank {shorten(number)} already, or no place for it"
            )
            raise Lost("another rank")
        self.links[number], self.machines[number] = link, str(said.get("machine"))

    def _say(self, number: int, **said: Any) -> None:
        try:
            self.links[number].say(**said)
        except Lost as error:
            raise RankLost(f"rank {number} is gone", got=str(error), fix=SEE) from None


def _free_port() -> int:
    with socket.create_server(("", 0)) as server:
        port: int = server.getsockname()[1]
    return port
