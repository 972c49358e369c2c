"""The disk that a run needs: stated before the start, watched while it lasts.

A reading takes about 60 bytes in a journal, and again about 45 in the trace that is made of it when
the run has ended. So a run must end while there is room for its traces.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import JoulemarkError
from harness.meters import probe
from harness.meters.sampler_process import MeterRequest

JOURNAL_BYTES, TRACE_BYTES = 60, 45
"""Bytes of one reading in a journal and in a trace, at most."""
MARGIN_BYTES = 8 * 1024
"""Room for the record and the directories."""
WATCH_INTERVAL_S = 1.0


def bytes_per_second(requests: Sequence[MeterRequest]) -> float:
    """Estimate how fast a run fills the disk [bytes/s]; a meter that cannot be probed is one."""
    rate = 0.0
    for request in requests:
        try:
            channels = max(1, len(probe(request.spec).channels))
        except JoulemarkError:
            channels = 1
        rate += channels * (JOURNAL_BYTES + TRACE_BYTES) / request.interval_s
    return rate


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk that holds a folder, which need not exist yet."""
    existing = next(path for path in [folder, *folder.absolute().parents] if path.exists())
    return shutil.disk_usage(existing).free


def needed_text(requests: Sequence[MeterRequest], folder: Path) -> str:
    """Say how much disk a run takes, and for how long the free space lasts."""
    rate, free = bytes_per_second(requests), free_bytes(folder)
    hours = free / rate / 3600
    lasts = f"{hours:.3g} h" if hours < 1000 else "more than 1000 h"
    return f"disk: {_size(3600 * rate)} an hour; {_size(free)} free, enough for {lasts}"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:.3g} TiB"


class DiskWatch:
    """Ends a run while the disk still has room for the traces of what was read.

    Args:
        folder: The run directory.
        samples: The folder of its journals.
    """

    def __init__(self, folder: Path, samples: Path) -> None:
        self._folder, self._samples = folder, samples
        self._next_s = 0.0

    def check(self) -> None:
        """Look once a second.

        Raises:
            OSError: ENOSPC, where the disk is nearly full.
        """
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + WATCH_INTERVAL_S
        journals = sum(path.stat().st_size for path in self._samples.glob("*.csv"))
        needed = journals * TRACE_BYTES // JOURNAL_BYTES + MARGIN_BYTES
        if shutil.disk_usage(self._folder).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._folder))
