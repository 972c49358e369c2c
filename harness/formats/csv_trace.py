"""Read plain CSV traces under a declared header: the way in for any meter.

The first line of a file is a power-trace document, behind ``# joulemark-trace:``; its optional
``run`` object says what was run and when. A folder of such files is one entry:

- files that declare different windows are different runs
- files that declare the same window and have different ids are the channels of one run; their
  energies add up, so they must be at one boundary, or say by ``part_of`` which contains which
- anything else that overlaps in time is refused: nothing says whether to add or to average
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes
from harness.formats.base import (
    Defect,
    Entry,
    Format,
    Run,
    stated_names,
    stated_results,
    stated_window,
)
from harness.formats.csv_dialect import is_declared_trace, standard_form
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import natural
from harness.traces.csv_store import MAGIC, parse_csv
from harness.traces.trace import Trace, Window

_HEAD_BYTES = 4 + 2 * len(MAGIC)
_SHARED_FIELDS = (
    "submitter",
    "system",
    "benchmark",
    "scenario",
    "task",
    "work",
    "performance",
    "quality",
    "success",
    "declared_energy_j",
)
"""What all files of one run must agree on, where they state it."""


class CsvTrace(Format):
    """Reader of a folder of declared CSV files, or of one such file."""

    name = "csv"
    family = "csv"
    priority = 40

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether a folder holds a CSV file with a declared header."""
        return any(name.endswith(".csv") and is_trace(directory / name) for name in names)

    def sniff_file(self, path: Path) -> bool:
        """Tell whether a file is a CSV file with a declared header."""
        return is_trace(path)

    def surroundings(self, directory: Path) -> tuple[Path, ...]:  # noqa: ARG002
        """Return nothing: a trace stands for itself."""
        return ()

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read the entry; what the headers do not state stays empty."""
        if directory.is_file():
            paths = [directory]
        else:
            candidates = [path for path in directory.glob("*.csv") if is_trace(path)]
            paths = sorted(candidates, key=lambda path: natural(path.name))
        defects: list[Defect] = []
        files = [_read_file(path, defects) for path in paths]
        groups = _group_into_runs(files, str(directory))
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            runs=tuple(_run(group) for group in groups),
            simulated=any(bool(file.stated.get("simulated", False)) for file in files),
            defects=tuple(defects),
            **stated_names(files[0].stated, benchmark=entry_id),
        )


def is_trace(path: Path) -> bool:
    """Tell whether a file starts like a declared trace."""
    try:
        if not path.is_file() or path.is_symlink():
            return False
        with path.open("rb") as file:
            return is_declared_trace(file.read(_HEAD_BYTES))
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the entry.

    Attributes:
        path: Where it lies.
        trace: Its readings.
        stated: What its header says of the run.
        window: The timed part; the whole trace if the header states none.
    """

    path: Path
    trace: Trace
    stated: Mapping[str, Any]
    window: Window


def _read_file(path: Path, defects: list[Defect]) -> _File:
    content, note = standard_form(read_bytes(path), str(path))
    if note:
        defects.append(Defect(DefectCode.CSV_DIALECT, path.name, note))
    trace = parse_csv(content, where=str(path))
    if not len(trace):
        raise UnreadableError(
            "has no reading",
            where=str(path),
            got=shorten(trace.dropped[0].raw) if trace.dropped else "no row",
            expected="rows of a time and a number, as 1767607200000000000,350.5",
        )
    run = trace.channel.extra.get("run")
    stated = run if isinstance(run, Mapping) else {}
    if not stated.get("window"):
        got = "the header states no window: the whole trace is taken"
        defects.append(Defect(DefectCode.WINDOW_ASSUMED, path.name, got))
    window = stated_window(stated, int(trace.t_ns[0]), int(trace.t_ns[-1]), str(path))
    return _File(path, trace, stated, window)


