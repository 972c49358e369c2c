"""A channel: what was measured, where, by which meter and how well.

It is the header of a power trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast

from harness.core.schemas import SCHEMA_VERSION
from harness.traces.supplies import Supply

Kind = Literal["mean", "instant", "counter", "estimate"]

MIN_POWER_FACTOR = 1e-3
"""A smaller power factor is not used: it would lead to a limit of several times the reading."""
MAX_CLOCK_ERROR_S = 1e9
"""No clock is further off: thirty years [s]."""


STORE_FIELDS = frozenset(
    ["schema_version", "accuracy", "supply", "readings", "dropped", "columns", "content_sha256"]
)
"""Fields of a header that describe the stored columns, or have a type of their own."""


OPTIONAL_FIELDS = frozenset(["edge_bounds_s"])
"""Fields that a header has only where they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Limits of a meter's systematic error.

    Each is the half-width of a uniform distribution (JCGM 100, 4.3.7).

    Attributes:
        reading_limit_pct: Limit of the part that is proportional to the reading [%].
        range_limit_w: Limit of the constant part [W].
        power_factor_limit_pct: Added to the reading limit per unit of tan(phi) [%]; 0 where not
            applicable.
        power_factor: Mean power factor of the trace, for tan(phi); None where unknown.
        source: Document and clause that state the limits.
        assumed: Whether the meter is unknown and the widest limit of its class was taken.
        extra: Fields of a header that this release does not know.
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
        """Maximum permissible relative error of a reading, with the power-factor term."""
        limit = self.reading_limit_pct
        if (
            self.power_factor_limit_pct
            and self.power_factor is not None
            and 0 < self.power_factor < 1
        ):
            tan_phi = (1 / max(self.power_factor, MIN_POWER_FACTOR) ** 2 - 1) ** 0.5
            limit += tan_phi * self.power_factor_limit_pct
        return limit / 100


MAY_BE_ZERO = "may_be_zero"
"""Field of a header: of several supplies this one may rest at 0 W, in cold redundancy."""
SUPPLIES = frozenset({"psu", "psu-output"})
DECLARED_SOURCE = "declared_source"
"""Field of a header: what a meter was told to read instead of the machine's own sensors."""
NO_DAEMON = "no_daemon"
"""Field of a header: an analyzer was read in a power session without SPEC's PTDaemon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One measured quantity of one place.

    Attributes:
        id: Name of the channel within its run.
        quantity: What is measured.
        unit: Unit of the readings.
        kind: What a reading is: mean over its cell, instant value, cumulative counter, or model
            estimate.
        boundary: Where it is measured: wall, pdu, psu, node, board, package, rack, interconnect ...
        node: The machine it belongs to, where there are several.
        phase: The phase of an electric supply it measures.
        part_of: Id of the channel that already contains this one (a phase of a sum); such are not
            added again.
        meter: Id in the table of instruments, or "unknown".
        calibration_id: Channels with the same id share their systematic error, by one draw.
        accuracy: Limits of the systematic error.
        nominal_interval_s: Time between readings that the meter was set to [s].
        clock: Whose clock stamps the readings.
        clock_error_s: Standard error of that clock against the clock of the window [s]; None where
            unknown.
        edge_bounds_s: How far the start and the stop of the window may be off for these readings
            where the clock of another machine stamped them [s]; None on one machine.
        current: What is measured, "ac" or "dc".
        conversion_efficiency: Factor that turns the measured AC into the DC asked for.
        supply: Power supplies whose efficiency at the load of each reading turns AC into DC, in
            place of such a factor; None where they are not stated.
        counter_modulus_j: Value at which a counter starts again at 0 [J].
        resolution: Smallest step of a reading [W or J].
        update_interval_s: Time between updates of a counter [s]: a reading may be that old.
        stamp_lag_s: How late the stamps of readings are on average [s]: filters, slow buses.
        averaging_s: Length of the moving mean that a reading is [s], where it is longer than the
            time between readings.
        sampled_share: Share of the time that the meter samples at all; None or 1 for all of it.
        source: File it was read from, relative to the entry.
        extra: Fields of a header that this release does not know.
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
    edge_bounds_s: tuple[float, float] | None = None
    current: Literal["ac", "dc", "unknown"] = "unknown"
    conversion_efficiency: float | None = None
    supply: Supply | None = None
    counter_modulus_j: float | None = None
    resolution: float | None = None
    update_interval_s: float | None = None
    stamp_lag_s: float | None = None
    averaging_s: float | None = None
    sampled_share: float | None = None
    source: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def may_rest(self) -> bool:
        """Whether 0 W is a reading: of a supply that rests while another carries the load."""
        return self.boundary in SUPPLIES and self.extra.get(MAY_BE_ZERO) is True

    @property
    def declared_source(self) -> str:
        """What its meter was told to read instead of the machine's own sensors; "" for nothing."""
        return str(self.extra.get(DECLARED_SOURCE) or "")

    @property
    def without_daemon(self) -> bool:
        """Whether an analyzer was read in a power session without SPEC's PTDaemon."""
        return self.extra.get(NO_DAEMON) is True

    def header(self) -> dict[str, Any]:
        """Return the document of `schemas/power-trace.schema.json`, less what the store adds."""
        document: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "accuracy":
                value = _accuracy_document(value)
            if item.name == "supply":
                value = None if value is None else value.document()
            is_absent = item.name in OPTIONAL_FIELDS and value is None
            if item.name == "edge_bounds_s" and value is not None:
                value = list(value)
            if item.name != "extra" and not is_absent:
                document[item.name] = value
        return document | dict(self.extra)

    @staticmethod
    def from_header(document: Mapping[str, Any]) -> Channel:
        """Return the channel of a valid power-trace header.

        Fields this release does not know are kept.
        """
        names = {item.name for item in fields(Channel)} - {"extra", "accuracy", "supply"}
        own_fields = {name: value for name, value in document.items() if name in names}
        if own_fields.get("edge_bounds_s") is not None:
            own_fields["edge_bounds_s"] = tuple(map(float, own_fields["edge_bounds_s"]))
        stored = names | STORE_FIELDS
        extra = {name: value for name, value in document.items() if name not in stored}
        accuracy = _accuracy_of(document["accuracy"])
        stated = document.get("supply")
        supply = None if stated is None else Supply.from_document(stated)
        return Channel(**cast(Any, own_fields), accuracy=accuracy, supply=supply, extra=extra)


def _accuracy_document(accuracy: Accuracy) -> dict[str, Any]:
    """Return the limits as they stand in a header."""
    names = [item.name for item in fields(accuracy) if item.name != "extra"]
    return {name: getattr(accuracy, name) for name in names} | dict(accuracy.extra)


def _accuracy_of(stated: Mapping[str, Any]) -> Accuracy:
    """Return the limits that a header states; fields this release does not know are kept."""
    names = {item.name for item in fields(Accuracy)} - {"extra"}
    limits = {name: value for name, value in stated.items() if name in names}
    extra = {name: value for name, value in stated.items() if name not in names}
    return Accuracy(**limits, extra=extra)
