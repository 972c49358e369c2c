"""spl.txt, the readings of SPEC PTDaemon, as MLPerf power ships them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from harness.documents.errors import UnreadableError
from harness.documents.times import mlperf_column
from harness.traces.build import number_or_nan
from harness.traces.lines import Cells, filled, together
from harness.traces.trace import VALUE_MAX, Floats, Ints

MOST_PARTS, MOST_MARKS = 16, 1000
"""Channels or analyzers of a session that are read, and session marks that are told apart; real ones have 6, and 2."""
AT_ONCE = 32 * 2**20
"""A file up to this size is read at once [bytes]: a day of three channels. A larger one takes more time, not memory."""
_TO_COMMAS = bytes.maketrans(b"WVAPC", b",,,,,")
"""The first letters of Watts, Volts, Amps, PF and ChN become the commas between numbers."""


@dataclass(frozen=True, slots=True)
class Spl:
    """The columns of spl.txt.

    parts: per channel or further analyzer, its id and its power [W]; electric: what the other columns say
    """

    t_ns: np.ndarray
    power_w: Floats
    raw: Sequence[str]
    power_factor: float | None
    parts: tuple[tuple[str, Floats], ...]
    part_of_analyzers: bool
    broken: int
    electric: Electric


@dataclass(frozen=True, slots=True)
class Electric:
    """What spl.txt says beside power, kept small: the columns themselves are not kept.

    lines: readings; parts: ids of channels or analyzers
    volts_max, amps_max: largest of the total and of each part [V, A]
    off_w, of_w: difference of W and V A PF, the worst of the reading's groups, and the power it is of [W], float32
    same: a number for each reading, equal where all its columns are equal, int64
    marks: session marks and how many lines have each
    """

    lines: int
    parts: tuple[str, ...]
    volts_max: tuple[float, ...]
    amps_max: tuple[float, ...]
    off_w: np.ndarray
    of_w: np.ndarray
    same: np.ndarray
    marks: tuple[tuple[str, int], ...]


def read_spl(content: bytes, where: str) -> Spl:
    """All `Time,` lines of an spl.txt, in file order. Raises UnreadableError where there is none."""
    table = (_uniform(content) if len(content) <= AT_ONCE else None) or _mixed(content)
    if table is None:
        raise UnreadableError(
            "has no power reading",
            where=where,
            expected="lines like Time,07-23-2024 15:47:16.858,Watts,172.9,...",
        )
    power_w, factors = table.groups[:, 0, 0], table.groups[:, 0, 3]
    usable = factors[(factors > 0) & (factors <= 1) & (power_w > 0)]
    parts = [(name, table.groups[:, at, 0]) for at, name in enumerate(table.names, 1)]
    analyzers = any(name.startswith("Analyzer") for name in table.names)
    for _, part in parts if analyzers else ():  # the tool adds 0 for an analyzer that failed: no reading of the whole
        power_w = np.where(part > 0, power_w, np.nan)
    return Spl(
        t_ns=table.t_ns,
        power_w=np.ascontiguousarray(power_w),
        raw=table.watts,
        power_factor=float(usable.mean()) if len(usable) else None,
        parts=tuple((name, np.ascontiguousarray(part)) for name, part in parts),
        part_of_analyzers=analyzers,
        broken=table.broken,
        electric=_electric(table, analyzers),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Lines of spl.txt.

    t_ns: 0 where there is no time; groups: W, V, A, PF of total and parts, float64, shape (n, 1 + parts, 4)
    """

    t_ns: Ints
    groups: np.ndarray
    names: tuple[str, ...]
    watts: Sequence[str]
    marks: tuple[tuple[str, int], ...]
    broken: int


def _uniform(content: bytes) -> _Table | None:
    """The usual file: each line has the same form, so the labels can be cut out of all lines at once."""
    lines = content.strip().split(b"\nTime,")
    if not lines[0].startswith(b"Time,") or content.find(b"Analyzer", 0, 512) >= 0:
        return None
    lines[0] = lines[0][5:]
    _, _, mark = lines[0].partition(b",Mark,")
    mark, *channels = mark.strip().split(b",")
    names = [cell for cell in channels if re.fullmatch(rb"Ch\d{1,3}", cell)]
    if any(line[23:30] != b",Watts," for line in lines) or not mark or len(names) > MOST_PARTS:
        return None
    text = b"W".join([line[30:] for line in lines]).replace(b",Mark," + mark, b"")
    bare = text.translate(_TO_COMMAS, delete=b",attsolmpFh")  # a channel's number stays, in front of its group
    if len(text) - len(bare) != len(lines) * (14 + 22 * len(names)):
        return None  # not the labels that were to be cut out
    try:
        numbers = msgspec.json.decode(b"[" + bare + b"]", type=list[float])
    except (msgspec.DecodeError, RecursionError):
        return None
    width = 4 + 5 * len(names)
    if len(numbers) != len(lines) * width:
        return None
    table = np.array(numbers, np.float64).reshape(len(lines), width)
    numbered = table[:, 4:].reshape(len(lines), len(names), 5)
    if np.any(numbered[:, :, 0] != [int(name[2:]) for name in names]):
        return None
    groups = np.concatenate([table[:, None, :4], numbered[:, :, 1:]], axis=1)
    stated = ((mark.decode("ascii", "replace"), len(lines)),)
    t_ns, timed = mlperf_column([line[:23] for line in lines])
    return _Table(
        np.where(timed, t_ns, 0),
        groups,
        tuple(n.decode("ascii", "replace") for n in names),
        Cells(lines, 2),
        stated,
        0,
    )


