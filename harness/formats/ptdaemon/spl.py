"""Read spl.txt, the readings of SPEC PTDaemon, as MLPerf power ships them.

`read_spl` returns the power as columns, and what rules need of voltage, current and power factor.
The lines themselves are read by :mod:`harness.formats.ptdaemon.spl_table`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.content_cache import cached_by_content
from harness.core.errors import UnreadableError
from harness.formats.ptdaemon.electric import Electric, electric, mean_power_factor
from harness.formats.ptdaemon.spl_table import SplTable, read_table
from harness.traces.trace import Floats, Ints


@dataclass(frozen=True, slots=True)
class Spl:
    """The readings of spl.txt, in the order of the file.

    Attributes:
        t_ns: Times [ns, UTC], int64, shape (n,), 0 for an invalid time.
        power_w: Power of the total [W], float64, shape (n,), NaN where it is no reading.
        raw: The same as the file states it.
        power_factor: Mean power factor of the channels; ``None`` if no line tells.
        parts: Id and power [W] of each channel that is connected, or of each analyzer.
        channels: How many channels the total sums up.
        broken: Lines that are no reading.
        electric: What the other columns state.
    """

    t_ns: Ints
    power_w: Floats
    raw: Sequence[str]
    power_factor: float | None
    parts: tuple[tuple[str, Floats], ...]
    channels: int
    broken: int
    electric: Electric


def read_spl(content: bytes, where: str, channels: int = 1) -> Spl:
    """Read all ``Time,`` lines of an spl.txt.

    Args:
        content: The file.
        where: Its path, for messages.
        channels: Channels of the analyzer, for lines that state only their sum.

    Raises:
        UnreadableError: No line has a power reading.
    """
    spl = _read(content, channels)
    if spl is None:
        raise UnreadableError(
            "has no power reading",
            where=where,
            expected="lines like Time,07-23-2024 15:47:16.858,Watts,172.9,...",
        )
    return spl


@cached_by_content
def _read(content: bytes, channels: int) -> Spl | None:
    table = read_table(content)
    if table is None:
        return None
    measured, summed_channels = _measured_groups(table, channels)
    power_w = table.groups[0, 0]
    parts = [(table.names[group - 1], table.groups[0, group]) for group in measured if group]
    if _has_analyzers(table.names):
        # The director adds 0 for an analyzer that failed: then the sum is no reading.
        for _, part_w in parts:
            power_w = np.where(part_w > 0, power_w, np.nan)
    return Spl(
        t_ns=table.t_ns,
        power_w=power_w.copy(),  # so that the table is not kept in memory
        raw=table.watts,
        power_factor=mean_power_factor(table.groups[:, measured], summed_channels[measured]),
        parts=tuple((name, part_w.copy()) for name, part_w in parts),
        channels=int(summed_channels[measured].sum()),
        broken=table.broken,
        electric=electric(table, summed_channels),
    )


def _has_analyzers(names: Sequence[str]) -> bool:
    return any(name.startswith("Analyzer") for name in names)


def _measured_groups(table: SplTable, channels: int) -> tuple[list[int], Ints]:
    """Return the groups that are measured separately, and how many channels each group sums up.

    Group 0 is the total. A channel that reads nothing but zeros is not connected. If there is
    one, it is unknown whether the means of the total count it, so the total sums up 0 channels.
    """
    part_count = len(table.names)
    groups = range(1, part_count + 1)
    if not part_count or _has_analyzers(table.names):
        measured = list(groups) or [0]
        summed = [channels if group in measured else 0 for group in range(part_count + 1)]
        return measured, np.array(summed, np.int64)
    connected = [group for group in groups if table.groups[:3, group].any()]
    of_total = part_count if len(connected) == part_count else 0
    return connected or [0], np.array([of_total] + [1] * part_count, np.int64)
