"""Read run directories, the harness's own form of a result.

An entry is a folder of run directories, or one of them::

    <entry>/system.json
    <entry>/<run>/run.json            the record, written last
    <entry>/<run>/traces/<channel>.csv
    <entry>/<run>/samples/*.csv       journals of a live run
    <entry>/<run>/log/...             what the workload wrote

:mod:`harness.formats.run_directory_writer` writes them; what was written is read back unchanged. A
live run that did not end has ``incomplete.json`` in place of ``run.json``, and its journals.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from harness.core.documents import parse_document, read_document
from harness.core.errors import SchemaError, UnreadableError, shorten
from harness.core.files import (
    MAX_DOCUMENT_BYTES,
    file_sha256,
    path_inside,
    read_bytes,
    sha256,
)
from harness.core.printable import printable
from harness.core.timestamps import from_iso
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
    fields_of,
    record_of,
)
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import natural
from harness.formats.evidence_facts import evidence_from_facts
from harness.traces.journal.chain import links
from harness.traces.journal.reader import readable
from harness.traces.store import read_listed
from harness.traces.trace import Trace, Window

RECORD = "run.json"
INCOMPLETE = "incomplete.json"
"""Record of a live run that has not ended; its facts say why. ``run.json`` replaces it."""
RECORDS = (RECORD, INCOMPLETE)
SAMPLES = "samples"
"""Folder of the journals of a live run."""
SYSTEM = "system.json"
ENTRY_FIELDS = (
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
COMPARED_NAMES = ("round", "benchmark", "scenario", "division")
"""Fields that decide which rules and targets apply, and what an entry is ranked with."""
SHOWN_NAMES = ("submitter", "system")
"""Fields that people know an entry by; blanks inside them are as submitters write them."""
_RECORD_FIELDS = frozenset(
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
"""Fields of a run record that this release knows; others are kept and written again."""


class NativeFormat(Format):
    """Reader of run directories."""

    name = NATIVE
    family = NATIVE
    priority = 10

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether this is a run directory, or a folder of run directories."""
        if not names.isdisjoint(RECORDS):
            return True
        folders = [name for name in names if not name.startswith(".")]
        return any(
            os.path.isfile(os.path.join(directory, name, record))
            for name in folders
            for record in RECORDS
        )

    def surroundings(self, directory: Path) -> tuple[Path, ...]:
        """Return where the plan of a single run directory is."""
        return (directory.parent / "plan.json",)

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read all run directories in a folder, or the one that it is."""
        paths = _record_paths(directory)
        if not paths:
            raise UnreadableError("has no run.json", where=str(directory))
        digests: dict[str, str] = {}
        documents = [(path, _read_record(path, directory, digests)) for path in paths]

        timed: list[Run] = []
        ranging: Run | None = None
        defects: list[Defect] = []
        for path, document in documents:
            run = _run(path.parent, document, defects)
            for item in document["traces"]:
                inside = path.parent.relative_to(directory) / item["path"]
                digests[inside.as_posix()] = item["sha256"]
            role = document.get("role", "timed")
            if role == "timed":
                timed.append(run)
            elif role == "ranging" and ranging is None:
                ranging = run
        for path, document in documents:
            defects += _defects(path, document)
        defects += _disagreements(documents)

        entry = documents[0][1]["entry"]
        origin = entry.get("origin", {})
        system = directory / SYSTEM
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            **{name: entry[name] for name in ENTRY_FIELDS if name != "simulated"},
            simulated=any(document["entry"]["simulated"] for _, document in documents),
            runs=tuple(timed),
            ranging=ranging,
            system_description=read_document("system", system) if system.is_file() else None,
            family=_family(origin),
            origin=str(origin.get("format", "")),
            defects=tuple(dict.fromkeys(defects)),
            digests=digests,
        )


def _read_record(path: Path, directory: Path, digests: dict[str, str]) -> dict[str, Any]:
    """Read a record once, and note the hash of the bytes that were used."""
    content = read_bytes(path, limit=MAX_DOCUMENT_BYTES)
    digests[path.relative_to(directory).as_posix()] = sha256(content)
    return parse_document("run", content, where=str(path))


def _disagreements(documents: Sequence[tuple[Path, Mapping[str, Any]]]) -> Iterator[Defect]:
    """Yield the fields in which the records of one entry state different results."""
    first_path, first = documents[0]
    for path, document in documents[1:]:
        for name in ENTRY_FIELDS:
            expected, stated = first["entry"][name], document["entry"][name]
            if stated != expected:
                got = (
                    f"{name} {shorten(repr(stated))}, but {shorten(repr(expected))}"
                    f" in {first_path.parent.name}"
                )
                yield Defect(DefectCode.RUNS_DISAGREE, str(path), got)


def _family(origin: Mapping[str, Any]) -> str:
    """Return the family that a record states; older records state only the reader's name."""
    return str(origin.get("family") or origin.get("format", "")).removesuffix("-power")


