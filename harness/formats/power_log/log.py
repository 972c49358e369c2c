"""A power log: columns of times and readings, and what stands beside the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.formats.base import Work
from harness.formats.defects import DefectCode
from harness.traces.channel import Kind
from harness.traces.instruments import UNKNOWN_SENSOR
from harness.traces.trace import T_MAX_NS, T_MIN_NS

ABOUT_SUFFIX = ".about.json"
MAX_NUMBER = 1e18
"""No log states a larger number that means anything."""


@dataclass(slots=True)
class Column:
    """The readings of one channel, in the order of the file.

    Attributes:
        id: Name of the channel.
        kind: What a reading is, see `Channel`.
        boundary: Where it is measured.
        meter: Its row in the table of instruments.
        quantity: ``power`` [W] or ``energy`` [J], a counter.
        part_of: The channel that contains it.
        source: The quantity or column that it was read from, for the calibration id.
        t_ns: Times [ns, UTC], 0 for an invalid time.
        values: Readings [W or J], NaN where the file gives none.
        raw: The same as the file states them.
    """

    id: str
    kind: Kind
    boundary: str
    meter: str = UNKNOWN_SENSOR
    quantity: str = "power"
    part_of: str | None = None
    source: str = ""
    t_ns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    def add(self, t_ns: int, value: float | None, raw: str) -> None:
        """Add a reading; ``None`` if the file gives none."""
        self.t_ns.append(t_ns if T_MIN_NS < t_ns <= T_MAX_NS else 0)
        self.values.append(float("nan") if value is None else value)
        self.raw.append(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What stands beside a file, in ``<file>.about.json``.

    Attributes:
        run: What was run and when, as in the header of a CSV trace.
        utc_offset_ns: What the clock of the file is ahead of UTC [ns]; ``None`` if not stated.
        start_ns: When a file with relative times begins [ns, UTC]; ``None`` if not stated.
        interval_s: Time between readings [s]; ``None`` if not stated.
        channel: Fields of the header of a CSV trace that replace the reader's.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    utc_offset_ns: int | None = None
    start_ns: int | None = None
    interval_s: float | None = None
    channel: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PowerLog:
    """What a file states.

    Attributes:
        columns: Its channels.
        notes: What is odd about it.
        declared_energy_j: Energy that it states without readings [J].
        seconds: Length of the run that it states [s].
        work: Work that it states.
        system: Name of the system that it states.
        benchmark: What was run, as it states it.
    """

    columns: Sequence[Column] = ()
    notes: list[tuple[DefectCode, str]] = field(default_factory=list)
    declared_energy_j: float | None = None
    seconds: float | None = None
    work: Work | None = None
    system: str = ""
    benchmark: str = ""
