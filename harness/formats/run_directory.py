"""Run directories, the harness's own form: `<entry>/<run>/run.json` and `<entry>/<run>/traces/*`.

`write_entry` is the end of an import, `write_run` of a live run, `NativeFormat.read` the inverse of both: what goes
through is unchanged. A live run that was not finished has `incomplete.json` in place of `run.json`, and its journals.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath
from typing import Any

from harness.core.errors import SchemaError, UnreadableError, shorten
from harness.core.files import read_bytes, read_inside, sha256
from harness.core.schemas import SCHEMA_VERSION, read_document, write_document
from harness.core.timestamps import from_iso, to_iso
from harness.formats.base import (
    NATIVE,
    Defect,
    Entry,
    Format,
    Quality,
    Quantity,
    Rated,
    Run,
    Work,
)
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import natural
from harness.formats.evidence import evidence_from_facts
from harness.traces.journal_chain import links
from harness.traces.journal_reader import readable
from harness.traces.store import read_trace, write_csv, write_parquet
from harness.traces.trace import Trace, Window

RECORD = "run.json"
INCOMPLETE = "incomplete.json"
"""A run record whose facts say why it is not complete; there from the begin of a live run until `run.json` comes."""
SAMPLES = "samples"
"""Folder of the journals of a live run."""
SYSTEM = "system.json"
_ENTRY_FIELDS = (
    "round",
    "task",
    "submitter",
    "system",
    "benchmark",
    "scenario",
    "division",
    "scaling_factor",
    "simulated",
)
_KNOWN = frozenset(
    [
        "schema_version",
        "id",
        "role",
        "entry",
        "window",
        "seconds",
        "success",
        "work",
        "performance",
        "quality",
        "declared_energy_j",
        "rated",
        "traces",
        "facts",
        "sources",
        "files",
    ]
)
"""Fields of a run record that this release knows."""


class NativeFormat(Format):
    """Reader of run directories."""

    name = NATIVE
    family = NATIVE
    priority = 10

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """A run directory, or a folder of run directories."""
        if RECORD in names or INCOMPLETE in names:
            return True
        return any(
            os.path.isfile(os.path.join(directory, name, record))
            for name in names
            if "." not in name[:1]
            for record in (RECORD, INCOMPLETE)
        )

    def read(self, directory: Path, entry_id: str) -> Entry:
        """The entry of all run directories in `directory`, or of the one it is."""
        documents = [(path, _document(path)) for path in _records(directory)]
        if not documents:
            raise UnreadableError("has no run.json", where=str(directory))
        altered: list[Defect] = []
        runs = [_run(path.parent, document, altered) for path, document in documents]
        entry = documents[0][1]["entry"]
        roles = [document.get("role", "timed") for _, document in documents]
        system = directory / SYSTEM
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            **{name: entry[name] for name in _ENTRY_FIELDS},
            runs=tuple(run for run, role in zip(runs, roles, strict=True) if role == "timed"),
            ranging=next(
                (run for run, role in zip(runs, roles, strict=True) if role == "ranging"), None
            ),
            system_description=read_document("system", system) if system.is_file() else None,
            family=_family(entry.get("origin", {})),
            origin=str(entry.get("origin", {}).get("format", "")),
            defects=tuple(
                dict.fromkeys(
                    [
                        *altered,
                        *(defect for path, found in documents for defect in _defects(path, found)),
                    ]
                )
            ),
        )


def _origin(entry: Entry) -> dict[str, str]:
    origin = {"id": entry.id, "format": entry.origin or entry.format}
    return origin | {"family": entry.family} if entry.family else origin


def _family(origin: Mapping[str, Any]) -> str:
    """Return the family a record states; older records state the format it was named after."""
    return str(origin.get("family") or origin.get("format", "")).removesuffix("-power")


def _records(directory: Path) -> list[Path]:
    """The record of each run directory: `run.json`, or `incomplete.json` where the run was not finished."""
    folders = [directory]
    if not any((directory / name).is_file() for name in (RECORD, INCOMPLETE)):
        records = (path for name in (RECORD, INCOMPLETE) for path in directory.glob(f"*/{name}"))
        folders = sorted((path.parent for path in records), key=lambda folder: natural(folder.name))
    kept = dict.fromkeys(folder for folder in folders if not folder.is_symlink())
    return [next(p for n in (RECORD, INCOMPLETE) if (p := folder / n).is_file()) for folder in kept]


def _document(path: Path) -> dict[str, Any]:
    return read_document("run", path)


def _defects(path: Path, document: Mapping[str, Any]) -> Iterator[Defect]:
    """What was noted when the run was made, what was never finished, and files that are no longer what they were."""
    for item in document["entry"].get("defects", ()):
        yield Defect(**_known(Defect, item))
    if path.name == INCOMPLETE:
        yield Defect(
            DefectCode.RUN_INCOMPLETE,
            str(path.parent),
            shorten(document["facts"].get("incomplete") or "no reason is known", 400),
        )
    for item in document.get("files", ()):
        relative = _relative(item["path"], path)
        file = path.parent / relative
        try:
            same = sha256(read_inside(path.parent, relative)) == item["sha256"]
        except UnreadableError as error:
            yield Defect(DefectCode.FILE_UNREADABLE, str(file), error.message)
            continue
        if not same:
            yield Defect(
                DefectCode.FILE_CHANGED, str(file), "another SHA-256 than the run record lists"
            )
    for journal in _journals(path.parent):
        yield from _broken_chain(journal)


def _journals(folder: Path) -> list[Path]:
    """Journals of a run, and of the ranks of a run on several machines; links are not followed."""
    found = (
        path for place in (SAMPLES, f"ranks/*/{SAMPLES}") for path in folder.glob(f"{place}/*.csv")
    )
    return sorted(
        p
        for p in found
        if not any(os.path.islink(above) for above in p.parents if folder in above.parents)
    )


def _broken_chain(journal: Path) -> Iterator[Defect]:
    """What the chain of a journal says against it."""
    try:
        found = links(read_bytes(journal))
    except UnreadableError as error:
        yield Defect(DefectCode.FILE_UNREADABLE, str(journal), error.message)
        return
    if not found.count:
        yield Defect(DefectCode.CHAIN_MISSING, str(journal), "no line of it is bound to another")
    elif found.broken:
        above, line = found.broken
        got = f"lines {above + 1} to {line} are not as they were written: the link in line {line} is not theirs"
        yield Defect(DefectCode.CHAIN_BROKEN, f"{journal}:{line}", got)
    elif not found.whole:
        yield Defect(
            DefectCode.CHAIN_OPEN,
            str(journal),
            f"bound to line {found.last}, its last link; {found.after} lines follow",
        )


def _run(folder: Path, document: Mapping[str, Any], altered: list[Defect]) -> Run:
    """The run of a record. altered: takes the traces that are not what the record lists; then the run has none."""
    window = document["window"]
    evidence, malformed = evidence_from_facts(document["facts"])
    if malformed:
        got = f"facts not as joulemark writes them: {', '.join(malformed)}"
        altered.append(Defect(DefectCode.RECORD_MALFORMED, str(folder / RECORD), got))
    return Run(
        id=document["id"],
        window=Window(from_iso(window["start"]), from_iso(window["stop"])) if window else None,
        traces=_traces(folder, document["traces"], altered) or _unfinished(folder),
        rated=tuple(Rated(**_known(Rated, item)) for item in document["rated"]),
        work=Work(**_known(Work, document["work"])) if document["work"] else None,
        performance=Quantity(**_known(Quantity, document["performance"]))
        if document["performance"]
        else None,
        quality=_quality(document["quality"]) if document["quality"] else None,
        seconds=document["seconds"],
        success=document["success"],
        declared_energy_j=document.get("declared_energy_j"),
        evidence=evidence,
        sources=tuple(item["path"] for item in document["sources"]),
        extra={key: value for key, value in document.items() if key not in _KNOWN},
    )


def _quality(document: Mapping[str, Any]) -> Quality:
    others = tuple(_quality(dict(item) | {"others": ()}) for item in document.get("others", ()))
    return Quality(**_known(Quality, document) | {"others": others})


def _known(record: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in record.__slots__ if name in document}


def _traces(
    folder: Path, items: Sequence[Mapping[str, str]], altered: list[Defect]
) -> tuple[Trace, ...]:
    """All traces of a run, or none where one is not what its record lists: the others alone would say too little."""
    traces = []
    for item in items:
        relative = _relative(item["path"], folder / RECORD)
        path = folder / relative
        try:
            if sha256(read_inside(folder, relative)) != item["sha256"]:
                raise UnreadableError("another SHA-256 than the run record lists")
            traces.append(read_trace(path))
        except (UnreadableError, SchemaError) as error:
            altered.append(Defect(DefectCode.TRACE_UNREADABLE, str(path), error.message))
    return tuple(traces) if len(traces) == len(items) else ()


def _relative(text: str, record: Path) -> PurePosixPath:
    """A path that a record names, inside its run directory. Raises UnreadableError."""
    relative = PurePosixPath(text)
    if relative.is_absolute() or ".." in relative.parts or "\\" in text:
        raise UnreadableError(
            "names a trace outside its run directory",
            where=str(record),
            got=shorten(repr(text)),
            expected="a relative path without ..",
        )
    return relative


def _unfinished(folder: Path) -> tuple[Trace, ...]:
    """Traces of a run that was not finished, from its journals: nothing that was read is lost."""
    if (folder / RECORD).is_file() or (folder / SAMPLES).is_symlink():
        return ()
    return tuple(
        trace for samples in readable(folder / SAMPLES) for trace in samples.traces if len(trace)
    )


def write_entry(entry: Entry, out: Path, *, parquet: bool = False) -> list[Path]:
    """Write an entry as run directories below `out`; the run directories written.

    Raises UnreadableError where one of them is there already.
    """
    written = []
    for run, role in [
        *((run, "timed") for run in entry.runs),
        *([(entry.ranging, "ranging")] if entry.ranging else []),
    ]:
        folder = out / run.id
        if folder.exists():
            raise UnreadableError(
                "is there already", where=str(folder), fix="Choose another --out, or remove it."
            )
        write_run(entry, run, folder, role=role, parquet=parquet)
        written.append(folder)
    if entry.system_description:
        write_document(
            "system",
            dict(entry.system_description) | {"schema_version": SCHEMA_VERSION},
            out / SYSTEM,
        )
    return written


def write_run(
    entry: Entry, run: Run, folder: Path, *, role: str = "timed", parquet: bool = False
) -> None:
    """Write the traces of one run and, last, its record, which lists what else lies in its folder."""
    others = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / INCOMPLETE
    ]
    files = [_file(folder, path) for path in others]
    traces = [_write_trace(trace, folder, parquet) for trace in run.traces]
    write_document("run", record(entry, run, role, traces, files), folder / RECORD)


def _file(folder: Path, path: Path) -> dict[str, Any]:
    content = read_bytes(path)
    return {
        "path": path.relative_to(folder).as_posix(),
        "bytes": len(content),
        "sha256": sha256(content),
    }


def _write_trace(trace: Trace, folder: Path, parquet: bool) -> dict[str, str]:
    relative = f"traces/{trace.channel.id}.{'parquet' if parquet else 'csv'}"
    (write_parquet if parquet else write_csv)(trace, folder / relative)
    return {
        "path": relative,
        "sha256": sha256((folder / relative).read_bytes()),
        "content_sha256": trace.content_sha256,
    }


def record(
    entry: Entry,
    run: Run,
    role: str,
    traces: Sequence[Mapping[str, Any]] = (),
    files: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The document of a run. traces, files: what lies in its folder, each with its hash"""
    window = run.window
    return dict(run.extra) | {
        "schema_version": SCHEMA_VERSION,
        "id": run.id,
        "role": role,
        "entry": {name: getattr(entry, name) for name in _ENTRY_FIELDS}
        | {"origin": _origin(entry)}
        | {
            "defects": [
                asdict(replace(d, where=_inside(d.where, entry.directory))) for d in entry.defects
            ]
        },
        "window": {"start": to_iso(window.start_ns), "stop": to_iso(window.stop_ns)}
        if window
        else None,
        "seconds": run.seconds,
        "success": run.success,
        "work": asdict(run.work) if run.work else None,
        "performance": asdict(run.performance) if run.performance else None,
        "quality": run.quality.document() if run.quality else None,
        "declared_energy_j": run.declared_energy_j,
        "rated": [asdict(part) for part in run.rated],
        "traces": list(traces),
        "files": list(files),
        "facts": run.evidence.facts(),
        "sources": [_source(entry.directory, name) for name in run.sources],
    }


def _inside(where: str, directory: Path) -> str:
    return os.path.relpath(where, directory) if os.path.isabs(where) else where


def _source(directory: Path, name: str) -> dict[str, str | None]:
    try:
        folder = directory.parent if directory.is_file() else directory
        return {"path": name, "sha256": sha256(read_bytes(folder / name))}
    except UnreadableError:
        return {"path": name, "sha256": None}


FORMAT = NativeFormat()
