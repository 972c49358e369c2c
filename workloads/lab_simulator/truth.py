"""The truth of a simulated session, which no measurement can know."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MeterError:
    """The true errors of one instrument: reading = true * (1 + gain) + offset, stamped off the
    true time."""

    gain_rel: float = 0.0
    """Relative error of the reading; for a model's estimate, the model's error."""
    offset_w: float = 0.0
    """Constant error of the reading [W]."""
    clock_offset_s: float = 0.0
    """The meter's clock minus the clock the window is stated in [s]; positive: its stamps are
    late."""


PERFECT = MeterError()
"""A meter without error."""


@dataclass(frozen=True)
class Truth:
    """True energy and work of one load window, and the true errors of the meters that watched
    it."""

    session: str
    """The name the session, or the run, has in its files."""
    t0_ns: int
    """Start of the window [ns, UTC, the window's clock]."""
    t1_ns: int
    """End of the window [ns]."""
    node_energy_j: tuple[float, ...]
    """True energy in the window at each metering point [J]."""
    meters: tuple[MeterError, ...]
    """True errors of the meters; one for each metering point, unless one point is watched by
    two."""
    interconnect_energy_j: float = 0.0
    """True energy of a measured switch in the window [J]; 0 where the session has none."""
    queries: int = 0
    """Queries answered, or training steps done, in the window."""
    samples: int = 0
    """Samples processed in the window."""
    tokens: int = 0
    """Tokens produced in the window; 0 where they are not counted."""

    @property
    def energy_j(self) -> float:
        """True energy in the window [J]: all metering points and the switch."""
        return sum(self.node_energy_j) + self.interconnect_energy_j

    @property
    def duration_s(self) -> float:
        """Length of the window [s]."""
        return (self.t1_ns - self.t0_ns) / 1e9

    def as_dict(self) -> dict[str, object]:
        """Plain data for JSON, with the derived `energy_j` and `duration_s`."""
        return {**asdict(self), "energy_j": self.energy_j, "duration_s": self.duration_s}
