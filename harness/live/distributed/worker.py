"""Any other rank of a meeting."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes
from harness.live.distributed.clock_offset import Offset, nearest
from harness.live.distributed.connection import Heard, Link, Lost
from harness.live.distributed.launcher import Rank
from harness.live.distributed.placement import Placement, machine
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


class Worker(Rendezvous):
    """Any other rank, as a context: entered when all have come, and told to rank 0 when it fails.

    folder: of the run, where rank 0's invitation comes; meet: HOST:PORT where rank 0 waits, "" for an invitation
    """

    def __init__(self, rank: Rank, folder: Path, meet: str) -> None:
        self.rank, self.folder, self.meet = rank, folder, meet

    def __enter__(self) -> Worker:
        self.heard: list[Heard] = []
        self.link, token = self._call()
        try:
            self._say(rank=self.rank.number, token=token, machine=machine())
            self.seat = Placement(**self._await("seat", self.check).said["seat"])
        except BaseException as error:
            self.__exit__(type(error), error)
            raise
        return self

    def _call(self) -> tuple[Link, str]:
        """Call rank 0 until it answers."""
        end, why = time.monotonic() + MEET_S, ""
        while time.monotonic() < end:
            try:
                address, port, token = self._where()
                return Link(socket.create_connection((address, port), timeout=10)), token
            except (OSError, UnreadableError, ValueError, LookupError, TypeError) as error:
                why = shorten(error)
                time.sleep(LOOK_S)
        raise RankLost(
            f"rank 0 was not met within {MEET_S:g} s", where=str(self.folder), got=why, fix=SHARE
        )

    def _where(self) -> tuple[str, int, str]:
        if self.meet:
            return *place(self.meet), ""
        said = json.loads(read_bytes(self.folder / INVITATION))
        return str(said["address"]), int(said["port"]), str(said["token"])

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        try:
            if error is not None:
                self.link.say(failed=reason(error))
        except Lost:
            pass
        self.link.close()

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""
        self._listen(0.0)

    def together(self, point: str, check: Check) -> None:
        """Say that we are there, and wait for rank 0 to let us go on. Raises RankLost."""
        self._say(at=point)
        self._await("go", check)

    def compare(self, point: str, check: Check) -> Offset | None:
        """Ask rank 0 for its time, several times. Raises RankLost."""
        found = nearest(self._ask) if self.samples else None
        self.together(point, check)
        return found

    def _ask(self) -> tuple[int, int, int, int]:
        asked = time.time_ns()
        self._say(clock=0)
        heard = self._await("clock", lambda: None)
        hers: list[int] = heard.said["clock"]
        return asked, hers[0], hers[1], heard.t_ns

    def _await(self, key: str, check: Check) -> Heard:
        """The next message with a key."""
        while True:
            for heard in self.heard:
                if key in heard.said:
                    self.heard.remove(heard)
                    return heard
            check()
            self._listen(LOOK_S)

    def _listen(self, seconds: float) -> None:
        try:
            self.heard += self.link.hear(seconds)
        except Lost as error:
            raise RankLost("rank 0 is gone", got=str(error), fix=SEE) from None
        for heard in self.heard:
            if "failed" in heard.said:
                raise RankLost(shorten(heard.said["failed"], 300), fix=SEE)

    def _say(self, **said: Any) -> None:
        try:
            self.link.say(**said)
        except Lost as error:
            self._listen(0.0)  # it may have said why
            raise RankLost("rank 0 is gone", got=str(error), fix=SEE) from None
