"""spl.txt, the readings of SPEC PTDaemon, as MLPerf power ships them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from harness.core.content_cache import cached_by_content
from harness.core.errors import UnreadableError
from harness.core.timestamps import mlperf_column, mlperf_fields
from harness.formats.ptdaemon.fixed_width import LineTemplate, alike, numbers, places
from harness.formats.ptdaemon.rounding import half_last_digit
from harness.traces.clean import number_or_nan
from harness.traces.text_lines import Cells, Lines, filled, together
from harness.traces.trace import VALUE_MAX, Floats, Ints

MOST_PARTS, MOST_MARKS = 16, 1000
"""Channels or analyzers of a session that are read, and session marks that are told apart; real ones have 6, and 2."""
AT_ONCE = 32 * 2**20
"""A file up to this size is read at once [bytes]: a day of three channels. A larger one takes more time, not memory."""
SHORTEST = len(b"Time,01-01-2000 00:00:00.000,Watts,0.0,Volts,0.0,Amps,0.0,PF,0.0,Mark,m\n")
"""No line of the usual file is shorter [bytes]; more lines of another would need more memory."""
MOST_LOOKS = 8
"""Looks at a line, on average, that finding lines of equal form may take; in real files it takes less than three."""


@dataclass(frozen=True, slots=True)
class Spl:
    """The columns of spl.txt.

    power_factor: mean power factor, of the channels as such and not of their sum; None where no line tells
    parts: per channel that carried something, or per analyzer, its id and its power [W]
    channels: that the total sums up; electric: what the other columns say
    """

    t_ns: np.ndarray
    power_w: Floats
    raw: Sequence[str]
    power_factor: float | None
    parts: tuple[tuple[str, Floats], ...]
    channels: int
    broken: int
    electric: Electric


@dataclass(frozen=True, slots=True)
class Electric:
    """What spl.txt says beside power, kept small: the columns themselves are not kept.

    lines: readings; parts: ids of all channels or analyzers that the lines name
    channels: that the total and each part sum up, and whose means their volts and amperes are; 0 where not known
    volts_max, amps_max: largest of the total and of each part [V, A]
    off_w, of_w: difference of W and V A PF that is more than the printed digits make, the worst of the reading's
    groups, and the power it is of [W], float32
    same: a number for each reading, equal where all its columns are equal, int64
    marks: session marks and how many lines have each
    """

    lines: int
    parts: tuple[str, ...]
    channels: tuple[int, ...]
    volts_max: tuple[float, ...]
    amps_max: tuple[float, ...]
    off_w: np.ndarray
    of_w: np.ndarray
    same: np.ndarray
    marks: tuple[tuple[str, int], ...]


def read_spl(content: bytes, where: str, channels: int = 1) -> Spl:
    """All `Time,` lines of an spl.txt, in file order. Raises UnreadableError where there is none.

    channels: of an analyzer, for lines that have only the sum of them
    """
    found = _read(content, channels)
    if found is None:
        raise UnreadableError(
            "has no power reading",
            where=where,
            expected="lines like Time,07-23-2024 15:47:16.858,Watts,172.9,...",
        )
    return found


@cached_by_content
def _read(content: bytes, channels: int) -> Spl | None:
    table = (_uniform(content) if len(content) <= AT_ONCE else None) or _mixed(content)
    if table is None:
        return None
    power_w = table.groups[0, 0]
    live, summed = _channels(table, channels)
    parts = [(table.names[at - 1], table.groups[0, at]) for at in live if at]
    if _of_analyzers(table.names):  # the tool adds 0 for one that failed: no reading of the whole
        for _, part in parts:
            power_w = np.where(part > 0, power_w, np.nan)
    return Spl(
        t_ns=table.t_ns,
        power_w=power_w.copy(),  # the table is not kept
        raw=table.watts,
        power_factor=_power_factor(table.groups[:3, live], summed[live]),
        parts=tuple((name, part.copy()) for name, part in parts),
        channels=int(summed[live].sum()),
        broken=table.broken,
        electric=_electric(table, summed),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Lines of spl.txt.

    t_ns: 0 where there is no time; groups: W, V, A, PF of total and parts, float64, shape (4, 1 + parts, n)
    """

    t_ns: Ints
    groups: np.ndarray
    names: tuple[str, ...]
    watts: Sequence[str]
    marks: tuple[tuple[str, int], ...]
    broken: int


@dataclass(frozen=True, slots=True)
class _Form:
    """A line of the usual file: its mark and channels, and where in it the numbers are.

    places: of the digits of the stamp's seven numbers, then of W, V, A and PF of the total and each part
    scale: what the latter are to be divided by, negative where they are; shape (4 (1 + parts), 1)
    """

    mark: bytes
    names: list[bytes]
    places: Ints
    scale: np.ndarray


