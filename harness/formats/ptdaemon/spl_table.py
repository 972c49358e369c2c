"""Read the lines of spl.txt as a table of columns.

A line names a quantity before each number, first of the total, then of each channel or analyzer::

    Time,07-23-2024 15:47:16.858,Watts,172.9,Volts,229.9,Amps,0.7708,PF,0.9757,Mark,s_testing

`read_table` is the one entrance. Almost every file has lines of a few fixed forms, whose digits
are read as columns of bytes (`read_columns`, some thirty times faster). Any other file is read
cell by cell (`read_cells`), which is also what the tests compare the fast way with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from harness.core.timestamps import mlperf_column, mlperf_fields
from harness.formats.ptdaemon.fixed_width import (
    LineTemplate,
    digit_positions,
    group_by_template,
    numbers,
)
from harness.traces.clean import number_or_nan
from harness.traces.text_lines import Cells, Lines, count_filled, line_groups
from harness.traces.trace import Floats, Ints

MAX_PARTS = 16
"""Channels or analyzers that are read; real sessions have six."""
MAX_MARKS = 1000
"""Session marks that are told apart; real sessions have two."""
FAST_BYTES = 32 * 2**20
"""A file up to this size, a day of three channels, is read at once; a larger one in chunks."""
MIN_LINE_BYTES = len(b"Time,01-01-2000 00:00:00.000,Watts,0.0,Volts,0.0,Amps,0.0,PF,0.0,Mark,m\n")
"""No line of a usual file is shorter; a file of more lines would need more memory than allowed."""
MAX_LOOKS = 8
"""Passes over a line, on average, to group equal lines; real files take less than three."""
QUANTITIES = 4
"""W, V, A and power factor."""
_WATTS_CELL = 3
_MARK_CELLS = (10, 11)


@dataclass(frozen=True, slots=True)
class SplTable:
    """The columns of spl.txt, in the order of the file.

    Attributes:
        t_ns: Times [ns, UTC], int64, shape (n,), 0 for an invalid time.
        groups: W, V, A and power factor of the total and of each part, float64,
            shape (4, 1 + parts, n).
        names: Names of the parts: ``ChN`` or ``AnalyzerN``.
        watts: The power of the total as the file states it, by reading.
        marks: Session marks, and how many lines have each.
        broken: Lines that are no reading.
    """

    t_ns: Ints
    groups: Floats
    names: tuple[str, ...]
    watts: Sequence[str]
    marks: tuple[tuple[str, int], ...]
    broken: int


def read_table(content: bytes) -> SplTable | None:
    r"""Read all lines with a power reading; ``None`` if there is none.

    Example:
        >>> line = b"Time,07-23-2024 15:47:1%d.858,Watts,%s,Volts,229.9,Amps,0.7,PF,0.9,Mark,m"
        >>> table = read_table(b"\n".join([line % (6, b"172.9"), line % (7, b"88.0")]))
        >>> table.groups[0, 0].tolist(), table.marks
        ([172.9, 88.0], (('m', 2),))

        The two lines have different lengths, so they make two groups. In the first the digits of
        the watts stand at bytes 35 to 37 and 39; as ``172.9`` has one decimal, the whole number
        1729 is divided by 10.
    """
    table = read_columns(content) if len(content) <= FAST_BYTES else None
    return table or read_cells(content)


# --- The usual file: lines of a few fixed forms.

_STAMP = ((5, 7), (8, 10), (11, 15), (16, 18), (19, 21), (22, 24), (25, 28))
"""Where month, day, year, hour, minute, second and millisecond stand in a line."""
_NUMBER = re.compile(rb",(?:Watts|Volts|Amps|PF),(-?)(\d{1,8})\.(\d{1,7})")
"""At most 15 digits: a float64 holds the whole number, and divided once it is what float() says."""
_CHANNEL = re.compile(rb"Ch\d+")
_GROUP = rb",Watts,{0},Volts,{0},Amps,{0},PF,{0}".replace(b"{0}", rb"-?\d{1,8}\.\d{1,7}")
_LINE = re.compile(
    rb"Time,\d\d-\d\d-\d{4} \d\d:\d\d:\d\d\.\d{3}%b,Mark,([^,\r]{1,80})((?:,Ch\d{1,3}%b)*)\r?"
    % (_GROUP, _GROUP)
)


@dataclass(frozen=True, slots=True)
class _LineForm:
    """What a line of the usual file is made of.

    Attributes:
        mark: Its session mark.
        channels: Names of its channels.
        positions: Where the digits of its numbers stand: the seven of the stamp, then W of the
            total and each channel, V, A and power factor likewise.
        scale: What those numbers must be divided by, negative for negative ones,
            float64, shape (4 (1 + channels), 1).
    """

    mark: bytes
    channels: list[bytes]
    positions: Ints
    scale: Floats


def read_columns(content: bytes) -> SplTable | None:
    """Read a file whose lines all have one mark and the same channels; ``None`` for any other.

    How many digits a number has may differ from line to line.
    """
    # 1. Find the lines.
    content = content.strip()
    is_end = np.frombuffer(content, np.uint8) == ord("\n")
    if np.count_nonzero(is_end) * MIN_LINE_BYTES > len(content):
        return None
    stop = np.append(np.flatnonzero(is_end), len(content))
    start = np.append(0, stop[:-1] + 1)

    # 2. Read the numbers of each group of lines that differ in digits alone.
    forms: list[_LineForm] = []
    values: list[Floats] = []
    line_numbers: list[Ints] = []
    remaining, looks = len(start), 0
    for lines in group_by_template(content, start, stop):
        form = _line_form(lines)
        looks += remaining
        remaining -= len(lines.line_numbers)
        if form is None or looks > MAX_LOOKS * len(start):
            return None
        group_values = numbers(lines, form.positions)
        group_values[len(_STAMP) :] /= form.scale
        forms.append(form)
        values.append(group_values)
        line_numbers.append(lines.line_numbers)

    # 3. All groups must be of the same session and channels.
    mark, channels = forms[0].mark, forms[0].channels
    if any(form.mark != mark or form.channels != channels for form in forms):
        return None

    # 4. Put the lines back into the order of the file.
    columns = np.empty((len(values[0]), len(start)))
    columns[:, np.concatenate(line_numbers)] = np.concatenate(values, axis=1)
    t_ns, _ = mlperf_fields(columns[: len(_STAMP)].astype(np.int64))
    return SplTable(
        t_ns=t_ns,
        groups=columns[len(_STAMP) :].reshape(QUANTITIES, -1, len(start)),
        names=tuple(name.decode() for name in channels),
        watts=Cells(Lines(content), _WATTS_CELL),
        marks=((mark.decode("ascii", "replace"), len(start)),),
        broken=0,
    )


def _line_form(lines: LineTemplate) -> _LineForm | None:
    """Return the form of some lines; ``None`` if they are not of the usual file."""
    line = _LINE.fullmatch(lines.first)
    if line is None or line[2].count(b",Ch") > MAX_PARTS:
        return None
    mark, channels = line[1], _CHANNEL.findall(line[2])
    if mark != mark.strip() or len(set(channels)) < len(channels):
        return None

    # The line has W, V, A, PF of the total, then of each channel; the table has all W first.
    in_line = list(_NUMBER.finditer(lines.first))
    matches = [match for quantity in range(QUANTITIES) for match in in_line[quantity::QUANTITIES]]
    whole = (*_STAMP, *(match.span(2) for match in matches))
    decimals = (*((0, 0) for _ in _STAMP), *(match.span(3) for match in matches))
    positions = digit_positions(whole, decimals)
    if not lines.varies_only_at(positions):
        return None
    scale = [[_sign(match[1]) * 10.0 ** len(match[3])] for match in matches]
    return _LineForm(mark, channels, positions, np.array(scale))


def _sign(text: bytes) -> int:
    return -1 if text else 1


# --- Any file: cell by cell.

_ROW = re.compile(rb"^Time,[^,\n]*,Watts,(?:[^,\n]*,){6}[^\n]*", re.MULTILINE)
"""A line with a power reading: ten cells or more."""
_PART = re.compile(rb"(?:Ch|Analyzer)\d{1,3}")
_CELLS_TO_WATTS = {b"Ch": 1, b"An": 3}
"""From the name of a part to the word ``Watts``: ``Ch1,Watts`` but ``Analyzer1,Time,...,Watts``."""


def read_cells(content: bytes) -> SplTable | None:
    """Read lines of any form; ``None`` if none has a power reading.

    Parts that some line lacks are left out of the table.
    """
    content = content.replace(b"\r", b"\n") if b"\r" in content else content
    lines = _ROW.findall(content)
    if not lines:
        return None
    parts = _parts(lines[0].split(b","))
    marks: Counter[bytes] = Counter()
    times: list[Ints] = []
    chunks: list[tuple[tuple[str, ...], Floats]] = []
    for chunk in line_groups(lines):
        rows = [line.split(b",") for line in chunk]
        t_ns, is_time = mlperf_column([row[1] for row in rows])
        times.append(np.where(is_time, t_ns, 0))
        parts = _parts_of_all(parts, rows)
        watts_cells = (2, *parts.values())
        groups = np.stack([_group(rows, cell) for cell in watts_cells], axis=1)
        chunks.append((tuple(parts), groups))
        _count_marks(marks, rows)
    return SplTable(
        t_ns=np.concatenate(times),
        groups=np.concatenate([_only(parts, names, groups) for names, groups in chunks], axis=2),
        names=tuple(parts),
        watts=Cells(lines, _WATTS_CELL),
        marks=tuple((mark.decode("ascii", "replace"), n) for mark, n in marks.most_common()),
        broken=count_filled(content) - len(lines),
    )


def _parts(cells: list[bytes]) -> dict[str, int]:
    """Return the parts that a line names, and the cell of the word ``Watts`` of each.

    A line of several analyzers names the channels of each too; then the analyzers count.
    """
    names = [k for k, cell in enumerate(cells) if _PART.fullmatch(cell)]
    analyzers = [k for k in names if cells[k].startswith(b"Analyzer")]
    parts: dict[str, int] = {}
    for k in analyzers or names:
        parts[cells[k].decode("ascii")] = k + _CELLS_TO_WATTS[cells[k][:2]]
    return dict(list(parts.items())[:MAX_PARTS])


def _parts_of_all(parts: dict[str, int], rows: list[list[bytes]]) -> dict[str, int]:
    """Return the parts that every line names at the same cell."""
    width = min(map(len, rows))
    shared = {}
    for name, watts_cell in parts.items():
        mark = name.encode()
        name_cell = watts_cell - _CELLS_TO_WATTS[mark[:2]]
        if watts_cell + 1 < width and all(row[name_cell] == mark for row in rows):
            shared[name] = watts_cell
    return shared


def _only(parts: dict[str, int], names: tuple[str, ...], groups: Floats) -> Floats:
    """Return the total and the parts that all chunks have."""
    kept = [0, *(1 + names.index(name) for name in parts)]
    return groups[:, kept]


def _group(rows: list[list[bytes]], watts_cell: int) -> Floats:
    """Return W, V, A and power factor of one group, NaN where a line lacks one."""
    columns = []
    for cell in range(watts_cell + 1, watts_cell + 2 * QUANTITIES + 1, 2):
        columns.append(_numbers([row[cell] if cell < len(row) else b"nan" for row in rows]))
    return np.stack(columns)


def _numbers(cells: list[bytes]) -> Floats:
    """Return a column of numbers, NaN where a cell is none."""
    try:
        values = msgspec.json.decode(b"[" + b",".join(cells) + b"]", type=list[float])
    except (msgspec.DecodeError, RecursionError):  # nan, an empty cell, a word
        values = []
    if len(values) != len(cells):
        values = [number_or_nan(cell) for cell in cells]
    return np.array(values, np.float64)


def _count_marks(marks: Counter[bytes], rows: list[list[bytes]]) -> None:
    """Count the session marks of some lines; beyond ``MAX_MARKS`` all others count as one."""
    name_cell, mark_cell = _MARK_CELLS
    stated: Counter[bytes] = Counter()
    for row in rows:
        has_mark = len(row) > mark_cell and row[name_cell] == b"Mark"
        stated[row[mark_cell][:80] if has_mark else b""] += 1
    for mark, n in stated.items():
        is_told_apart = mark in marks or len(marks) < MAX_MARKS
        marks[mark if is_told_apart else b"(others)"] += n
