"""What a channel says of itself: the header of a power trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from harness.core.schemas import SCHEMA_VERSION

Kind = Literal["mean", "instant", "counter", "estimate"]

LEAST_POWER_FACTOR = 1e-3
"""Below it a power factor tells nothing: the limit that it leads to is several times the reading."""
MOST_CLOCK_ERROR_S = 1e9
"""No clock is further off: thirty years [s]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Limits of a meter's systematic error; each is the half-width of a uniform distribution (JCGM 100, 4.3.7).

    reading_limit_pct: share of the reading [%]
    range_limit_w: constant part [W]
    power_factor_limit_pct: share of the reading [%] per unit of tan(phi); 0 where not applicable
    power_factor: mean power factor of the trace, for tan(phi); None where unknown
    source: document and clause that state the limits
    assumed: True where the meter is unknown and the widest limit of its class was taken
    extra: fields of a header that this release does not know
    """

    reading_limit_pct: float
    range_limit_w: float = 0.0
    power_factor_limit_pct: float = 0.0
    power_factor: float | None = None
    source: str
    assumed: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def gain_mpe(self) -> float:
        """Limit of the relative error of a reading, with the power-factor term (dimensionless)."""
        limit = self.reading_limit_pct
        if (
            self.power_factor_limit_pct
            and self.power_factor is not None
            and 0 < self.power_factor < 1
        ):
            tan_phi = (1 / max(self.power_factor, LEAST_POWER_FACTOR) ** 2 - 1) ** 0.5
            limit += tan_phi * self.power_factor_limit_pct
        return limit / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One measured quantity of one place.

    kind: what a reading is: mean over its cell, instant value, cumulative counter, or model estimate
    boundary: where it is measured: wall, pdu, psu, node, board, package, rack, interconnect ...
    part_of: id of the channel that already contains this one (a phase of a sum); such are not added again
    meter: id in the table of instruments, or "unknown"
    calibration_id: what shares its systematic error; one draw for all channels that carry the same id
    nominal_interval_s: time between readings that the meter was told to keep [s]
    clock, clock_error_s: whose clock stamps the readings, and its standard error against the window's clock [s]
    current: what is measured, "ac" or "dc"; conversion_efficiency: factor applied to get DC from AC
    counter_modulus_j: value at which a counter wraps [J]; resolution: smallest step of a reading [W or J]
    source: file it was read from, relative to the entry
    """

    id: str
    quantity: Literal["power", "energy"] = "power"
    unit: Literal["W", "J"] = "W"
    kind: Kind
    boundary: str
    node: str | None = None
    phase: str | None = None
    part_of: str | None = None
    meter: str = "unknown"
    calibration_id: str
    accuracy: Accuracy
    nominal_interval_s: float | None = None
    clock: str = "unknown"
    clock_error_s: float | None = None
    current: Literal["ac", "dc", "unknown"] = "unknown"
    conversion_efficiency: float | None = None
    counter_modulus_j: float | None = None
    resolution: float | None = None
    source: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def header(self) -> dict[str, Any]:
        """The document of `schemas/power-trace.schema.json`, less what the store adds."""
        document: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "accuracy":
                value = {
                    f.name: getattr(value, f.name) for f in fields(value) if f.name != "extra"
                } | dict(value.extra)
            if item.name != "extra":
                document[item.name] = value
        return document | dict(self.extra)

    @staticmethod
    def from_header(document: Mapping[str, Any]) -> Channel:
        """The channel of a valid power-trace header; fields this release does not know are kept."""
        known = {item.name for item in fields(Channel)} - {"extra", "accuracy"}
        limits = {f.name for f in fields(Accuracy)} - {"extra"}
        stated = document["accuracy"]
        accuracy = Accuracy(
            **{k: v for k, v in stated.items() if k in limits},
            extra={k: v for k, v in stated.items() if k not in limits},
        )
        given = {k: v for k, v in document.items() if k in known}
        stored = known | {
            "schema_version",
            "accuracy",
            "readings",
            "dropped",
            "columns",
            "content_sha256",
        }
        extra = {k: v for k, v in document.items() if k not in stored}
        return Channel(**cast(Any, given), accuracy=accuracy, extra=extra)
