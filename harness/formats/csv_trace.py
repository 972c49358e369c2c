"""Plain CSV traces under a declared header: the way in for any meter.

The header is a power-trace document; its optional `run` object says what was run and when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.core.errors import UnreadableError
from harness.core.timestamps import from_iso
from harness.formats.base import Defect, Entry, Format, Quality, Quantity, Run, Work
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import natural
from harness.traces.store import MAGIC, read_csv
from harness.traces.trace import Trace, Window

Stated = TypeVar("Stated", Work, Quantity, Quality)


class CsvTrace(Format):
    """Reader of a folder of declared CSV files, or of one: each file is one run."""

    name = "csv"
    family = "csv"
    priority = 40

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """A folder that holds a CSV file with a declared header."""
        return any(name.endswith(".csv") and is_trace(directory / name) for name in names)

    def sniff_file(self, path: Path) -> bool:
        """Tell whether a file is a CSV file with a declared header."""
        return is_trace(path)

    def read(self, directory: Path, entry_id: str) -> Entry:
        """The entry; what the headers do not say stays empty."""
        paths = (
            [directory]
            if directory.is_file()
            else sorted(
                filter(is_trace, directory.glob("*.csv")), key=lambda path: natural(path.name)
            )
        )
        traces = [(path, read_csv(path)) for path in paths]
        first = _declared(traces[0][1])
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            round="",
            task="training" if first.get("task") == "training" else "inference",
            submitter=str(first.get("submitter", "")),
            system=str(first.get("system", "")),
            benchmark=str(first.get("benchmark", entry_id)),
            scenario=str(first.get("scenario", "")),
            runs=tuple(_run(path, trace) for path, trace in traces),
            simulated=bool(first.get("simulated", False)),
            defects=tuple(_defects(traces)),
        )


def is_trace(path: Path) -> bool:
    """Whether a file starts with the mark of a declared trace."""
    try:
        if not path.is_file() or path.is_symlink():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _declared(trace: Trace) -> Mapping[str, Any]:
    found = trace.channel.extra.get("run")
    return found if isinstance(found, Mapping) else {}


def _run(path: Path, trace: Trace) -> Run:
    said = _declared(trace)
    if not len(trace):
        raise UnreadableError("has no reading", where=str(path))
    span = said.get("window") or {}
    start = from_iso(span["start"], where=str(path)) if "start" in span else int(trace.t_ns[0])
    stop = from_iso(span["stop"], where=str(path)) if "stop" in span else int(trace.t_ns[-1])
    return Run(
        id=path.stem,
        window=Window(start, stop),
        traces=(trace,),
        work=_stated(Work, said.get("work")),
        performance=_stated(Quantity, said.get("performance")),
        quality=_stated(
            Quality, {k: v for k, v in (said.get("quality") or {}).items() if k != "others"}
        ),
        seconds=(stop - start) / 1e9,
        success=said.get("success"),
        declared_energy_j=said.get("declared_energy_j"),
        sources=(path.name,),
    )


def _stated(record: Callable[..., Stated], fields: Mapping[str, Any] | None) -> Stated | None:
    """A record of what the header says, without the fields that this release does not know."""
    known = getattr(record, "__slots__", ())
    return (
        record(**{name: value for name, value in fields.items() if name in known})
        if fields
        else None
    )


def _defects(traces: list[tuple[Path, Trace]]) -> list[Defect]:
    return [
        Defect(
            DefectCode.WINDOW_ASSUMED,
            str(path),
            "the header states no window: the whole trace is taken",
        )
        for path, trace in traces
        if not _declared(trace).get("window")
    ]


FORMAT = CsvTrace()