_STAMP = [(5, 7), (8, 10), (11, 15), (16, 18), (19, 21), (22, 24), (25, 28)]
_NUMBER = re.compile(rb",(?:Watts|Volts|Amps|PF),(-?)(\d{1,8})\.(\d{1,7})")
"""A float64 holds each whole number of 15 digits: divided once, it is what float(text) says."""
_NAME = re.compile(rb"Ch\d+")
_GROUP = rb",Watts,{0},Volts,{0},Amps,{0},PF,{0}".replace(b"{0}", rb"-?\d{1,8}\.\d{1,7}")
_LINE = re.compile(
    rb"Time,\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3}%b,Mark,([^,\r]{1,80})((?:,Ch\d{1,3}%b)*)\r?"
    % (_GROUP, _GROUP)
)


def _uniform(content: bytes) -> _Table | None:
    """The usual file: all lines have one mark and the same channels; how many digits a number has may differ."""
    content = content.strip()
    ends = np.frombuffer(content, np.uint8) == ord("\n")
    if np.count_nonzero(ends) * SHORTEST > len(content):
        return None
    stop = np.append(np.flatnonzero(ends), len(content))
    start = np.append(0, stop[:-1] + 1)
    forms: list[_Form] = []
    found: list[Floats] = []
    order: list[Ints] = []
    left, looks = len(start), 0
    for group in alike(content, start, stop):
        form = _form(group)
        looks += left
        left -= len(group.at)
        if form is None or looks > MOST_LOOKS * len(start):
            return None
        forms.append(form)
        found.append(numbers(group, form.places))
        found[-1][len(_STAMP) :] /= form.scale
        order.append(group.at)
    mark, names = forms[0].mark, forms[0].names
    if any((form.mark, form.names) != (mark, names) for form in forms):
        return None
    columns = np.empty((len(found[0]), len(start)))
    columns[:, np.concatenate(order)] = np.concatenate(found, axis=1)
    t_ns, _ = mlperf_fields(columns[: len(_STAMP)].astype(np.int64))
    return _Table(
        t_ns,
        columns[len(_STAMP) :].reshape(4, -1, len(start)),
        tuple(name.decode() for name in names),
        Cells(Lines(content), 3),
        ((mark.decode("ascii", "replace"), len(start)),),
        0,
    )


def _form(lines: LineTemplate) -> _Form | None:
    line = _LINE.fullmatch(lines.first)
    if line is None or line[2].count(b",Ch") > MOST_PARTS:
        return None
    mark, names, found = line[1], _NAME.findall(line[2]), list(_NUMBER.finditer(lines.first))
    if mark != mark.strip() or len({*names}) < len(names):
        return None
    found = [number for quantity in range(4) for number in found[quantity::4]]
    whole, part = ([number.span(side) for number in found] for side in (2, 3))
    where = places((*_STAMP, *whole), (*[(0, 0)] * len(_STAMP), *part))
    if not lines.digit_positions(where):
        return None
    scale = np.array([[(-1 if number[1] else 1) * 10.0 ** len(number[3])] for number in found])
    return _Form(mark, names, where, scale)


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
        groups.append(
            (tuple(starts), np.stack([_group(rows, at) for at in (2, *starts.values())], axis=1))
        )
        _count(marks, rows)
    kept = [
        np.concatenate([group[:, :1], *(group[:, [1 + names.index(n)]] for n in starts)], 1)
        for names, group in groups
    ]
    stated = tuple((mark.decode("ascii", "replace"), count) for mark, count in marks.most_common())
    timed = [np.where(good, t_ns, 0) for t_ns, good in stamps]
    broken = filled(content) - len(lines)
    return _Table(
        np.concatenate(timed),
        np.concatenate(kept, axis=2),
        tuple(starts),
        Cells(lines, 3),
        stated,
        broken,
    )


def _count(marks: Counter[bytes], rows: list[list[bytes]]) -> None:
    """Add the session marks of some lines; of more than MOST_MARKS different ones the rest is not told apart."""
    for mark, count in Counter(
        row[11][:80] if len(row) > 11 and row[10] == b"Mark" else b"" for row in rows
    ).items():
        marks[mark if mark in marks or len(marks) < MOST_MARKS else b"(others)"] += count


def _parts(first: list[bytes]) -> dict[str, int]:
    """Name of each `ChN` or `AnalyzerN` of a line, and the cell where its group begins."""
    marks = [i for i, cell in enumerate(first) if re.fullmatch(rb"(?:Ch|Analyzer)\d{1,3}", cell)]
    analyzers = [i for i in marks if first[i].startswith(b"Analyzer")]
    found = {
        first[i].decode("ascii"): i + (3 if first[i].startswith(b"Analyzer") else 1)
        for i in analyzers or marks
    }
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
        [
            _numbers([row[k] if k < len(row) else b"nan" for row in rows])
            for k in range(at + 1, at + 9, 2)
        ]
    )


