"""Open files that rank 0 needs: one for each rank, and some for peers that have not joined."""

from __future__ import annotations

import contextlib
import resource

from harness.core.errors import UsageError

MAX_STRANGERS = 64
"""Connections beyond those of the ranks that may wait to join; the oldest is closed for a new one.
"""
RESERVE = 64
"""Descriptors for journals, logs and processes."""


def require_descriptors(world_size: int) -> None:
    """Raise the limit on open files of this process as far as a number of ranks needs.

    Raises:
        UsageError: The hard limit is too low.
    """
    needed = world_size + MAX_STRANGERS + RESERVE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard == resource.RLIM_INFINITY or hard >= needed:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
            return
    raise UsageError(
        f"rank 0 cannot hold the connections of {world_size} ranks",
        where="limit on open files",
        got=f"{hard}",
        expected=f"at least {needed}",
        fix=f"Raise it for rank 0 (ulimit -Hn {needed} as root, or LimitNOFILE of the service that"
        " starts it), or start one rank on each machine.",
    )
