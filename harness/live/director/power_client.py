"""The system under test in a power session: it starts and ends each run, and compares clocks."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.live.director.ntp import NtpFailed, clock_offset
from harness.live.director.power_server import MODES, SessionFailed
from harness.live.director.session_log import (
    HELLO_CLIENT,
    HELLO_SERVER,
    Messages,
    SessionLog,
    both_times,
)

MAX_SKEW_S = 0.4
"""Largest difference between the clocks of client and director (time_sync.py of power-dev) [s]."""
Ask = Callable[[str], str]
"""Sends a command to the director and returns its answer."""
Workload = Callable[[str], None]
"""Runs the workload in one mode."""


@dataclass(slots=True)
class PowerClient:
    """The client's side of a session.

    Attributes:
        ask_director: The connection.
        ntp: Time server to compare with; "" for none.
        label: Part of the session's name.
        log: client.log.
        messages: Commands and answers.
        session: Name of the session.
        uuids: Identities of client and server.
        phases: Four pairs of times for each mode.
    """

    ask_director: Ask
    ntp: str = ""
    label: str = ""
    log: SessionLog = field(default_factory=lambda: SessionLog("client"))
    messages: Messages = field(default_factory=Messages)
    session: str = ""
    uuids: dict[str, str] = field(default_factory=dict)
    phases: dict[str, list[list[float]]] = field(default_factory=dict)

    def run(self, workload: Workload, sources: Mapping[str, str]) -> None:
        """Make a whole session: ranging and testing.

        Args:
            workload: Runs the workload in one mode.
            sources: Hashes of the software that runs the session.

        Raises:
            JoulemarkError: The session, or the workload, fails.
        """
        self._open(sources)
        for mode in MODES:
            self._run_mode(mode, workload)
        self.log.add("Done runs")
        self.ask_director(f"session,{self.session},done")

    def _open(self, sources: Mapping[str, str]) -> None:
        if self._ask(HELLO_CLIENT) != HELLO_SERVER:
            raise SessionFailed("the director speaks another protocol", expected=HELLO_SERVER)
        self._synchronise()
        client_uuid = str(uuid.uuid4())
        reply = self._ask(f"new,{self.label},{client_uuid}")
        state, _, rest = reply.partition(" ")
        self.session, _, server_uuid = rest.partition(",")
        if state != "OK" or not server_uuid:
            raise SessionFailed("the director opens no session", got=reply)
        self.uuids = {"client": client_uuid, "server": server_uuid}
        self.log.add(f"Session id is {self.session!r}")
        self.log.add(f"Sources: {json.dumps({'sources': dict(sources)})}")

    def _run_mode(self, mode: str, workload: Workload) -> None:
        self.log.add(f"Running workload in {mode} mode")
        self._synchronise()
        stamps = self.phases.setdefault(mode, [])
        stamps.append(both_times())
        self._expect_ok(f"session,{self.session},start,{mode}")
        stamps.append(both_times())
        self._compare_clocks()
        self.log.add("Running the workload")
        workload(mode)
        self._compare_clocks()
        stamps.append(both_times())
        self._expect_ok(f"session,{self.session},stop,{mode}")
        stamps.append(both_times())
        self._compare_clocks()
        folder = "ranging" if mode == MODES[0] else "run_1"
        self.log.add(f"Copying loadgen logs to {folder!r}")

    def _synchronise(self) -> None:
        """Compare with a time server, and with the director.

        Raises:
            JoulemarkError: A clock is too far off.
        """
        if not self.ntp:
            self.log.add("Synchronizing with the server; no NTP server was named")
        else:
            self.log.add(f"Synchronizing with the server and with {self.ntp}...")
            clock = clock_offset(self.ntp)
            self.log.add(f"NTP:offset = {clock.offset_s:.3f} s, delay = {clock.delay_s:.3f} s ")
            if abs(clock.offset_s) > MAX_SKEW_S:
                raise NtpFailed(
                    "the clock is not synchronised",
                    where="--ntp",
                    got=f"{clock.offset_s:+.3f} s",
                    expected=f"within {MAX_SKEW_S:g} s",
                    fix="Let chrony or ntpd keep the clocks of both machines.",
                )
        self._compare_clocks()

    def _compare_clocks(self) -> None:
        """Compare with the director's clock.

        Raises:
            SessionFailed: The clocks differ too much.
        """
        before_s = time.time()
        reply = self._ask("time")
        after_s = time.time()
        try:
            director_s = float(reply)
        except ValueError:
            raise SessionFailed("the director tells no time", got=reply) from None
        low_ms, high_ms = (before_s - director_s) * 1000, (after_s - director_s) * 1000
        self.log.add(
            "The time difference between the client and the server is within range "
            f"{low_ms:.3f} ms..{high_ms:.3f} ms"
        )
        if low_ms > MAX_SKEW_S * 1000 or high_ms < -MAX_SKEW_S * 1000:
            raise SessionFailed(
                "the clocks of client and director differ too much",
                got=f"{low_ms:.0f} to {high_ms:.0f} ms",
                expected=f"within {MAX_SKEW_S * 1000:g} ms",
                fix="Synchronise both with one time server.",
            )

    def _expect_ok(self, command: str) -> None:
        reply = self._ask(command)
        if reply != "OK":
            raise SessionFailed("the director refuses a command", where=command, got=reply)

    def _ask(self, command: str) -> str:
        self.log.add(f"Sending command to the server: {command!r}")
        self.messages.command(command)
        reply = self.ask_director(command)
        self.messages.reply(reply)
        self.log.add(f"Got response: {reply!r}")
        return reply
