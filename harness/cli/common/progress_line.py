"""A line on stderr that shows what long work is doing, how far it is, and the time it took."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from harness.core.progress import NO_PROGRESS, Progress

REFRESH_INTERVAL_S = 0.25
"""The line is drawn this often [s], whether or not a step was done, so it never stands still."""


class ProgressLine(Progress):
    """Draws the current phase from a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._label = ""
        self._done = 0
        self._total: int | None = None
        self._started_s = time.monotonic()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to draw."""
        self._thread.start()

    def stop(self) -> None:
        """Stop drawing and remove the line."""
        self._stopped.set()
        self._thread.join()
        self._stream.write("\r\x1b[K")
        self._stream.flush()

    def phase(self, label: str, total: int | None = None) -> None:
        """Begin a phase."""
        self._label, self._done, self._total = label, 0, total

    def advance(self) -> None:
        """Note that one step of the phase is done."""
        self._done += 1

    def _run(self) -> None:
        while not self._stopped.wait(REFRESH_INTERVAL_S):
            self._stream.write(f"\r{self._text()}\x1b[K")
            self._stream.flush()

    def _text(self) -> str:
        elapsed_s = time.monotonic() - self._started_s
        steps = ""
        if self._total:
            steps = f"  {self._done:,}/{self._total:,}"
        elif self._done:
            steps = f"  {self._done:,}"
        return f"{self._label}{steps}  {elapsed_s:.0f} s"


@contextmanager
def progress_line(shown: bool, stream: TextIO | None = None) -> Iterator[Progress]:
    """Show a progress line while the block runs.

    Args:
        shown: Whether to show it at all.
        stream: Where to draw; None for stderr.
    """
    if not shown:
        yield NO_PROGRESS
        return
    line = ProgressLine(stream or sys.stderr)
    line.start()
    try:
        yield line
    finally:
        line.stop()
