"""Progress of a workload, from a file it may write: `17/40` in $JOULEMARK_LOG/progress."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

FILE = "progress"
REPORT_STEP = 0.2
"""Share of the work between two reports."""


class ProgressFile:
    """Report progress occasionally; do nothing if the workload writes no progress file."""

    def __init__(self, log: Path, notify: Callable[[str], None]) -> None:
        self.path, self.notify, self.reported = log / FILE, notify, 0.0

    def report(self) -> None:
        """Report the progress if it grew enough since the last report."""
        share = read_progress(self.path)
        if share is not None and self.reported + REPORT_STEP <= share < 1:
            self.reported = share
            self.notify(f"{share:.0%} done")


def read_progress(path: Path) -> float | None:
    """Return the share of the work that is done, 0 to 1; None where the file does not state it."""
    try:
        with path.open("rb") as file:
            done, _, total = file.read(64).partition(b"/")
        share = int(done) / int(total)
    except (OSError, ValueError, ZeroDivisionError):
        return None
    return share if 0 <= share <= 1 else None
