"""Run a workload's command under its supervisor while the samplers are watched."""

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
from harness.runners import supervisor
from harness.runners.base import OUTPUT, CommandResult, LeftProcess, WorkloadFailed

POLL_INTERVAL_S = 0.2
"""Time between two checks of the samplers [s]."""
END_TIMEOUT_S = 5.0
"""How long a workload may take to end when it is asked to [s]."""
TAIL_BYTES = 4096


def execute(
    command: Sequence[str],
    log: Path,
    check: Callable[[], None],
    environment: Mapping[str, str] | None = None,
) -> CommandResult:
    """Run a command to its end.

    Args:
        command: Program and arguments.
        log: Folder for its output.
        check: Called repeatedly; where it raises, the command is ended.
        environment: Variables in addition to the user's.

    Raises:
        WorkloadFailed: The command cannot be started or does not exit with status 0.
    """
    log.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-P", supervisor.__file__, str(log / OUTPUT), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        pass_fds=supervisor.launcher_descriptors(),
        env={**os.environ, **(environment or {})},
    )
    try:
        return _result(_await_report(process, check), command, log)
    finally:
        _end(process)


def _await_report(process: subprocess.Popen[bytes], check: Callable[[], None]) -> dict[str, Any]:
    """Wait for the one line that the supervisor prints when the command has ended."""
    line, stream = b"", process.stdout
    while stream is not None and not line.endswith(b"\n"):
        if select.select([stream], [], [], POLL_INTERVAL_S)[0]:
            received = os.read(stream.fileno(), 65536)
            if not received:
                raise WorkloadFailed(
                    "the workload was lost: its supervisor ended",
                    got=_describe_status(process.wait()),
                    expected="status 0",
                )
            line += received
        check()
    report: dict[str, Any] = json.loads(line)
    return report


def _describe_status(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _result(report: Mapping[str, Any], command: Sequence[str], log: Path) -> CommandResult:
    if "unstarted" in report:
        raise WorkloadFailed(
            "the command cannot be started",
            where=shorten(command[0]),
            got=str(report["unstarted"]),
            expected="a program that can be executed",
            fix="Write its full path, or install it.",
        )
    status = int(report["status"])
    if status:
        verb = "was killed by" if status < 0 else "exited with"
        raise WorkloadFailed(
            f"the workload {verb} {_describe_status(status)}",
            where=str(log / OUTPUT),
            got=last_lines(log) or "no output",
        )
    left = tuple(
        LeftProcess(int(item["pid"]), shorten(str(item["name"])), bool(item["in_group"]))
        for item in report["left"]
    )
    return CommandResult(report["start_ns"], report["stop_ns"], status, report["cpu_s"], left)


def last_lines(log: Path, count: int = 3) -> str:
    """Return the last lines that the workload printed, joined into one."""
    try:
        tail = (log / OUTPUT).read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in tail.split("\n") if line.strip()]
    return shorten(" | ".join(lines[-count:]), 300)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the supervisor and everything below it."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # What the program started and left behind is in the group of the supervisor.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