def _record_paths(directory: Path) -> list[Path]:
    """Return the record of each run directory, complete or not."""
    if any((directory / name).is_file() for name in RECORDS):
        folders = [directory]
    else:
        paths = [path for name in RECORDS for path in directory.glob(f"*/{name}")]
        folders = sorted((path.parent for path in paths), key=lambda folder: natural(folder.name))
    records = []
    for folder in dict.fromkeys(folders):
        if not folder.is_symlink():
            candidates = [folder / name for name in RECORDS]
            records.append(next(path for path in candidates if path.is_file()))
    return records


def _defects(path: Path, document: Mapping[str, Any]) -> Iterator[Defect]:
    """Yield what was noted at recording, and what changed since."""
    folder = path.parent
    for item in document["entry"].get("defects", ()):
        yield Defect(**fields_of(Defect, item))
    if path.name == INCOMPLETE:
        reason = document["facts"].get("incomplete") or "no reason is known"
        yield Defect(DefectCode.RUN_INCOMPLETE, str(folder), shorten(reason, 400))
    for item in _listed_once(document.get("files", ())):
        yield from _changed_file(path, item)
    for journal in _journals(folder):
        yield from _broken_chain(journal)


def _listed_once(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the different items of a list of files: a file listed often is read once."""
    return list({(item["path"], item["sha256"]): item for item in items}.values())


def _changed_file(record: Path, item: Mapping[str, Any]) -> Iterator[Defect]:
    """Compare a file of a run directory with its hash in the record."""
    relative = _relative(item["path"], record)
    file = record.parent / relative
    try:
        digest = file_sha256(path_inside(record.parent, relative))
    except UnreadableError as error:
        yield Defect(DefectCode.FILE_UNREADABLE, str(file), error.message)
        return
    if digest != item["sha256"]:
        got = "another SHA-256 than the run record lists"
        yield Defect(DefectCode.FILE_CHANGED, str(file), got)


def _journals(folder: Path) -> list[Path]:
    """Return the journals of a run, and of its ranks; links are not followed."""
    patterns = (f"{SAMPLES}/*.csv", f"ranks/*/{SAMPLES}/*.csv")
    journals = []
    for pattern in patterns:
        for path in folder.glob(pattern):
            between = [parent for parent in path.parents if folder in parent.parents]
            if not any(map(os.path.islink, between)):
                journals.append(path)
    return sorted(journals)


def _broken_chain(journal: Path) -> Iterator[Defect]:
    """Check the hash chain of a journal."""
    try:
        chain = links(read_bytes(journal))
    except UnreadableError as error:
        yield Defect(DefectCode.FILE_UNREADABLE, str(journal), error.message)
        return
    if not chain.count:
        got = "no line of it is bound to another"
        yield Defect(DefectCode.CHAIN_MISSING, str(journal), got)
    elif chain.broken:
        above, line = chain.broken
        got = (
            f"lines {above + 1} to {line} are not as they were written: "
            f"the link in line {line} is not theirs"
        )
        yield Defect(DefectCode.CHAIN_BROKEN, f"{journal}:{line}", got)
    elif not chain.whole:
        got = f"bound to line {chain.last}, its last link; {chain.after} lines follow"
        yield Defect(DefectCode.CHAIN_OPEN, str(journal), got)


def _run(folder: Path, document: Mapping[str, Any], defects: list[Defect]) -> Run:
    """Build the run of a record.

    Args:
        folder: The run directory.
        document: Its record.
        defects: Takes the traces that are not as the record lists them.
    """
    window = document["window"]
    evidence, malformed = evidence_from_facts(document["facts"])
    if malformed:
        got = f"facts not as joulemark writes them: {', '.join(malformed)}"
        defects.append(Defect(DefectCode.RECORD_MALFORMED, str(folder / RECORD), got))
    if document["id"] != folder.name and (folder / SAMPLES).is_dir():
        got = f"id {shorten(repr(document['id']))} in the folder {folder.name}"
        defects.append(Defect(DefectCode.RECORD_MALFORMED, str(folder / RECORD), got))
    for name in (*COMPARED_NAMES, *SHOWN_NAMES):
        text = document["entry"][name]
        is_plain = text == printable(" ".join(text.split()))
        if name in SHOWN_NAMES:  # what is hidden inside is displayed, a blank at an end is not
            is_plain = text == text.strip()
        if not is_plain:
            got = f"{name} {shorten(repr(text))}, which looks like another name"
            defects.append(Defect(DefectCode.RECORD_MALFORMED, str(folder / RECORD), got))
    quality = document["quality"]
    return Run(
        id=document["id"],
        window=Window(from_iso(window["start"]), from_iso(window["stop"])) if window else None,
        traces=_traces(folder, document["traces"], defects) or _unfinished(folder),
        rated=tuple(Rated(**fields_of(Rated, item)) for item in document["rated"]),
        work=record_of(Work, document["work"]),
        performance=record_of(Quantity, document["performance"]),
        quality=_quality(quality) if quality else None,
        seconds=document["seconds"],
        success=document["success"],
        declared_energy_j=document.get("declared_energy_j"),
        evidence=evidence,
        sources=tuple(item["path"] for item in document["sources"]),
        extra={key: value for key, value in document.items() if key not in _RECORD_FIELDS},
    )


def _quality(document: Mapping[str, Any]) -> Quality:
    others = tuple(_quality(dict(item) | {"others": ()}) for item in document.get("others", ()))
    return Quality(**fields_of(Quality, document) | {"others": others})


def _traces(
    folder: Path, items: Sequence[Mapping[str, str]], defects: list[Defect]
) -> tuple[Trace, ...]:
    """Read all traces of a run, or none if one of them is not as its record lists it.

    The energy of the others alone would be too low.
    """
    traces = []
    listed = _listed_once(items)
    for item in listed:
        relative = _relative(item["path"], folder / RECORD)
        path = folder / relative
        try:
            traces.append(read_listed(path_inside(folder, relative), item["sha256"]))
        except (UnreadableError, SchemaError) as error:
            defects.append(Defect(DefectCode.TRACE_UNREADABLE, str(path), error.message))
    return tuple(traces) if len(traces) == len(listed) else ()


def _relative(text: str, record: Path) -> PurePosixPath:
    """Return a path that a record names, inside its run directory.

    Raises:
        UnreadableError: It leads outside.
    """
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
    """Return the traces in the journals of a run that did not end: no reading is lost."""
    if (folder / RECORD).is_file() or (folder / SAMPLES).is_symlink():
        return ()
    journals = readable(folder / SAMPLES)
    return tuple(trace for journal in journals for trace in journal.traces if len(trace))


FORMAT = NativeFormat()
