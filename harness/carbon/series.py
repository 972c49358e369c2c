"""A series in time: intensity of a grid, or PUE, as steps that hold until the next."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.carbon.assumed import WITHIN_YEAR_U_LN
from harness.carbon.factor import Factor
from harness.core.errors import UsageError
from harness.core.timestamps import NS, to_iso
from harness.traces.trace import Window

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
HOUR_NS = 3600 * NS
OUTLIER = 4.0
"""A step this many times off the median of its day is doubtful: within a day grids swing 1.1 to 3
times."""


@dataclass(frozen=True, eq=False)
class Series:
    """Regular steps of one quantity of one zone.

    Attributes:
        start_ns: Begin of the first step [ns UTC].
        step_ns: Length of each step [ns].
        value: Mean over each step [g/kWh, or dimensionless for PUE], float64, shape (n,); NaN where
            it is missing.
        about: Provenance; its value is the mean of the series.
        kind: Average of all plants, or marginal.
        basis: Of what is produced in the zone, or of what is consumed there.
        notes: What a reader must know of the file.
    """

    start_ns: int
    step_ns: int
    value: Floats
    about: Factor
    kind: Literal["average", "marginal"] = "average"
    basis: Literal["production", "consumption"] = "production"
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.value)

    @property
    def stop_ns(self) -> int:
        """End of the last step [ns UTC]."""
        return self.start_ns + len(self.value) * self.step_ns

    @functools.cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Steps without a value, shape (n,)."""
        return np.isnan(self.value)

    @functools.cached_property
    def filled(self) -> Floats:
        """The values, with missing steps on the line between their neighbours, shape (n,)."""
        if not self.missing.any():
            return self.value
        at = np.arange(len(self.value))
        return np.interp(at, at[~self.missing], self.value[~self.missing])

    @functools.cached_property
    def doubtful(self) -> NDArray[np.bool_]:
        """Steps that are missing or OUTLIER times off the median of their day, shape (n,)."""
        if self.about.name == "market_intensity":  # contracts may cover any hour
            return self.missing
        half = max(1, round(12 * HOUR_NS / self.step_ns))
        around = np.lib.stride_tricks.sliding_window_view(
            np.pad(self.filled, half, mode="reflect"), 2 * half + 1
        )
        median = np.median(around, axis=1)
        return np.asarray(
            self.missing | (self.filled * OUTLIER < median) | (self.filled > OUTLIER * median)
        )

    @functools.cached_property
    def u_step(self) -> float:
        """Standard uncertainty of the logarithm of a missing step.

        How far steps stray within a day of each other.
        """
        logs = np.log(self.value[self.value > 0])
        per_day = max(2, min(len(logs), round(24 * HOUR_NS / self.step_ns)))
        days = logs[: len(logs) // per_day * per_day].reshape(-1, per_day)
        return float(np.sqrt(days.var(axis=1).mean())) if len(days) else WITHIN_YEAR_U_LN

    def steps_at(self, t_ns: Ints) -> Ints:
        """Return the index of the step that holds each instant [ns UTC].

        The nearest one beyond the ends.
        """
        return np.clip((t_ns - self.start_ns) // self.step_ns, 0, len(self) - 1)

    def covers(self, window: Window) -> bool:
        """Whether the window lies inside the series."""
        return self.start_ns <= window.start_ns and window.stop_ns <= self.stop_ns

    def demand(self, window: Window) -> None:
        """Raise UsageError where the series does not cover the window."""
        if not self.covers(window):
            raise UsageError(
                f"the series of {self.about.zone} does not cover the run",
                got=f"{to_iso(self.start_ns)[:16]}Z to {to_iso(self.stop_ns)[:16]}Z",
                expected=f"{to_iso(window.start_ns)[:19]}Z to {to_iso(window.stop_ns)[:19]}Z",
                fix="Give a series of that time, or --fallback annual for its annual mean with a "
                "wide uncertainty.",
            )
