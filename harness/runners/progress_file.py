"""How far a workload is, by a file that it may write: `17/40` in $JOULEMARK_LOG/progress."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

FILE = "progress"
STEP = 0.2
"""Share of the work between two tellings."""


class Headway:
    """Tells now and then how much of the work is done; a workload that writes no such file is let be."""

    def __init__(self, log: Path, say: Callable[[str], None]) -> None:
        self.path, self.say, self.told = log / FILE, say, 0.0

    def look(self) -> None:
        """Tell, where there is something new."""
        share = _share(self.path)
        if share is not None and self.told + STEP <= share < 1:
            self.told = share
            self.say(f"{share:.0%} done")


def _share(path: Path) -> float | None:
    """The share that is done, 0..1; None where the file does not say."""
    try:
        with path.open("rb") as file:
            done, _, of = file.read(64).partition(b"/")
        share = int(done) / int(of)
    except (OSError, ValueError, ZeroDivisionError):
        return None
    return share if 0 <= share <= 1 else None
