"""A command under its supervisor: what it leaves behind is found, stopped or named."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.runners.base import CommandResult, LeftProcess
from harness.runners.process import execute

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


def run(folder: Path, script: str) -> CommandResult:
    return execute(["sh", "-c", script], folder, lambda: None)


@pytest.fixture
def ended() -> Iterator[list[LeftProcess]]:
    """Processes that are ended after the test."""
    processes: list[LeftProcess] = []
    yield processes
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether a process goes on; one that was killed has a moment to end."""
    end = time.monotonic() + 2
    while (alive := _is_alive(pid)) and time.monotonic() < end:
        time.sleep(0.01)
    return alive


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_command_that_waits_for_its_children_leaves_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "sleep 0.05 & wait").left == ()


def test_a_child_that_ends_a_moment_later_is_not_left(tmp_path: Path) -> None:
    assert run(tmp_path, "sleep 0.05 &").left == ()


def test_a_child_of_the_group_is_stopped_and_named(tmp_path: Path) -> None:
    (left,) = run(tmp_path, "sleep 60 &").left
    assert (left.name, left.stopped) == ("sleep", True)
    assert not is_alive(left.pid)


def test_a_daemon_without_its_environment_is_named_and_goes_on(
    tmp_path: Path, ended: list[LeftProcess]
) -> None:
    script = "setsid env -i /bin/sh -c 'sleep 60; true' & sleep 0.2"
    left = run(tmp_path, script).left
    ended += left
    assert [(process.name, process.stopped) for process in left] == [
        ("sh", False),
        ("sleep", False),
    ]
    assert all(is_alive(process.pid) for process in left)
    assert str(left[0]) == f"{left[0].pid} sh"
