"""Check the sensors of a run against each other, in the run's own readings, idle and busy.

`harness.meters.topology` states which sensors measure parts of others. Physics stands above it:

1. A sensor without a usable reading measures nothing: one that never answered, a counter that
   stands still, a mean over a longer time than the run.
2. Counters that show the same number all the time are one counter, counted once.
3. A whole that stands still while its parts move, or shows less than its parts together, is not
   wired: it is left out, and its parts are summed.
4. Where nobody knows whether a platform counter contains a board, the load may tell: the rest of
   the platform follows the board's power or it does not.

Whatever is left out or stays unknown becomes a finding. The result depends on the readings only,
so the same journals always give the same traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from harness.formats.defects import DefectCode
from harness.live.sensors.faults import SensorFault, emptied, find_fault
from harness.live.sensors.pairs import (
    are_equal_counters,
    are_equal_powers,
    close_counters,
    powers,
)
from harness.meters.arrangement import Arrangement, arrange
from harness.meters.topology import BATTERY, WHOLES, Relation, relation, subject_of
from harness.traces.trace import Trace

TOLERANCE_W = 1.0
"""Parts may exceed their whole by so much, besides the limits of error of both [W]."""
MIN_SWING_W, MIN_SWING_SHARE = 10.0, 0.1
"""A load must move by so much [W] and by this share of its mean before it proves anything."""
CONTAINED_SLOPE, APART_SLOPE = 0.7, 0.3
"""Rise of the whole for each watt of a part: above the first it contains it, below the second not.

