"""Find runs that one entry measured before the power supplies and another behind them.

A supply gives out less than it takes in, so the two measurements check each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from harness.auditing.cross_entry import AcDcPair
from harness.auditing.outlines.gathered import Fetch, Gathered


class _RunKey(NamedTuple):
    """What two measurements of one run have in common."""

    benchmark: str
    start_ns: int
    stop_ns: int


class _MeasuredRun(NamedTuple):
    """A run as one entry measured it.

    Attributes:
        entry_id: Id of the entry.
        run_id: Id of the run.
        position: Position of the entry.
        run: Place of the run in the entry.
        nodes: Place of the trace of each node among the outer traces of the run.
    """

    entry_id: str
    run_id: str
    position: int
    run: int
    nodes: dict[str, int]


def ac_dc_pairs(gathered: Gathered, fetch: Fetch) -> dict[str, tuple[AcDcPair, ...]]:
    """Return the runs measured behind the supplies that another entry measured before them.

    Args:
        gathered: Outlines of the entries.
        fetch: Returns the traces of some of them.

    Returns:
        Pairs by id of the entry that measured behind the supplies.
    """
    dc_runs = list(_measured_runs(gathered, "dc"))
    wanted = {key for key, _ in dc_runs}
    ac_runs: dict[_RunKey, list[_MeasuredRun]] = defaultdict(list)
    for key, measured in _measured_runs(gathered, "ac") if wanted else ():
        if key in wanted:
            ac_runs[key].append(measured)

    pairs: dict[str, list[AcDcPair]] = defaultdict(list)
    for key, dc_run in dc_runs:
        if key in ac_runs:
            ac_run = _nearest_in_tree(dc_run.entry_id, ac_runs[key])
            pair = _compare_ac_dc(dc_run, ac_run, fetch)
            if pair is not None:
                pairs[dc_run.entry_id].append(pair)
    return {entry_id: tuple(sorted(items)) for entry_id, items in pairs.items()}


def _measured_runs(gathered: Gathered, current: str) -> Iterator[tuple[_RunKey, _MeasuredRun]]:
    for position in gathered.positions_of_current(current):
        outline = gathered.outline(position)
        for place, run in enumerate(outline.runs):
            if run.window is not None:
                key = _RunKey(outline.benchmark, run.window.start_ns, run.window.stop_ns)
                nodes = {t.node: n for n, t in enumerate(run.traces) if t.node is not None}
                yield key, _MeasuredRun(outline.id, run.id, position, place, nodes)


def _nearest_in_tree(entry_id: str, candidates: Sequence[_MeasuredRun]) -> _MeasuredRun:
    """Return the candidate that shares most folders with an entry: trees may be given twice."""
    folders = entry_id.split("/")

    def distance(candidate: _MeasuredRun) -> tuple[int, str]:
        pairs = zip(folders, candidate.entry_id.split("/"), strict=False)
        common = sum(mine == theirs for mine, theirs in pairs)
        return -common, candidate.entry_id

    return min(candidates, key=distance)


def _compare_ac_dc(dc_run: _MeasuredRun, ac_run: _MeasuredRun, fetch: Fetch) -> AcDcPair | None:
    """Compare the readings of both measurements that have the same time stamp.

    Returns:
        The pair; None where one of them can no longer be read.
    """
    traces = fetch([dc_run.position, ac_run.position])
    if not {dc_run.position, ac_run.position} <= traces.keys():
        return None
    dc_traces = traces[dc_run.position][dc_run.run]
    ac_traces = traces[ac_run.position][ac_run.run]
    above = compared = 0
    dc_sum, ac_sum = 0.0, 0.0
    for node in sorted(dc_run.nodes.keys() & ac_run.nodes.keys()):
        dc_trace, ac_trace = dc_traces[dc_run.nodes[node]], ac_traces[ac_run.nodes[node]]
        _, dc_rows, ac_rows = np.intersect1d(
            dc_trace.t_ns, ac_trace.t_ns, assume_unique=True, return_indices=True
        )
        dc_value, ac_value = dc_trace.value[dc_rows], ac_trace.value[ac_rows]
        above += int((dc_value > ac_value).sum())
        compared += len(dc_value)
        dc_sum += float(dc_value.sum())
        ac_sum += float(ac_value.sum())
    ratio = dc_sum / ac_sum if ac_sum else 0.0
    return AcDcPair(dc_run.run_id, ac_run.entry_id, above, compared, ratio)
