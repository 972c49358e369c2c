"""When requests are sent: the three loads of ``load.Load``, played.

- Fixed concurrency: the next request is sent when one ends, and nothing is paced at the start.
- Poisson arrivals: independent arrivals at a mean rate, whatever the server does.
- Offline: everything is sent at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from harness.runners.endpoint.load import Load

Send = Callable[[int], Awaitable[None]]
"""Sends the n-th request and returns when its reply has ended, whatever came of it."""


IsOver = Callable[[], bool]
"""Tells whether the load is to end early."""


def never() -> bool:
    """Return False: nothing ends the load early."""
    return False


class Quota:
    """Hand out request numbers until count and time are both used up, or the load ends early."""

    def __init__(self, load: Load, is_over: IsOver = never) -> None:
        self._load, self._is_over = load, is_over
        self._next = 0
        self._start = time.monotonic()

    def take(self) -> int | None:
        """Return the next number; None when the load is over."""
        number = self._next
        if self._is_over():
            return None
        between_blocks = number % self._load.block == 0
        enough = number >= self._load.count
        elapsed_s = time.monotonic() - self._start
        if enough and between_blocks and elapsed_s >= self._load.min_duration_s:
            return None
        self._next += 1
        return number


async def play(load: Load, send: Send, seed: int, is_over: IsOver = never) -> None:
    """Send the requests of a load and wait for all replies.

    Args:
        load: The load.
        send: Sends one request.
        seed: Seed of the arrivals.
        is_over: Whether no further request is to be sent.
    """
    quota = Quota(load, is_over)
    if load.kind == "concurrency":
        await _keep_in_flight(load, send, quota)
    elif load.kind == "rate":
        await _arrive_at_random(load, send, random.Random(seed), quota)
    else:
        await asyncio.gather(*(send(number) for number in range(load.count)))


async def _keep_in_flight(load: Load, send: Send, quota: Quota) -> None:
    async def lane() -> None:
        while (number := quota.take()) is not None:
            await send(number)

    await asyncio.gather(*(lane() for _ in range(int(load.value))))


async def _arrive_at_random(load: Load, send: Send, draw: random.Random, quota: Quota) -> None:
    """Arrivals keep their own times: a slow loop does not shift those that follow."""
    pending = set[asyncio.Task[None]]()
    due = time.monotonic()
    while (number := quota.take()) is not None:
        due += draw.expovariate(load.value)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.ensure_future(send(number))
        pending.add(task)
        task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)