A platform that does not contain a board still rises by some tenths of its power: fans, conversion
losses and the processor's share of the work.
"""
OPTIONAL_PARTS = frozenset({"dram", "uncore", "fan", "rail"})
"""Parts that many processors have no counter for, although the driver shows one that stays at 0."""


@dataclass(frozen=True, slots=True)
class SensorFinding:
    """Something about a sensor that the reader of a result must know.

    Attributes:
        code: Kind of defect.
        channel: Id of the channel.
        message: What was found.
    """

    code: DefectCode
    channel: str
    message: str


@dataclass(slots=True)
class CheckedSensors:
    """The traces of a run as they are summed.

    Attributes:
        traces: Traces, each with the channel that contains it.
        findings: What was left out, counted once, or stays unknown.
    """

    traces: list[Trace] = field(default_factory=list)
    findings: list[SensorFinding] = field(default_factory=list)


def check_sensors(traces: Sequence[Trace]) -> CheckedSensors:
    """Arrange the traces of one machine, and leave out what its readings prove wrong."""
    findings: list[SensorFinding] = []
    faults = {trace.channel.id: find_fault(trace, traces) for trace in traces}
    live = [trace for trace in traces if not faults[trace.channel.id]]
    overrides = _equal_sensors(live, findings)
    live = _without_unwired_wholes(live, overrides, findings)
    live = _with_open_pairs_placed(live, overrides, findings)
    arrangement = _arranged(live, overrides)
    checked = CheckedSensors(_placed(live, arrangement), findings)
    _add_faulty(checked, traces, faults, overrides)
    if arrangement.unknown:
        first, second = arrangement.unknown[0]
        others = len(arrangement.unknown) - 1
        more = f", nor of {others} more pairs" if others else ""
        message = (
            f"{first} and {second} are added, and it is not known whether one contains the other"
            f"{more}"
        )
        findings.append(SensorFinding(DefectCode.CONTAINMENT_UNKNOWN, first, message))
    order = {trace.channel.id: number for number, trace in enumerate(traces)}
    checked.traces.sort(key=lambda trace: order[trace.channel.id])
    return checked


def _arranged(traces: Sequence[Trace], overrides: dict[tuple[str, str], Relation]) -> Arrangement:
    return arrange([trace.channel for trace in traces], overrides)


def _placed(traces: Sequence[Trace], arrangement: Arrangement) -> list[Trace]:
    return [
        replace(
            trace, channel=replace(trace.channel, part_of=arrangement.parents[trace.channel.id])
        )
        for trace in traces
    ]


# --- 1. sensors without a usable reading


def _add_faulty(
    checked: CheckedSensors,
    traces: Sequence[Trace],
    faults: dict[str, SensorFault | None],
    overrides: dict[tuple[str, str], Relation],
) -> None:
    """Add sensors without usable readings: as parts where they lie inside another, else emptied.

    A faulty sensor that others stand in for is left out, with a finding.
    """
    faulty = [trace for trace in traces if faults[trace.channel.id]]
    arrangement = _arranged(traces, overrides)
    live_ids = {trace.channel.id for trace in checked.traces}
    for trace in faulty:
        id_ = trace.channel.id
        fault = faults[id_]
        assert fault is not None
        parent = arrangement.parents[id_]
        if parent in live_ids:
            channel = replace(trace.channel, part_of=parent)
            checked.traces.append(replace(trace, channel=channel))
            continue
        part = subject_of(trace.channel).part
        children = [child for child, holder in arrangement.parents.items() if holder == id_]
        never_read = fault.code is DefectCode.SENSOR_UNREADABLE
        stands_in = bool(live_ids.intersection(children)) or (
            bool(live_ids) and (never_read or part in OPTIONAL_PARTS)
        )
        if stands_in:
            message = f"{id_} is left out: {fault.reason}"
            checked.findings.append(SensorFinding(DefectCode.SENSOR_LEFT_OUT, id_, message))
            continue
        if parent is not None and faults.get(parent):
            parent = None  # its whole is as faulty
        channel = replace(trace.channel, part_of=parent)
        checked.traces.append(emptied(replace(trace, channel=channel), fault.reason))
        checked.findings.append(SensorFinding(fault.code, id_, f"{id_}: {fault.reason}"))


# --- 2. equal counters


def _equal_sensors(
    traces: Sequence[Trace], findings: list[SensorFinding]
) -> dict[tuple[str, str], Relation]:
    """Find pairs of sensors that show one number all the time, and report them."""
    overrides: dict[tuple[str, str], Relation] = {}
    arrangement = _arranged(traces, {})
    tops = [trace for trace in traces if arrangement.parents[trace.channel.id] is None]
    by_id = {trace.channel.id: trace for trace in tops}
    unknown = ((by_id[first], by_id[second]) for first, second in arrangement.unknown)
    equal = [pair for pair in close_counters(tops) if are_equal_counters(*pair)]
    equal += [
        pair
        for pair in unknown
        if {trace.channel.kind for trace in pair} != {"counter"} and are_equal_powers(*pair)
    ]
    for first, second in equal:
        ids = (first.channel.id, second.channel.id)
        overrides[ids] = Relation.SAME
        if any(finding.channel == ids[1] for finding in findings):
            continue  # the third of three: it is one with the first already
        message = f"{ids[0]} and {ids[1]} show one number at all times: it is counted once"
        findings.append(SensorFinding(DefectCode.COUNTER_TWICE, ids[1], message))
    return overrides


# --- 3. wholes that are not wired


def _without_unwired_wholes(
    traces: Sequence[Trace],
    overrides: dict[tuple[str, str], Relation],
    findings: list[SensorFinding],
) -> list[Trace]:
    """Leave out wholes that stand still or show less than their parts.

    Supplies of one machine are judged together: nobody knows which of them feeds which part.
    """
    live = list(traces)
    while True:
        arrangement = _arranged(live, overrides)
        for wholes in _groups_of_wholes(live, arrangement):
            ids = {whole.channel.id for whole in wholes}
            parts = [t for t in live if arrangement.parents[t.channel.id] in ids]
            groups = _disjoint_groups(_counted_once(parts, arrangement))
            reason = next(filter(None, (_unwired(wholes, group) for group in groups)), "")
            if reason:
                break
        else:
            return live
        for whole in wholes:
            message = f"{whole.channel.id} is left out: {reason}"
            code = DefectCode.WHOLE_BELOW_PARTS
            findings.append(SensorFinding(code, whole.channel.id, message))
        live = [trace for trace in live if trace.channel.id not in ids]


def _groups_of_wholes(traces: Sequence[Trace], arrangement: Arrangement) -> list[list[Trace]]:
    """Return the sensors of wholes, those of one kind that lie side by side in one group."""
    groups: dict[tuple[str, str | None], list[Trace]] = {}
    for trace in _counted_once(traces, arrangement):
        part = subject_of(trace.channel).part
        if part in WHOLES or part in ("psys", "module"):
            key = (part, arrangement.parents[trace.channel.id])
            groups.setdefault(key, []).append(trace)
    return list(groups.values())


def _counted_once(parts: Sequence[Trace], arrangement: Arrangement) -> list[Trace]:
    """Return the parts without second sensors of a part and without estimates."""
    duplicates = {second for _, second in arrangement.duplicates}
    return [t for t in parts if t.channel.id not in duplicates and t.channel.kind != "estimate"]


def _disjoint_groups(parts: Sequence[Trace]) -> list[list[Trace]]:
    """Return the parts that cannot overlap together, and each that may overlap others alone."""
    overlapping = [part for part in parts if _may_overlap(part, parts)]
    ids = {part.channel.id for part in overlapping}
    disjoint = [part for part in parts if part.channel.id not in ids]
    return [disjoint, *([part] for part in overlapping)]


def _may_overlap(part: Trace, peers: Sequence[Trace]) -> bool:
    """Return whether a sensor may measure something that one of its peers measures."""
    subject = subject_of(part.channel)
    return any(
        relation(subject, subject_of(peer.channel)) is Relation.UNKNOWN
        for peer in peers
        if peer is not part
    )


def _unwired(wholes: Sequence[Trace], parts: Sequence[Trace]) -> str:
    """Return why some wholes together cannot contain some parts, or ""."""
    power_w = powers([*wholes, *parts]) if parts else None
    if power_w is None:
        return ""
    whole_w, parts_w = power_w[: len(wholes)], power_w[len(wholes) :]
    most_w = sum(
        float(row.mean()) * (1 + trace.channel.accuracy.gain_mpe)
        + trace.channel.accuracy.range_limit_w
        for row, trace in zip(whole_w, wholes, strict=True)
    )
    least_w = sum(
        float(row.mean()) * (1 - trace.channel.accuracy.gain_mpe)
        for row, trace in zip(parts_w, parts, strict=True)
    )
    mean_w = float(whole_w.sum(axis=0).mean())
    if least_w > most_w + TOLERANCE_W:
        shown = "it shows" if len(wholes) == 1 else f"the {len(wholes)} of its kind show"
        return (
            f"{shown} {mean_w:.4g} W, and the parts that it is said to contain draw "
            f"{parts_w.sum(axis=0).mean():.4g} W"
        )
    swing_w = float(np.ptp(parts_w.sum(axis=0)))
    stand_still = all(t.channel.quantity == "power" and np.ptp(t.value) == 0 for t in wholes)
    if stand_still and swing_w > max(MIN_SWING_W, MIN_SWING_SHARE * mean_w):
        return f"it stands still while its parts move by {swing_w:.4g} W"
    return ""


# --- 4. what only the load tells


def _with_open_pairs_placed(
    traces: Sequence[Trace],
    overrides: dict[tuple[str, str], Relation],
    findings: list[SensorFinding],
) -> list[Trace]:
    """Decide by the load whether a platform counter or a battery contains what stands beside it.

    A sensor that may measure something inside the whole stays open: that it draws more than the
    rest of the whole then proves nothing.
    A battery that does not feed the machine is left out: it is full, or it is being charged.
    """
    live = list(traces)
    arrangement = _arranged(live, overrides)
    by_id = {trace.channel.id: trace for trace in live}
    for whole in traces:
        id_, part = whole.channel.id, subject_of(whole.channel).part
        inside = [t for t in live if arrangement.parents[t.channel.id] == id_]
        open_ids = [set(pair) - {id_} for pair in arrangement.unknown if id_ in pair]
        peers = [by_id[peer] for ids in open_ids for peer in ids]
        beside = [peer for peer in peers if not _may_overlap(peer, inside)]
        if part not in ("psys", BATTERY) or not beside:
            continue
        verdict = _relation_by_load(whole, inside, beside)
        if part == BATTERY and verdict is not Relation.CONTAINS:
            live = [trace for trace in live if trace is not whole]
            message = f"{id_} is left out: its power does not follow the machine's"
            findings.append(SensorFinding(DefectCode.SENSOR_LEFT_OUT, id_, message))
        elif verdict is not None:
            overrides.update({(id_, trace.channel.id): verdict for trace in beside})
    return live


def _relation_by_load(
    whole: Trace, inside: Sequence[Trace], beside: Sequence[Trace]
) -> Relation | None:
    """Return whether a whole contains the sensors beside it; None if the load does not tell."""
    power_w = powers([whole, *inside, *beside])
    if power_w is None:
        return None
    rest_w = power_w[0] - power_w[1 : 1 + len(inside)].sum(axis=0)
    boards_w = power_w[1 + len(inside) :].sum(axis=0)
    limit = whole.channel.accuracy.gain_mpe
    if float(rest_w.mean()) + limit * float(power_w[0].mean()) < 0.9 * float(boards_w.mean()):
        return Relation.APART  # they draw more than the whole has left
    swing_w = float(np.ptp(boards_w))
    if swing_w < max(MIN_SWING_W, MIN_SWING_SHARE * float(boards_w.mean())):
        return None
    slope = float(np.polyfit(boards_w, rest_w, 1)[0])
    if slope >= CONTAINED_SLOPE:
        return Relation.CONTAINS
    return Relation.APART if slope <= APART_SLOPE else None
