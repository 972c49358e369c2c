"""Tell a server that is gone from one that restarts.

A server that refuses every connection for some time is gone: what is asked after that cannot be
answered, so the load ends early, and the log says so. Any reply before that time, even a refusal,
resets the time: a restart costs only the requests in between, which are counted as failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

GIVE_UP_AFTER_S = 20.0
"""Time without any connection after which a server is gone [s]."""
MIN_ATTEMPTS = 5
"""Connections that must fail in that time: a load of few requests sees too little to tell."""


class Outage:
    """Follow the attempts to reach a server.

    Args:
        limit_s: Time without any connection after which it is gone [s].
        now_s: A clock that only moves forward [s].
    """

    def __init__(
        self, limit_s: float = GIVE_UP_AFTER_S, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit_s, self._now_s = limit_s, now_s
        self._since_s: float | None = None
        self._attempts = 0
        self._reason = ""

    @property
    def reason(self) -> str:
        """Why the server is held to be gone; "" while it is not."""
        return self._reason

    def is_over(self) -> bool:
        """Return whether the load is to end."""
        return bool(self._reason)

    def reached(self) -> None:
        """Note that the server took a connection."""
        self._since_s, self._attempts = None, 0

    def missed(self, error: str) -> None:
        """Note that it did not.

        Args:
            error: What the attempt met.
        """
        now_s = self._now_s()
        if self._since_s is None:
            self._since_s = now_s
        self._attempts += 1
        lasted_s = now_s - self._since_s
        if lasted_s >= self._limit_s and self._attempts >= MIN_ATTEMPTS and not self._reason:
            self._reason = (
                f"no connection in {lasted_s:.0f} s and {self._attempts} attempts; "
                f"the last one: {error}"
            )