def _of_analyzers(names: tuple[str, ...]) -> bool:
    return any(name.startswith("Analyzer") for name in names)


def _channels(table: _Table, channels: int) -> tuple[list[int], Ints]:
    """The groups that are measured apart, and how many channels each group sums up.

    A channel of nothing but zeros has no wires: it is none. Whether the means of the total count it is not known.
    """
    names = table.names
    if not names or _of_analyzers(names):
        inner = list(range(1, len(names) + 1)) or [0]
        return inner, np.array(
            [channels if at in inner else 0 for at in range(len(names) + 1)], np.int64
        )
    live = [at for at in range(1, len(names) + 1) if table.groups[:3, at].any()]
    return live or [0], np.array(
        [len(names) if len(live) == len(names) else 0] + [1] * len(names), np.int64
    )


def _power_factor(groups: np.ndarray, summed: Ints) -> float | None:
    """Mean over the lines of power over apparent power, of the groups that are measured apart.

    The power factor that is printed of several channels is that of their vectors' sum, where a leading channel undoes
    a lagging one; what the reading of each is uncertain by is not undone.
    """
    w, v, a = groups
    with np.errstate(all="ignore"):
        apparent = v * a * summed[:, None]
        good = (
            (w > 0)
            & (v > 0)
            & (a > 0)
            & (w <= VALUE_MAX)
            & (apparent > 0)
            & (apparent <= VALUE_MAX)
        )
        watts, apparent_va = (np.where(good, x, 0.0).sum(axis=0) for x in (w, apparent))
        told = apparent_va > 0
        return (
            float(np.minimum(watts[told] / apparent_va[told], 1.0).mean()) if told.any() else None
        )


SPREAD = 0.01
"""Mean voltage times mean current of channels is so far from the mean of voltage times current, at most."""
_FILLED = np.array([5, 5, 4, 3])
"""Decimals of W, V, A and PF that may be filled in with zeros: each analyzer has the others."""


def _electric(table: _Table, summed: Ints) -> Electric:
    """The reading's own arithmetic: W = V A PF of one channel; at most n V A PF, with mean V and A, of a sum of n."""
    w, v, a, pf = table.groups
    summed = summed[:, None]
    with np.errstate(all="ignore"):
        product = v * a * pf * summed
        off = np.where(
            summed == 1, np.abs(w - product), np.maximum(w - product * (1 + SPREAD), 0.0)
        )
        least = np.minimum(np.minimum(w, v), np.minimum(a, pf))
        most = np.maximum(np.maximum(w, v), np.maximum(a, pf))
        good = (least > 0) & (most <= VALUE_MAX) & (summed > 0)
        far = good & (off > np.minimum(0.001 * w, 0.1))  # no limit is closer
        off[far] = np.maximum(off[far] - _by_digits(table.groups[:, far]), 0.0)
        off[~far] = 0.0
        share = np.where(far, off / w, 0.0)
        worst = np.argmax(share, axis=0), np.arange(w.shape[1])
        largest = [
            tuple(np.max(x, axis=1, where=(x > 0) & (x <= VALUE_MAX), initial=0.0).tolist())
            for x in (v, a)
        ]
        columns = table.groups.reshape(-1, w.shape[1])
        mixed = (_WEIGHTS[: len(columns), None] * columns).sum(axis=0) if len(w) <= 16 else w[0]
    return Electric(
        lines=w.shape[1],
        parts=table.names,
        channels=tuple(summed[:, 0].tolist()),
        volts_max=largest[0],
        amps_max=largest[1],
        off_w=np.minimum(off[worst], VALUE_MAX).astype(np.float32),
        of_w=np.minimum(np.abs(w[worst]), VALUE_MAX).astype(np.float32),
        same=np.ascontiguousarray(mixed, np.float64).view(np.int64),
        marks=table.marks,
    )


def _by_digits(groups: np.ndarray) -> Floats:
    """How far W and V A PF may be apart because each is rounded to its last digit [W]."""
    w, v, a, pf = groups
    half_w, *halves = half_last_digit(groups, _FILLED[:, None])
    return np.asarray(
        half_w + w * sum(half / x for half, x in zip(halves, (v, a, pf), strict=True)), np.float64
    )


_WEIGHTS = np.sqrt(
    np.array([p for p in range(2, 400) if all(p % q for q in range(2, p))][:64], np.float64)
)
"""Weights that are independent over the rationals: readings of different columns do not have the same sum by chance."""


def _numbers(cells: list[bytes]) -> Floats:
    try:
        found = np.array(
            msgspec.json.decode(b"[" + b",".join(cells) + b"]", type=list[float]), np.float64
        )
    except (msgspec.DecodeError, RecursionError):  # nan, an empty cell, a word
        found = np.empty(0)
    return (
        found
        if len(found) == len(cells)
        else np.array([number_or_nan(cell) for cell in cells], np.float64)
    )
