"""Report how far long work is; the base class reports to nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Progress:
    """Receives the phases of long work, and each step that is done.

    Pure code calls these methods and does not know who listens. Subclasses show them.
    """

    def phase(self, label: str, total: int | None = None) -> None:
        """Begin a phase.

        Args:
            label: What is done now.
            total: How many steps it has; None where that is unknown.
        """

    def advance(self) -> None:
        """Note that one step of the phase is done."""

    def track(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items, and note each as done when the next one is asked for."""
        for item in items:
            yield item
            self.advance()


NO_PROGRESS = Progress()
