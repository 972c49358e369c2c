"""Merge the traces of all ranks of a run on several machines.

1. The stamps of each machine are put on the clock of rank 0.
2. Where several ranks sampled one machine, their sensors are arranged together.
3. An instrument that was read on two machines counts once.
4. Meters of the machines are part of shared equipment that feeds them.

The result depends on the traces and on what the ranks recorded only, so that the same journals
always give the same traces.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.timestamps import to_iso
from harness.formats.defects import DefectCode
from harness.live.distributed.clock_offset import Clock
from harness.live.distributed.rank_windows import common_window, edge_bounds
from harness.live.sensors.across_machines import shared_instruments
from harness.live.sensors.checks import CheckedSensors, SensorFinding, check_sensors
from harness.live.sensors.shared_equipment import PREFIX, is_shared, with_shared
from harness.traces.channel import Channel
from harness.traces.trace import Trace


@dataclass(frozen=True, slots=True)
class RankTraces:
    """The traces of one rank by the clock of its machine.

    Attributes:
        traces: The traces.
        rank: What is recorded of the rank, its window on the clock of rank 0.
        folder: Where its part was recorded.
    """

    traces: Sequence[Trace]
    rank: Mapping[str, Any]
    folder: Path


def merge_traces(parts: Sequence[RankTraces]) -> CheckedSensors:
    """Merge the traces of all ranks of a run, see the steps of the module.

    Raises:
        UnreadableError: A rank states no usable comparison of its clock.
    """
    ranks = [part.rank for part in parts]
    states_windows = common_window(ranks) is not None
    bounds_s = edge_bounds(ranks) if states_windows else {}
    clocks: dict[str, Clock] = {}
    for part in parts:
        clocks |= clocks_of([part.rank], str(part.folder))
    by_node: dict[str, list[RankTraces]] = {}
    for part in parts:
        by_node.setdefault(str(part.rank["node"]), []).append(part)
    merged: list[Trace] = []
    findings: list[SensorFinding] = []
    for node, node_parts in by_node.items():
        clock = clocks.get(node)
        if clock is None and all(part.rank["number"] for part in node_parts):
            clock = Clock.from_facts({}, str(node_parts[0].folder))  # says what is missing
        checked = _of_one_machine(node_parts)
        findings += checked.findings
        for trace in checked.traces:
            moved = trace if clock is None else clock.shift_trace(trace)
            channel = moved.channel if is_shared(moved.channel) else _of_node(moved.channel, node)
            channel = _with_clock(channel, clock, node, bounds_s.get(node))
            merged.append(replace(moved, channel=channel))
    if not states_windows:  # recorded by a release that did not look for shared instruments
        return CheckedSensors(merged, findings)
    lag_s = 2 * max((clock.limit_s for clock in clocks.values()), default=0.0)
    merged, shared_findings = _count_once(merged, lag_s)
    return CheckedSensors(with_shared(merged), [*findings, *shared_findings])


def clocks_of(ranks: Iterable[Mapping[str, Any]], where: str) -> dict[str, Clock]:
    """Return the clock of each machine but that of rank 0, from the rank that compared it."""
    clocks = {}
    for rank in ranks:
        if rank.get("clock") is not None:
            clocks[str(rank["node"])] = Clock.from_facts(rank["clock"], where)
    return clocks


def _of_one_machine(parts: Sequence[RankTraces]) -> CheckedSensors:
    """Arrange the sensors of one machine together where several of its ranks sampled it."""
    sampled = [part for part in parts if part.traces]
    if len(sampled) < 2:
        return CheckedSensors([trace for part in sampled for trace in part.traces])
    used: set[str] = set()
    machine_traces: list[Trace] = []
    shared: list[Trace] = []
    for part in sampled:
        is_used = {trace.channel.id for trace in part.traces} & used
        prefix = f"rank-{part.rank['number']}-" if is_used else ""
        for trace in part.traces:
            if is_shared(trace.channel):
                shared.append(trace)
            else:
                machine_traces.append(replace(trace, channel=_prefixed(trace.channel, prefix)))
        used |= {trace.channel.id for trace in machine_traces}
    checked = check_sensors(machine_traces)
    return CheckedSensors([*checked.traces, *shared], checked.findings)


def _prefixed(channel: Channel, prefix: str) -> Channel:
    parent = f"{prefix}{channel.part_of}" if channel.part_of else None
    return replace(channel, id=f"{prefix}{channel.id}", part_of=parent)


def _count_once(traces: Sequence[Trace], lag_s: float) -> tuple[list[Trace], list[SensorFinding]]:
    """Make the second of two channels of one instrument part of the first."""
    first_of: dict[str, str] = {}
    findings = []
    for first, second in shared_instruments(traces, lag_s):
        first_of[second.channel.id] = first.channel.id
        message = (
            f"{second.channel.id} shows what {first.channel.id} shows:"
            " one instrument was read on two machines, and counts once"
        )
        findings.append(SensorFinding(DefectCode.COUNTER_TWICE, second.channel.id, message))
    counted = []
    for trace in traces:
        first_id = first_of.get(trace.channel.id)
        if first_id is not None and trace.channel.part_of is None:
            trace = replace(trace, channel=replace(trace.channel, part_of=first_id))
        counted.append(trace)
    return counted, findings


def _of_node(channel: Channel, node: str) -> Channel:
    parent = channel.part_of
    if parent and not parent.startswith(PREFIX):
        parent = f"{node}-{parent}"
    return replace(channel, id=f"{node}-{channel.id}", part_of=parent, node=node)


def _with_clock(
    channel: Channel, clock: Clock | None, node: str, bounds_s: tuple[float, float] | None
) -> Channel:
    """Add the error of the clock comparisons; an unknown error of the meter stays unknown.

    Args:
        channel: The channel.
        clock: The comparison of its machine's clock; None on the machine of rank 0.
        node: Its machine.
        bounds_s: How far the edges of the window may be off for its readings [s]; None for a record
            without windows of its ranks, of an earlier release.
    """
    name = f"{node} at {to_iso(clock.before.at_ns)}" if clock else channel.clock
    if bounds_s is not None:
        is_exact = not any(bounds_s)
        return replace(channel, clock=name, edge_bounds_s=None if is_exact else bounds_s)
    error_s = channel.clock_error_s
    if error_s is not None and clock is not None:
        error_s = math.hypot(error_s, clock.error_s)
    return replace(channel, clock=name, clock_error_s=error_s)
