"""The supervisor of a workload: starts it, times its life, and ends it when the harness is gone.

    python supervisor.py OUTPUT program argument ...

The program's output goes to the file OUTPUT. When the program has ended, the supervisor prints one
line of JSON, with the descendants that are still alive: on Linux the supervisor adopts those whose
parents have ended, so a daemon cannot hide. When the supervisor's own input ends, it stops the
program and everything the program started. It sleeps all the time between. It imports nothing of
this package: it runs as a file, so that the program's environment stays as the user's.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

GRACE_S = 2.0
"""Time between asking a program to end and killing it [s]."""
TEARDOWN_S = 0.2
"""Time that helpers of a program may take to end after it [s]."""
PR_SET_CHILD_SUBREAPER = 36
"""Option of prctl(2): orphaned descendants become children of this process (linux/prctl.h)."""


LAUNCHER_DESCRIPTORS = ("PMI_FD", "HYDI_CONTROL_FD")
"""Variables with descriptors by which MPICH's launcher speaks with its ranks."""


def launcher_descriptors() -> list[int]:
    """Return the descriptors that an MPI program needs of its launcher, as far as they are open."""
    descriptors = []
    for name in LAUNCHER_DESCRIPTORS:
        text = os.environ.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 7:
            try:
                os.fstat(int(text))
            except OSError:
                continue
            descriptors.append(int(text))
    return descriptors


def main() -> int:
    """Run the process; it leads a process group of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _adopt_orphans()
    output, *command = sys.argv[1:]
    with open(output, "ab") as log:
        start_ns = time.time_ns()
        try:
            program = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=launcher_descriptors(),
                preexec_fn=_restore_interrupt,
            )
        except OSError as error:
            print(json.dumps({"unstarted": error.strerror}), flush=True)
            return 1
    orphaned = threading.Event()
    threading.Thread(target=_end_with_input, args=(program, orphaned), daemon=True).start()
    _, wait_status, usage = os.wait4(program.pid, 0)
    stop_ns = time.time_ns()
    if orphaned.is_set():  # nobody listens any more: end what the program left behind
        os.killpg(os.getpgrp(), signal.SIGKILL)
    report = {
        "start_ns": start_ns,
        "stop_ns": stop_ns,
        "status": os.waitstatus_to_exitcode(wait_status),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "left": _left_behind(),
    }
    print(json.dumps(report), flush=True)
    return 0


def _adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end; do nothing where that is unknown."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Process(NamedTuple):
    """A process as /proc/PID/stat shows it, see proc(5).

    Attributes:
        pid: Its number.
        name: Name of its program.
        state: Z for one that has ended.
        parent: Number of its parent.
        group: Its process group.
    """

    pid: int
    name: str
    state: str
    parent: int
    group: int


def _left_behind() -> list[dict[str, object]]:
    """Return the descendants that go on after the program and a moment for its helpers."""
    if _descendants():
        time.sleep(TEARDOWN_S)
    group = os.getpgrp()
    return [
        {"pid": process.pid, "name": process.name, "in_group": process.group == group}
        for process in _descendants()
    ]


def _descendants() -> list[Process]:
    """Return all living processes below this one, children before grandchildren."""
    processes = _processes()
    descendants: list[Process] = []
    parents = {os.getpid()}
    while parents:
        children = [process for process in processes if process.parent in parents]
        descendants += children
        parents = {process.pid for process in children}
    return [process for process in descendants if process.state != "Z"]


def _processes() -> list[Process]:
    """Return all processes; none where there is no /proc."""
    processes = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                text = file.read().decode("utf-8", "replace")
        except OSError:
            continue  # it has ended
        head, _, rest = text.rpartition(")")
        state, parent, group = rest.split()[:3]
        program = head.partition("(")[2]
        processes.append(Process(int(name), program, state, int(parent), int(group)))
    return processes


def _restore_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _end_with_input(program: subprocess.Popen[bytes], orphaned: threading.Event) -> None:
    """When the input ends, end the program, then its whole group with the supervisor."""
    while os.read(0, 4096):
        pass
    orphaned.set()
    program.terminate()
    time.sleep(GRACE_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
