"""The command `joulemark` in processes that get little memory.

The processes are forked from one that has imported what an audit needs: that takes less time than
to start each anew, and it tells how much memory a process has before it reads a file.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
from pathlib import Path

from tests.command_line import Done, joulemark

PRELOADED = ["tests.hostile.limited_memory", "harness.api", "harness.auditing.rules.rulebook"]
LIMIT_S = 300


def audit(tree: Path, memory: int) -> Done:
    """Audit a tree in a process that gets so much memory beyond its imports [bytes]."""
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(PRELOADED)
    receiver, sender = forks.Pipe(duplex=False)
    process = forks.Process(target=_audit, args=(tree, memory, sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(LIMIT_S), "it takes too long"
        done: Done = receiver.recv()
        return done
    finally:
        process.kill()
        process.join()


def _audit(tree: Path, memory: int, sender: multiprocessing.connection.Connection) -> None:
    joulemark("rules")  # imports what is imported late
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGESIZE") + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sender.send(joulemark("audit", tree))
