"""Find runs that one entry measured before the power supplies and another behind them.

A supply gives out less than it takes in, so the two measurements check each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from harness.auditing.cross_entry import AcDcPair
from harness.formats.base import Entry
from harness.traces.trace import Trace


class _RunKey(NamedTuple):
    """What two measurements of one run have in common."""

    benchmark: str
    start_ns: int
    stop_ns: int


class _MeasuredRun(NamedTuple):
    """A run as one entry measured it, with the trace of each node."""

    entry_id: str
    run_id: str
    nodes: dict[str, Trace]


def ac_dc_pairs(entries: Sequence[Entry]) -> dict[str, tuple[AcDcPair, ...]]:
    """Return the runs measured behind the supplies that another entry measured before them.

    Returns:
        Pairs by id of the entry that measured behind the supplies.
    """
    ac_runs: dict[_RunKey, list[_MeasuredRun]] = defaultdict(list)
    dc_runs: list[tuple[_RunKey, _MeasuredRun]] = []
    for entry in entries:
        current = _supply_current(entry)
        for key, measured in _measured_runs(entry) if current else ():
            if current == "ac":
                ac_runs[key].append(measured)
            else:
                dc_runs.append((key, measured))

    pairs: dict[str, list[AcDcPair]] = defaultdict(list)
    for key, dc_run in dc_runs:
        candidates = ac_runs.get(key)
        if candidates:
            ac_run = _nearest_in_tree(dc_run.entry_id, candidates)
            pairs[dc_run.entry_id].append(_compare_ac_dc(dc_run, ac_run))
    return {entry_id: tuple(sorted(items)) for entry_id, items in pairs.items()}


def _measured_runs(entry: Entry) -> Iterator[tuple[_RunKey, _MeasuredRun]]:
    for run in entry.runs:
        if run.window is None:
            continue
        key = _RunKey(entry.benchmark, run.window.start_ns, run.window.stop_ns)
        nodes = {t.channel.node or "": t for t in run.outer if t.channel.boundary == "node"}
        yield key, _MeasuredRun(entry.id, run.id, nodes)


def _supply_current(entry: Entry) -> str:
    """Return "ac" or "dc" where an entry says which it measured, else "".

    Its logs decide; where they do not say, the names of submitter and system do.
    """
    stated = {trace.channel.current for run in entry.runs for trace in run.outer} - {"unknown"}
    if len(stated) == 1:
        return stated.pop()
    system_name = str((entry.system_description or {}).get("system_name", ""))
    text = " ".join((entry.submitter, entry.system, system_name))
    words = text.lower().replace("_", "-").replace(" ", "-").split("-")
    named = {"ac", "dc"} & set(words)
    return named.pop() if len(named) == 1 else ""


def _nearest_in_tree(entry_id: str, candidates: Sequence[_MeasuredRun]) -> _MeasuredRun:
    """Return the candidate that shares most folders with an entry: trees may be given twice."""
    folders = entry_id.split("/")

    def distance(candidate: _MeasuredRun) -> tuple[int, str]:
        pairs = zip(folders, candidate.entry_id.split("/"), strict=False)
        common = sum(mine == theirs for mine, theirs in pairs)
        return -common, candidate.entry_id

    return min(candidates, key=distance)


def _compare_ac_dc(dc_run: _MeasuredRun, ac_run: _MeasuredRun) -> AcDcPair:
    """Compare the readings of both measurements that have the same time stamp."""
    above = compared = 0
    dc_sum, ac_sum = 0.0, 0.0
    for node in sorted(dc_run.nodes.keys() & ac_run.nodes.keys()):
        dc_trace, ac_trace = dc_run.nodes[node], ac_run.nodes[node]
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
