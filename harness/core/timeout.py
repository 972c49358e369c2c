"""A time limit for one entry: hostile input must not delay the others."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class TimeLimitExceeded(BaseException):
    """Raised when the time limit expires.

    A BaseException, so that handlers which tolerate faulty entries do not swallow it.
    """


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raise TimeLimitExceeded in the block once it has taken a time [s].

    It uses the alarm of the process. So it works in the main thread on POSIX only, and does not
    interrupt a single call into C.

    Args:
        seconds: The limit; None for no limit.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if seconds is None or not in_main_thread or not hasattr(signal, "setitimer"):
        yield
        return

    def expire(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise TimeLimitExceeded(f"it took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
