"""Running a workload's command under its guard, while the samplers are watched."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import shorten
from harness.runners import supervisor as guard_module
from harness.runners.base import OUTPUT, Ended, WorkloadFailed

LOOK_S = 0.2
"""Time between two looks at the samplers [s]."""
END_S = 5.0
"""How long a workload may take to end when it is told to [s]."""


def execute(
    command: Sequence[str],
    log: Path,
    check: Callable[[], None],
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to its end; check: called now and then, its error ends the command.

    Raises WorkloadFailed where the command cannot be started or does not exit with status 0.
    """
    log.mkdir(parents=True, exist_ok=True)
    guard = subprocess.Popen(
        [sys.executable, "-P", guard_module.__file__, str(log / OUTPUT), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **(environment or {})},
    )
    try:
        return _ended(_answer(guard, check), command, log)
    finally:
        _end(guard)


def _answer(guard: subprocess.Popen[bytes], check: Callable[[], None]) -> dict[str, Any]:
    line, stream = b"", guard.stdout
    while stream is not None and not line.endswith(b"\n"):
        if select.select([stream], [], [], LOOK_S)[0]:
            more = os.read(stream.fileno(), 65536)
            if not more:
                status = guard.wait()
                how = signal.Signals(-status).name if status < 0 else f"status {status}"
                raise WorkloadFailed(
                    "the workload was lost: its guard ended", got=how, expected="status 0"
                )
            line += more
        check()
    found: dict[str, Any] = json.loads(line)
    return found


def _ended(answer: Mapping[str, Any], command: Sequence[str], log: Path) -> Ended:
    if "unstarted" in answer:
        raise WorkloadFailed(
            "the command cannot be started",
            where=shorten(command[0]),
            got=str(answer["unstarted"]),
            expected="a program that can be executed",
            fix="Write its full path, or install it.",
        )
    status = int(answer["status"])
    if status:
        how = (
            f"was killed by {signal.Signals(-status).name}"
            if status < 0
            else f"exited with status {status}"
        )
        raise WorkloadFailed(
            f"the workload {how}", where=str(log / OUTPUT), got=last_words(log) or "no output"
        )
    return Ended(answer["start_ns"], answer["stop_ns"], status, answer["cpu_s"])


def last_words(log: Path, lines: int = 3) -> str:
    """The last lines that the workload printed, as one."""
    try:
        tail = (log / OUTPUT).read_bytes()[-4096:].decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    return shorten(" | ".join([line.strip() for line in tail if line.strip()][-lines:]), 300)


def _end(guard: subprocess.Popen[bytes]) -> None:
    """End the guard and all below it."""
    if guard.stdin is not None:
        guard.stdin.close()
    try:
        guard.wait(END_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(guard.pid, signal.SIGKILL)  # what the program started and left behind
        guard.wait()
        if guard.stdout is not None:
            guard.stdout.close()
