"""Sources of error, as an uncertainty budget lists them.

- `MeteredEnergy`: energy read from one meter, with the limits of that meter;
- `UncertaintyComponent`: an additive error, such as a window edge or a clock;
- `BetweenRunScatter`: how much the mean of several runs may miss the long-run mean;
- `MultiplicativeComponent`: a factor on the whole, such as the PUE.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.uncertainty.scale_mixture import ScaleMixture

Base = Literal["normal", "uniform"]
ScatterShape = float | ScaleMixture

PROFILE_LIMIT = 4.0
"""A profile of a normal component is given for X between minus this and this; beyond it is flat."""
_MEAN_ABSOLUTE = {"normal": math.sqrt(2 / math.pi), "uniform": 0.5}
_MEAN_SQUARE = {"normal": 1.0, "uniform": 1 / 3}


@dataclass(frozen=True, slots=True)
class UncertaintyComponent:
    """An additive source of error: ``up * max(X, 0) + down * max(-X, 0)``, or any function of X.

    X is standard normal, or uniform on (-1, 1). A symmetric component has ``down == -up``. A folded
    one has ``down == up``: a clock error, for example, always swaps load for idle, whatever its
    sign. Where two slopes do not describe it, `profile` tabulates the contribution.

    Attributes:
        name: What the error is; the line of the budget table.
        up: Slope for positive X [J].
        down: Slope for negative X [J].
        base: Distribution of X.
        correlation_key: Components with the same key share X; ``None`` means independent.
        source: Where the size of the component comes from.
        dof: Degrees of freedom of a normal component whose scale was estimated itself: X is then
            Student's t. ``None`` means infinite.
        profile: Contribution [J] at equally spaced X, from -4 to 4 for a normal X and from -1 to 1
            for a uniform one, linear in between; empty for a component with two slopes.
    """

    name: str
    up: float
    down: float
    base: Base = "normal"
    correlation_key: str | None = None
    source: str = ""
    dof: float | None = None
    profile: tuple[float, ...] = ()

    @staticmethod
    def symmetric(
        name: str,
        scale: float,
        base: Base = "normal",
        correlation_key: str | None = None,
        source: str = "",
    ) -> UncertaintyComponent:
        """Return a component without bias.

        Args:
            name: What the error is.
            scale: Standard deviation of a normal component, half-width of a uniform one [J].
            base: Distribution.
            correlation_key: Components with the same key share one draw.
            source: Where the size of the component comes from.
        """
        return UncertaintyComponent(name, scale, -scale, base, correlation_key, source)

    @staticmethod
    def tabulated(
        name: str,
        profile: Sequence[float],
        base: Base = "normal",
        correlation_key: str | None = None,
        source: str = "",
    ) -> UncertaintyComponent:
        """Return a component whose contribution is any function of X.

        Args:
            name: What the error is.
            profile: Contribution [J] at equally spaced X, see the class.
            base: Distribution of X.
            correlation_key: Components with the same key share one draw.
            source: Where the profile comes from.
        """
        values = tuple(map(float, profile))
        return UncertaintyComponent(
            name, values[-1], values[0], base, correlation_key, source, None, values
        )

    @property
    def mean(self) -> float:
        """Expected contribution [J]."""
        if self.profile:
            return _profile_moments(self.profile, self.base)[0]
        return (self.up + self.down) / 2 * _MEAN_ABSOLUTE[self.base]

    @property
    def variance(self) -> float:
        """Variance of the contribution [J^2]."""
        if self.profile:
            return _profile_moments(self.profile, self.base)[1]
        mean_square = (self.up**2 + self.down**2) / 2 * _MEAN_SQUARE[self.base]
        return max(0.0, mean_square - self.mean**2)

    @property
    def magnitude(self) -> float:
        """Size of the contribution, to compare components and to choose a unit [J]."""
        if self.profile:
            return 2 * max(map(abs, self.profile))
        return abs(self.up) + abs(self.down)

    def scaled(self, factor: float) -> UncertaintyComponent:
        """Return the component in another unit."""
        # dataclasses.replace() would take four times as long
        return UncertaintyComponent(
            self.name,
            self.up * factor,
            self.down * factor,
            self.base,
            self.correlation_key,
            self.source,
            self.dof,
            tuple(value * factor for value in self.profile),
        )

    def with_key(
        self, correlation_key: str | None, source: str | None = None
    ) -> UncertaintyComponent:
        """Return the component with another correlation key."""
        return UncertaintyComponent(
            self.name,
            self.up,
            self.down,
            self.base,
            correlation_key,
            self.source if source is None else source,
            self.dof,
            self.profile,
        )


@functools.lru_cache(maxsize=256)
def _profile_moments(profile: tuple[float, ...], base: Base) -> tuple[float, float]:
    """Return mean and variance of a tabulated contribution, by Simpson's rule."""
    import numpy as np

    limit = PROFILE_LIMIT if base == "normal" else 1.0
    x = np.linspace(-limit, limit, 16 * (len(profile) - 1) + 1)
    values = np.interp(x, np.linspace(-limit, limit, len(profile)), profile)
    density = np.exp(-(x**2) / 2) if base == "normal" else np.ones_like(x)
    weights = np.full(len(x), 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    weights *= density
    mean = float(np.average(values, weights=weights))
    return mean, float(np.average((values - mean) ** 2, weights=weights))


@dataclass(frozen=True, slots=True)
class MeteredEnergy:
    """Energy read from one meter.

    The true energy is ``(E - o) / (1 + g)`` with g and o uniform within their limits. A limit has
    no sign: the factor is scaled to mean 1, so that the reading is the expectation.

    Attributes:
        correlation_key: The calibration: energies with the same key share the errors of gain and
            offset.
        energy: What was read [J].
        gain_mpe: Maximum permissible relative error of the meter, as a fraction of the reading (VIM
            4.26).
        offset_mpe_j: Maximum permissible offset, integrated over the window [J].
        efficiency_limit: Relative limit of a conversion efficiency that was applied; 0 where none
            was.
        source: Document and clause that state the limits.
    """

    correlation_key: str
    energy: float
    gain_mpe: float
    offset_mpe_j: float = 0.0
    efficiency_limit: float = 0.0
    source: str = ""

    def scaled(self, factor: float) -> MeteredEnergy:
        """Return the energy in another unit."""
        return MeteredEnergy(
            self.correlation_key,
            self.energy * factor,
            self.gain_mpe,
            self.offset_mpe_j * factor,
            self.efficiency_limit,
            self.source,
        )

    def linear_components(self) -> Iterable[UncertaintyComponent]:
        """Yield the components of the closed form, in the order gain, offset, efficiency."""
        limits = (
            ("meter gain", self.energy * self.gain_mpe),
            ("meter offset", self.offset_mpe_j),
            ("conversion efficiency", self.energy * self.efficiency_limit),
        )
        for name, limit in limits:
            if limit:
                key = f"{name}|{self.correlation_key}"
                yield UncertaintyComponent.symmetric(name, limit, "uniform", key, self.source)


ScatterSource = Literal["own runs", "ranging pair", "borrowed"]
"""What shows the scatter between runs: the runs themselves, the ranging run of MLPerf inference
beside the timed one, or other results of the same table."""


@dataclass(frozen=True, slots=True)
class BetweenRunScatter:
    """Error of a mean of runs against the long-run mean.

    It is ``scale * X``, added, or the factor ``exp(scale * X)`` where `log` is True. X is Student's
    t with `dof` degrees of freedom, or drawn from `mixture`.

    Attributes:
        scale: Standard error of the mean [J], or of its logarithm.
        dof: Degrees of freedom of the estimated scale; infinite with a mixture.
        log: Whether the scatter is a factor.
        n: Runs in the mean; 0 where that is ``dof + 1``.
        source: What shows the scatter.
        mixture: Distribution with heavy tails in place of Student's t.
    """

    scale: float
    dof: float
    log: bool = False
    n: int = 0
    source: ScatterSource = "own runs"
    mixture: ScaleMixture | None = None

    @property
    def shape(self) -> ScatterShape:
        """Distribution of X: a mixture, or the degrees of freedom of t."""
        return self.dof if self.mixture is None else self.mixture

    @property
    def typical_size(self) -> float:
        """Half of the 68 % interval, which the tails do not move; of a t distribution the scale."""
        return self.scale if self.mixture is None else self.scale * self.mixture.half_width(0.6827)

    @property
    def standard_deviation(self) -> float:
        """Standard uncertainty of the mean; of a t distribution the scale itself."""
        return self.scale if self.mixture is None else self.scale * math.sqrt(self.mixture.variance)


@dataclass(frozen=True, slots=True)
class MultiplicativeComponent:
    """A factor ``exp(scale * X)`` on the whole, X standard normal.

    With a floor it is ``floor + (1 - floor) exp(scale * X - scale^2 / 2)``, of mean 1.

    Attributes:
        name: What the factor is; the line of the budget table.
        scale: Standard deviation of the logarithm of the part above the floor.
        correlation_key: Factors with the same key share X; ``None`` means independent.
        source: Where the size of the component comes from.
        floor: Part of the factor that is certain: of a PUE the IT energy, so that no draw of it
            is below 1.
    """

    name: str
    scale: float
    correlation_key: str | None = None
    source: str = ""
    floor: float = 0.0

    @property
    def relative_uncertainty(self) -> float:
        """Standard uncertainty of the factor; to first order where it has no floor."""
        if not self.floor:
            return self.scale
        return (1 - self.floor) * math.sqrt(math.expm1(self.scale**2))
