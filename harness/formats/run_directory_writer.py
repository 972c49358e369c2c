"""Write run directories: the end of an import, and of a live run.

:mod:`harness.formats.run_directory` reads them back, and says what lies where. The record is
written last, so that a folder with ``run.json`` is complete.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.core.documents import write_document
from harness.core.errors import UnreadableError
from harness.core.files import file_sha256, read_bytes, sha256
from harness.core.schemas import SCHEMA_VERSION
from harness.core.timestamps import to_iso
from harness.formats.base import Entry, Run
from harness.formats.evidence_facts import facts_of
from harness.formats.run_directory import ENTRY_FIELDS, INCOMPLETE, RECORD, SYSTEM
from harness.traces.csv_store import write_csv
from harness.traces.parquet_store import write_parquet
from harness.traces.trace import Trace


def write_entry(entry: Entry, out: Path, *, parquet: bool = False) -> list[Path]:
    """Write an entry as run directories.

    Args:
        entry: The entry.
        out: The folder that takes them.
        parquet: Store traces as Parquet instead of CSV.

    Returns:
        The run directories.

    Raises:
        UnreadableError: One of them exists already.
    """
    roles = [(run, "timed") for run in entry.runs]
    if entry.ranging is not None:
        roles.append((entry.ranging, "ranging"))
    written = []
    for run, role in roles:
        folder = out / run.id
        if folder.exists():
            raise UnreadableError(
                "is there already", where=str(folder), fix="Choose another --out, or remove it."
            )
        write_run(entry, run, folder, role=role, parquet=parquet)
        written.append(folder)
    if entry.system_description:
        document = dict(entry.system_description) | {"schema_version": SCHEMA_VERSION}
        write_document("system", document, out / SYSTEM)
    return written


def write_run(
    entry: Entry, run: Run, folder: Path, *, role: str = "timed", parquet: bool = False
) -> None:
    """Write the traces of one run and, last, its record, which lists all files of the folder."""
    existing = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    files = [_file_item(folder, path) for path in existing if path != folder / INCOMPLETE]
    traces = [_write_trace(trace, folder, parquet) for trace in run.traces]
    write_document("run", record(entry, run, role, traces, files), folder / RECORD)


def _file_item(folder: Path, path: Path) -> dict[str, Any]:
    return {
        "path": path.relative_to(folder).as_posix(),
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
    }


def _write_trace(trace: Trace, folder: Path, parquet: bool) -> dict[str, str]:
    relative = f"traces/{trace.channel.id}.{'parquet' if parquet else 'csv'}"
    write = write_parquet if parquet else write_csv
    write(trace, folder / relative)
    return {
        "path": relative,
        "sha256": file_sha256(folder / relative),
        "content_sha256": trace.content_sha256,
    }


def record(
    entry: Entry,
    run: Run,
    role: str,
    traces: Sequence[Mapping[str, Any]] = (),
    files: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the record of a run.

    Args:
        entry: The entry it belongs to.
        run: The run.
        role: ``timed``, or ``ranging`` for evidence only.
        traces: Its trace files, each with its hash.
        files: The other files of its folder, each with its hash.
    """
    window = run.window
    document = {
        "schema_version": SCHEMA_VERSION,
        "id": run.id,
        "role": role,
        "entry": _entry_document(entry),
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
        "facts": facts_of(run.evidence),
        "sources": [_source(entry.directory, name) for name in run.sources],
    }
    return dict(run.extra) | document


def _entry_document(entry: Entry) -> dict[str, Any]:
    origin = {"id": entry.id, "format": entry.origin or entry.format}
    if entry.family:
        origin["family"] = entry.family
    defects = [
        asdict(replace(defect, where=_inside(defect.where, entry.directory)))
        for defect in entry.defects
    ]
    fields = {name: getattr(entry, name) for name in ENTRY_FIELDS}
    return fields | {"origin": origin, "defects": defects}


def _inside(where: str, directory: Path) -> str:
    return os.path.relpath(where, directory) if os.path.isabs(where) else where


def _source(directory: Path, name: str) -> dict[str, str | None]:
    folder = directory.parent if directory.is_file() else directory
    try:
        return {"path": name, "sha256": sha256(read_bytes(folder / name))}
    except UnreadableError:
        return {"path": name, "sha256": None}
