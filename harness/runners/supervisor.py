"""The guard of a workload: starts it, times its whole life, and ends it when whoever asked for it is no more.

    python supervisor.py OUTPUT program argument ...

The program's output goes to the file OUTPUT. When it has ended, the guard prints one line of JSON. When the guard's
own input ends, it stops the program and all that the program started. It sleeps all the time between.
It imports nothing of this package: it runs as a file, so that the program's environment stays as the user's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

PATIENCE_S = 2.0
"""Between asking a program to end and killing it [s]."""


def main() -> int:
    """The process; it leads a process group of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output, *command = sys.argv[1:]
    with open(output, "ab") as log:
        start_ns = time.time_ns()
        try:
            program = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_restore,
            )
        except OSError as error:
            print(json.dumps({"unstarted": error.strerror}), flush=True)
            return 1
    orphaned = threading.Event()
    threading.Thread(target=_watch, args=(program, orphaned), daemon=True).start()
    _, status, used = os.wait4(program.pid, 0)
    stop_ns = time.time_ns()
    code = os.waitstatus_to_exitcode(status)
    cpu_s = used.ru_utime + used.ru_stime
    if orphaned.is_set():
        os.killpg(
            os.getpgrp(), signal.SIGKILL
        )  # nobody listens; what the program started and left behind
    print(
        json.dumps({"start_ns": start_ns, "stop_ns": stop_ns, "status": code, "cpu_s": cpu_s}),
        flush=True,
    )
    return 0


def _restore() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _watch(program: subprocess.Popen[bytes], orphaned: threading.Event) -> None:
    """When the input ends: end the program, then its whole group, the guard with it."""
    while os.read(0, 4096):
        pass
    orphaned.set()
    program.terminate()
    time.sleep(PATIENCE_S)
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
