"""Power and energy while a run goes on, read from the ends of its journals.

The figures are for the user's eyes: they are neither recorded nor used for a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.live.monitor.tally import Tally
from harness.traces.channel import Channel

MAX_READ_BYTES = 1 << 20
"""At most so much of a journal is read at once; the rest is skipped."""


class LivePower:
    """Follow the journals of a run.

    Args:
        journals: Path of each journal, with its channels in the order of their numbers.
        roots: Ids of the channels that are summed: those inside others would count twice.
    """

    def __init__(
        self, journals: Mapping[Path, Sequence[Channel]], roots: Sequence[str] | None = None
    ) -> None:
        self._journals = journals
        self._roots = roots
        self._offsets = dict.fromkeys(journals, 0)
        self._tallies: dict[tuple[Path, int], Tally] = {}

    def update(self) -> None:
        """Read what was appended since the last call; a journal that cannot be read is left out."""
        for path, channels in self._journals.items():
            try:
                with path.open("rb") as file:
                    size = file.seek(0, 2)
                    start = max(self._offsets[path], size - MAX_READ_BYTES)
                    file.seek(start)
                    content = file.read(MAX_READ_BYTES)
            except OSError:
                continue
            whole, newline, _ = content.rpartition(b"\n")
            self._offsets[path] = start + len(whole) + len(newline)
            for line in whole.split(b"\n"):
                self._take(path, channels, line)

    def _take(self, path: Path, channels: Sequence[Channel], line: bytes) -> None:
        cells = line.split(b",", 5)
        try:
            number, t_ns, value = int(cells[0]), int(cells[1]), float(cells[4])
            channel = channels[number]
        except (ValueError, IndexError):
            return  # a header, a clock, a failed reading, or half a line
        if self._roots is not None and channel.id not in self._roots:
            return
        tally = self._tallies.setdefault((path, number), Tally(channel))
        tally.add(t_ns, value)

    @property
    def power_w(self) -> float | None:
        """Sum of the last powers [W]; None where no channel has one."""
        powers = [item.power_w for item in self._tallies.values() if item.power_w is not None]
        return sum(powers) if powers else None

    @property
    def energy_j(self) -> float:
        """Energy since the first readings [J]."""
        return sum(item.energy_j for item in self._tallies.values())

    def text(self) -> str:
        """Return both figures in words; "" where there is none yet."""
        if self.power_w is None:
            return ""
        return f"{self.power_w:.4g} W, {self.energy_j:.4g} J"
