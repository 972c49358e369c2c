"""What processes of a pool do in tests; the module imports little, as each of them imports it."""

from __future__ import annotations

import os
import signal

from harness.core.errors import UsageError


def double(number: int) -> int:
    return 2 * number


def process(_: int) -> int:
    return os.getpid()


def die_of_seven(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse_seven(number: int) -> int:
    if number == 7:
        raise UsageError("not seven", got="7", expected="another")
    return number


def minus(number: int) -> int:
    return -number
