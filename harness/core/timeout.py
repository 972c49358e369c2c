"""A time limit for one entry: hostile input must not delay the others."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

MAX_STEPS_ON_ITS_WAY = 100
"""An exception that was sent to a thread arrives at its next steps."""


class TimeLimitExceeded(BaseException):
    """Raised when the time limit expires.

    A BaseException, so that handlers which tolerate faulty entries do not swallow it.
    """


@contextlib.contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Raise TimeLimitExceeded in the block once it has taken a time [s].

    The main thread of a POSIX process uses the alarm of the process; any other thread, such as
    that of a Dask worker, a timer. Neither interrupts a single call into C.

    Args:
        seconds: The limit; None for no limit.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if seconds is None:
        yield
    elif in_main_thread and hasattr(signal, "setitimer"):
        with _alarm(seconds):
            yield
    else:
        with _timer(seconds):
            yield


def _message(seconds: float) -> str:
    return f"it took longer than {seconds:g} s"


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Limit a block in the main thread."""

    def expire(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise TimeLimitExceeded(_message(seconds))

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


@contextlib.contextmanager
def _timer(seconds: float) -> Iterator[None]:
    """Limit a block in any thread: a second thread raises the exception in this one."""
    thread = ctypes.c_ulong(threading.get_ident())
    raise_in_thread = ctypes.pythonapi.PyThreadState_SetAsyncExc
    lock = threading.Lock()
    is_running, is_sent, has_arrived = True, False, False

    class Expired(TimeLimitExceeded):
        """The exception of this block; Python creates it without arguments, where it arrives."""

        def __init__(self) -> None:
            nonlocal has_arrived
            has_arrived = True
            super().__init__(_message(seconds))

    def expire() -> None:
        nonlocal is_sent
        with lock:
            if is_running:
                is_sent = True
                raise_in_thread(thread, ctypes.py_object(Expired))

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:  # from here on it is not sent any more
            is_running = False
        timer.cancel()
        # What is on its way arrives here. It is not withdrawn: Python 3.11 then goes on looking for
        # it at every step, which slows the process down and stops it under a tracer.
        for _ in range(MAX_STEPS_ON_ITS_WAY):
            if is_sent and not has_arrived:
                time.sleep(0)
