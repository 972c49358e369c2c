"""Which traces of different entries, runs and nodes are copies of each other, although not equal.

Two ways, both cheap. Exact: windows of readings are hashed, a share of them is kept and looked up, so a repeat is
seen wherever it begins, cut, shifted, thinned or stretched by whole factors. By likeness: traces of one length are
correlated by their steps, so a repeat is seen that was scaled and rounded again.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.auditing.rules.base import AcDcPair, CrossEntryEvidence, NearDuplicate, Place, place
from harness.core.timestamps import NS
from harness.formats.base import Entry
from harness.traces.trace import Floats, Ints, Trace

WIDTH, DISTINCT = 12, 8
"""Readings in a window, and how many different values it must have: a machine at rest repeats itself."""
STRIDES = (1, 2, 3, 4)
KEPT = 8
"""One window in this many is kept of a trace of more than `LONG` readings, chosen by its hash, so in copies alike."""
LONG = 400
LEAST_WINDOWS = 3
MIN_CORRELATION = 0.9998
"""Correlation of steps from which two traces are one. Largest of any two that were measured: 0.9992 (1,459 pairs)."""
LEAST_READINGS = 30
MOST = 16
"""Places of one window that are looked at: a copy in more places is told by its first."""
BLOCK = 2048
"""Traces of one length that are correlated at once, to bound memory."""

_ODD = np.array(
    [((0x9E3779B97F4A7C15 * (2 * k + 1)) ^ (k << 33)) % 2**64 | 1 for k in range(WIDTH)], np.uint64
)


@dataclass(frozen=True, slots=True)
class _Item:
    """A trace and where it stands."""

    where: Place
    trace: Trace


@dataclass(frozen=True, slots=True)
class _Like:
    """One content that holds another, wherever the two stand; fields as those of `Near`."""

    kind: Literal["repeat", "resample", "scale"]
    shift_s: float
    share: float
    factor: float

    def near(self, other: Place) -> NearDuplicate:
        return NearDuplicate(other, self.kind, self.shift_s, self.share, self.factor)

    def turned(self) -> _Like:
        return _Like(self.kind, -self.shift_s, self.share, 1 / self.factor)


def near_duplicates(entries: Sequence[Entry]) -> CrossEntryEvidence:
    """Near copies and twins among entries that are audited together; it does not depend on their order.

    Equal traces are compared with others once, so a tree that is given many times costs no more.
    """
    groups: dict[str, list[_Item]] = defaultdict(list)
    for item in sorted(_items(entries), key=lambda item: item.where):
        groups[item.trace.content_sha256].append(item)
    places = list(groups.values())
    traces = [same[0].trace for same in places]
    like = _alike(traces) | _repeats(traces)
    near: dict[Place, list[NearDuplicate]] = defaultdict(list)
    for (one, two), found in like.items():
        for a, b, what in ((one, two, found), (two, one, found.turned())):
            for item in places[a]:
                others = [
                    o.where
                    for o in places[b]
                    if what.kind != "repeat" or what.shift_s or _elsewhere(item, o)
                ]
                if others:
                    near[item.where].append(what.near(_closest(item.where, others)))
    return CrossEntryEvidence(
        {where: tuple(sorted(found)) for where, found in near.items()}, _twins(entries)
    )


def _closest(mine: Place, others: Sequence[Place]) -> Place:
    """Of the places of one content that in the same run, else in the same entry, else the first."""
    return min((other.entry != mine.entry, other.run != mine.run, other) for other in others)[2]


def _items(entries: Iterable[Entry]) -> Iterator[_Item]:
    for entry in entries:
        for run in entry.runs:
            for trace in run.outer:
                if trace.channel.kind != "counter" and len(trace) >= LEAST_READINGS:
                    yield _Item(
                        Place(entry.id, run.id, place(run, trace), (entry.submitter, entry.system)),
                        trace,
                    )


def _elsewhere(mine: _Item, other: _Item) -> bool:
    """Whether equal readings at one time are those of two machines, rather than of one in two overlapping logs."""
    a, b = mine.where, other.where
    if a.entry == b.entry and a.run == b.run:
        return True
    return all((*a.owner, *b.owner)) and a.owner != b.owner


# Exact


def _windows(value: Floats, stride: int) -> tuple[NDArray[np.uint64], Ints]:
    """Hashes of windows of every `stride`th reading, and where each begins."""
    count = len(value) - (WIDTH - 1) * stride
    if count <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    bits = value.view(np.uint64)
    found = bits[:count] * _ODD[0]
    for k in range(1, WIDTH):
        found += bits[k * stride : k * stride + count] * _ODD[k]
    found ^= found >> np.uint64(29)
    found *= np.uint64(0xBF58476D1CE4E5B9)
    if len(value) <= LONG * stride:
        return found, np.arange(count)
    at = np.flatnonzero((found >> np.uint64(40)) % np.uint64(KEPT) == 0)
    return found[at], at


def _varied(value: Floats, stride: int, begins: Ints) -> NDArray[np.bool_]:
    """Whether each window has `DISTINCT` different values."""
    rows = np.sort(value[begins[:, None] + stride * np.arange(WIDTH)], axis=1)
    return np.asarray((rows[:, 1:] != rows[:, :-1]).sum(axis=1) + 1 >= DISTINCT)


def _repeats(traces: Sequence[Trace]) -> dict[tuple[int, int], _Like]:
    """Pairs of traces of which one holds readings of the other, and how."""
    if not traces:
        return {}
    tables = []
    for trace in traces:
        asked, begins = _windows(trace.value, 1)
        varied = _varied(trace.value, 1, begins)
        tables.append((asked[varied], begins[varied]))
    hashes = np.concatenate([table[0] for table in tables])
    owner = np.repeat(np.arange(len(traces)), [len(table[0]) for table in tables])
    at = np.concatenate([table[1] for table in tables])
    order = np.argsort(hashes, kind="stable")
    hashes, owner, at = hashes[order], owner[order], at[order]
    found: dict[tuple[int, int, int], list[tuple[int, int]]] = defaultdict(list)
    for mine, trace in enumerate(traces):
        for stride in STRIDES:
            asked, begins = tables[mine] if stride == 1 else _windows(trace.value, stride)
            which, rows = _matches(hashes, asked)
            others = owner[rows] != mine
            if not others.any():
                continue
            windows, back = np.unique(which[others], return_inverse=True)
            varied = _varied(trace.value, stride, begins[windows])[back]
            for k, row in zip(
                windows[back[varied]].tolist(), rows[others][varied].tolist(), strict=True
            ):
                found[mine, int(owner[row]), stride].append((int(begins[k]), int(at[row])))
    best: dict[tuple[int, int], _Like] = {}
    for (mine, other, stride), pairs in sorted(found.items()):
        like = _like(traces[mine], traces[other], stride, pairs)
        key = (min(mine, other), max(mine, other))
        if like is not None and (key not in best or like.share > best[key].share):
            best[key] = like if mine < other else like.turned()
    return best


def _matches(hashes: NDArray[np.uint64], asked: NDArray[np.uint64]) -> tuple[Ints, Ints]:
    """Which of the asked hashes stand among the sorted ones, and where: the first `MOST` places of each."""
    low = np.searchsorted(hashes, asked)
    which = np.flatnonzero(low < len(hashes))
    which = which[hashes[low[which]] == asked[which]]
    low = low[which]
    count = np.minimum(np.searchsorted(hashes, asked[which], "right") - low, MOST)
    before = np.repeat(np.cumsum(count) - count, count)
    return np.repeat(which, count), np.repeat(low, count) + np.arange(len(before)) - before


def _like(mine: Trace, other: Trace, stride: int, pairs: list[tuple[int, int]]) -> _Like | None:
    """What pairs of windows say of two traces; None where they are too few in a row."""
    rows = np.array(sorted(set(pairs)), np.int64)
    lag = rows[:, 0] - rows[:, 1] * stride
    values, counts = np.unique(lag, return_counts=True)
    common = rows[lag == values[int(np.argmax(counts))]]
    if len(common) < LEAST_WINDOWS:
        return None
    shift = (mine.t_ns[common[:, 0]] - other.t_ns[common[:, 1]]) / NS
    shift_s = float(shift[np.argmax(np.abs(shift))])  # 0 only where all stand at one time
    sampled = KEPT if len(mine) > LONG * stride else 1
    windows = min(len(mine) // stride, len(other)) - WIDTH + 1
    share = min(1.0, len(common) * sampled / max(1, windows))
    return _Like("repeat" if stride == 1 else "resample", shift_s, round(share, 3), float(stride))


# By likeness


def _alike(traces: Sequence[Trace]) -> dict[tuple[int, int], _Like]:
    """Pairs of traces of one length whose steps correlate."""
    lengths: dict[int, list[int]] = defaultdict(list)
    for index, trace in enumerate(traces):
        lengths[len(trace)].append(index)
    found: dict[tuple[int, int], _Like] = {}
    for same in lengths.values():
        if len(same) > 1:
            found |= _correlated(traces, same)
    return found


def _correlated(traces: Sequence[Trace], same: Sequence[int]) -> dict[tuple[int, int], _Like]:
    found: dict[tuple[int, int], _Like] = {}
    for first in range(0, len(same), BLOCK):
        rows = _steps(traces, same[first : first + BLOCK])
        for second in range(first, len(same), BLOCK):
            columns = rows if second == first else _steps(traces, same[second : second + BLOCK])
            for i, j in np.argwhere(rows @ columns.T >= MIN_CORRELATION - 1e-9):
                a, b = same[first + int(i)], same[second + int(j)]
                likeness = float(np.dot(rows[i], columns[j]))
                if a < b and likeness >= MIN_CORRELATION:
                    found[a, b] = _scaled(traces[a], traces[b], likeness)
    return found


def _steps(traces: Sequence[Trace], indices: Sequence[int]) -> Floats:
    """Steps between readings, each trace to mean 0 and length 1, shape (traces, readings - 1)."""
    steps: Floats = np.stack([np.diff(traces[index].value) for index in indices])
    steps -= steps.mean(axis=1, keepdims=True)
    length = np.sqrt((steps**2).sum(axis=1, keepdims=True))
    steps /= np.where(length > 0, length, 1.0)
    return steps


def _scaled(one: Trace, two: Trace, likeness: float) -> _Like:
    factor = float(np.linalg.norm(np.diff(one.value)) / np.linalg.norm(np.diff(two.value)))
    shift_s = float(one.t_ns[0] - two.t_ns[0]) / NS
    same = np.array_equal(one.value, two.value)
    return _Like("scale", shift_s, round(min(1.0, likeness), 6), 1.0 if same else factor)


# Twins


def _twins(entries: Sequence[Entry]) -> dict[str, tuple[AcDcPair, ...]]:
    """By entry that was measured behind the supplies: its runs that another entry has as measured before them."""
    before: dict[tuple[str, int, int], list[tuple[Entry, dict[str, Trace]]]] = defaultdict(list)
    behind: list[tuple[tuple[str, int, int], Entry, str, dict[str, Trace]]] = []
    for entry in entries:
        current = _current(entry)
        for run in entry.runs:
            if run.window is not None and current:
                key = (entry.benchmark, run.window.start_ns, run.window.stop_ns)
                nodes = {t.channel.node or "": t for t in run.outer if t.channel.boundary == "node"}
                if current == "ac":
                    before[key].append((entry, nodes))
                else:
                    behind.append((key, entry, run.id, nodes))
    found: dict[str, list[AcDcPair]] = defaultdict(list)
    for key, entry, run_id, nodes in behind:
        if before.get(key):  # of several copies of a tree the nearest by its path
            other, others = min(before[key], key=functools.partial(_apart, entry.id))
            found[entry.id].append(_twin(run_id, other.id, nodes, others))
    return {name: tuple(sorted(twins)) for name, twins in found.items()}


def _apart(entry_id: str, item: tuple[Entry, dict[str, Trace]]) -> tuple[int, str]:
    """How far apart two entries lie in the tree."""
    mine, its = entry_id.split("/"), item[0].id.split("/")
    return -sum(a == b for a, b in zip(mine, its, strict=False)), item[0].id


def _current(entry: Entry) -> str:
    """Whether an entry says it was measured as "ac" or "dc": in its logs, or in the names of system and submitter."""
    said = {t.channel.current for run in entry.runs for t in run.outer} - {"unknown"}
    if len(said) == 1:
        return said.pop()
    text = " ".join(
        (
            entry.submitter,
            entry.system,
            str((entry.system_description or {}).get("system_name", "")),
        )
    )
    words = text.lower().replace("_", "-").replace(" ", "-").split("-")
    named = {"ac", "dc"} & set(words)
    return named.pop() if len(named) == 1 else ""


def _twin(run_id: str, other: str, nodes: dict[str, Trace], others: dict[str, Trace]) -> AcDcPair:
    above = of = 0
    low, high = 0.0, 0.0
    for name in sorted(nodes.keys() & others.keys()):
        _, mine, its = np.intersect1d(
            nodes[name].t_ns, others[name].t_ns, assume_unique=True, return_indices=True
        )
        a, b = nodes[name].value[mine], others[name].value[its]
        above, of = above + int((a > b).sum()), of + len(a)
        low, high = low + float(a.sum()), high + float(b.sum())
    return AcDcPair(run_id, other, above, of, low / high if high else 0.0)