def _group_into_runs(files: Sequence[_File], where: str) -> list[list[_File]]:
    """Put the files of one run together, in the order of the first file of each.

    Raises:
        UnreadableError: Two files overlap in time, and nothing says that they are one run.
    """
    by_window: dict[Window, list[_File]] = {}
    for file in files:
        by_window.setdefault(file.window, []).append(file)

    groups: list[list[_File]] = []
    for group in by_window.values():
        ids = {file.trace.channel.id for file in group}
        if len(ids) == len(group):
            _require_one_boundary(group)
            _require_agreement(group)
            groups.append(group)
        elif len({file.trace.content_sha256 for file in group}) == 1:
            groups += [[file] for file in group]  # copies of one file: the audit tells
        elif len(ids) == 1:
            raise UnreadableError(
                "has files of one window and one channel id, with different readings",
                where=where,
                got=", ".join(f"{file.path.name}: {file.trace.channel.id}" for file in group),
                expected="a different id for each channel, or a different window for each run",
                fix="Correct the headers; runs one after the other have windows of their own.",
            )
        else:
            raise UnreadableError(
                "has files of one window that share some channel ids and not others",
                where=where,
                got=", ".join(f"{file.path.name}: {file.trace.channel.id}" for file in group),
                expected="a different id in each file of a run",
                fix="Give each channel an id of its own in the header.",
            )
    _require_no_overlap(groups, where)
    return groups


def _require_one_boundary(group: Sequence[_File]) -> None:
    """Refuse to add channels at different boundaries: one may contain the other."""
    outer = [file for file in group if file.trace.channel.part_of is None]
    boundaries = {file.trace.channel.boundary for file in outer}
    if len(boundaries) > 1:
        raise UnreadableError(
            "has channels of one window at different boundaries, and nothing says which "
            "contains which",
            where=str(group[0].path.parent),
            got=", ".join(f"{file.path.name}: {file.trace.channel.boundary}" for file in outer),
            expected="one boundary, or part_of in the header of each channel inside another",
            fix='Add "part_of": "<id of the channel that contains it>" to its header, '
            "or put it into a folder of its own.",
        )


def _require_agreement(group: Sequence[_File]) -> None:
    """Refuse files of one run that state different runs."""
    for name in _SHARED_FIELDS:
        values = [file.stated[name] for file in group if file.stated.get(name) is not None]
        if any(value != values[0] for value in values):
            raise UnreadableError(
                f"has files of one window that state another {name}",
                where=str(group[0].path.parent),
                got=shorten(", ".join(map(repr, values))),
                expected="channels of one run",
                fix="State the run alike in all its files, or keep the files in separate folders.",
            )


def _require_no_overlap(groups: Sequence[Sequence[_File]], where: str) -> None:
    """Refuse runs of different channels that overlap: they are one run with two windows."""
    ordered = sorted(groups, key=lambda group: group[0].window.start_ns)
    for earlier, later in itertools.pairwise(ordered):
        same_channel = earlier[0].trace.channel.id == later[0].trace.channel.id
        overlap_ns = earlier[0].window.stop_ns - later[0].window.start_ns
        if overlap_ns > 0 and not same_channel:
            raise UnreadableError(
                "has channels whose windows overlap and are not the same",
                where=where,
                got=f"{earlier[0].path.name} and {later[0].path.name}, {overlap_ns / 1e9:g} s",
                expected="one window for all channels of a run, in the header of each",
                fix="State the same window in both headers, or keep them in separate folders.",
            )


def _run(group: Sequence[_File]) -> Run:
    window = group[0].window
    stated: dict[str, Any] = {}
    for file in reversed(group):  # what the first file states counts
        stated |= {name: value for name, value in file.stated.items() if value is not None}
    return Run(
        id=_run_id(group),
        window=window,
        traces=tuple(file.trace for file in group),
        seconds=window.seconds,
        sources=tuple(file.path.name for file in group),
        **stated_results(stated),
    )


def _run_id(group: Sequence[_File]) -> str:
    """Return the name of the file, or what the names of several files have in common."""
    if len(group) == 1:
        return group[0].path.stem
    stems = [file.path.stem for file in group]
    length = 0
    while all(stem[: length + 1] == stems[0][: length + 1] for stem in stems):
        length += 1
    return stems[0][:length].rstrip("-_. ") or "+".join(stems)


FORMAT = CsvTrace()