_ROW = re.compile(rb"^Time,[^,\n]*,Watts,(?:[^,\n]*,){6}[^\n]*", re.MULTILINE)
"""A line with a power reading: ten cells or more."""


def _mixed(content: bytes) -> _Table | None:
    """Lines of any form, cell by cell; None where there is no line with a power reading."""
    content = content.replace(b"\r", b"\n") if b"\r" in content else content
    lines = _ROW.findall(content)
    if not lines:
        return None
    starts = _parts(lines[0].split(b","))
    marks: Counter[bytes] = Counter()
    stamps, groups = [], []
    for some in together(lines):
        rows = [line.split(b",") for line in some]
        starts = _carried(starts, rows)
        stamps.append(mlperf_column([row[1] for row in rows]))
        groups.append((tuple(starts), np.stack([_group(rows, at) for at in (2, *starts.values())], axis=1)))
        _count(marks, rows)
    kept = [
        np.concatenate([group[:, :1], *(group[:, [1 + names.index(n)]] for n in starts)], 1) for names, group in groups
    ]
    stated = tuple((mark.decode("ascii", "replace"), count) for mark, count in marks.most_common())
    timed = [np.where(good, t_ns, 0) for t_ns, good in stamps]
    broken = filled(content) - len(lines)
    return _Table(np.concatenate(timed), np.concatenate(kept), tuple(starts), Cells(lines, 3), stated, broken)


def _count(marks: Counter[bytes], rows: list[list[bytes]]) -> None:
    """Add the session marks of some lines; of more than MOST_MARKS different ones the rest is not told apart."""
    for mark, count in Counter(row[11][:80] if len(row) > 11 and row[10] == b"Mark" else b"" for row in rows).items():
        marks[mark if mark in marks or len(marks) < MOST_MARKS else b"(others)"] += count


def _parts(first: list[bytes]) -> dict[str, int]:
    """Name of each `ChN` or `AnalyzerN` of a line, and the cell where its group begins."""
    marks = [i for i, cell in enumerate(first) if re.fullmatch(rb"(?:Ch|Analyzer)\d{1,3}", cell)]
    analyzers = [i for i in marks if first[i].startswith(b"Analyzer")]
    found = {first[i].decode("ascii"): i + (3 if first[i].startswith(b"Analyzer") else 1) for i in analyzers or marks}
    return dict(list(found.items())[:MOST_PARTS])


def _carried(starts: dict[str, int], rows: list[list[bytes]]) -> dict[str, int]:
    """Those parts that every line carries at the same cell."""
    width = min(map(len, rows))
    found = {}
    for name, group in starts.items():
        mark, at = name.encode(), group - (3 if name.startswith("Analyzer") else 1)
        if group + 1 < width and all(row[at] == mark for row in rows):
            found[name] = group
    return found


def _group(rows: list[list[bytes]], at: int) -> np.ndarray:
    """W, V, A and PF of the group that begins at a cell, NaN where a line lacks one."""
    return np.stack(
        [_numbers([row[k] if k < len(row) else b"nan" for row in rows]) for k in range(at + 1, at + 9, 2)], 1
    )


def _electric(table: _Table, analyzers: bool) -> Electric:
    """The reading's own arithmetic: W = V A PF for one channel; W = n V A PF with mean V and A for a sum of n."""
    with np.errstate(all="ignore"):
        w, v, a, pf = (np.abs(table.groups[:, :, k]) for k in range(4))
        product = v * a * pf
        if len(table.names) and not analyzers:
            product[:, 0] *= len(table.names)
        off = np.abs(w - product)
        good = ((table.groups > 0) & (table.groups <= VALUE_MAX)).all(axis=2)
        off = np.where(good, off, 0.0)
        share = np.where(good, off / w, 0.0)
        worst = np.argmax(share, axis=1)
        rows = np.arange(len(worst))
        largest = [
            tuple(np.max(x, axis=0, where=(x > 0) & (x <= VALUE_MAX), initial=0.0).tolist())
            for x in (table.groups[:, :, 1], table.groups[:, :, 2])
        ]
        mixed = table.groups.reshape(len(w), -1) @ _WEIGHTS[: 4 * w.shape[1]] if w.shape[1] <= 16 else w[:, 0]
    return Electric(
        lines=len(w),
        parts=table.names,
        volts_max=largest[0],
        amps_max=largest[1],
        off_w=np.minimum(off, VALUE_MAX)[rows, worst].astype(np.float32),
        of_w=np.minimum(w, VALUE_MAX)[rows, worst].astype(np.float32),
        same=np.ascontiguousarray(mixed, np.float64).view(np.int64),
        marks=table.marks,
    )


_WEIGHTS = np.sqrt(np.array([p for p in range(2, 400) if all(p % q for q in range(2, p))][:64], np.float64))
"""Weights that are independent over the rationals: readings of different columns do not have the same sum by chance."""


def _numbers(cells: list[bytes]) -> Floats:
    try:
        found = np.array(msgspec.json.decode(b"[" + b",".join(cells) + b"]", type=list[float]), np.float64)
    except (msgspec.DecodeError, RecursionError):  # nan, an empty cell, a word
        found = np.empty(0)
    return found if len(found) == len(cells) else np.array([number_or_nan(cell) for cell in cells], np.float64)
