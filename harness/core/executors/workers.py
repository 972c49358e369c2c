"""Who does the work on many entries, as options state it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work, and where outcomes are kept.

    Attributes:
        jobs: Number of processes of this machine.
        scheduler: Address of a Dask scheduler; None for this machine.
        cache: Folder that keeps outcomes for the next time; None for none.
    """

    jobs: int = 1
    scheduler: str | None = None
    cache: str | Path | None = None

    @property
    def by_entry(self) -> bool:
        """Whether entries are read where they are judged, and not all into this process."""
        return self.jobs > 1 or self.scheduler is not None or self.cache is not None

    def options(self) -> dict[str, Any]:
        """Return the arguments of the functions of `harness.api`."""
        return {"jobs": self.jobs, "scheduler": self.scheduler, "cache": self.cache}
