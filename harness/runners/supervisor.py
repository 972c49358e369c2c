"""The supervisor of a workload: starts it, times its life, and ends it when the harness is gone.

    python supervisor.py OUTPUT program argument ...

The program's output goes to the file OUTPUT. When the program has ended, the supervisor prints one
line of JSON. When the supervisor's own input ends, it stops the program and everything the program
started. It sleeps all the time between. It imports nothing of this package: it runs as a file, so
that the program's environment stays as the user's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time

GRACE_S = 2.0
"""Time between asking a program to end and killing it [s]."""


def main() -> int:
    """Run the process; it leads a process group of its own."""
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
    }
    print(json.dumps(report), flush=True)
    return 0


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
