"""Pack: run directories and a system description in, a submission with its manifest out."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import __version__
from harness.auditing.engine import audit_entries
from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.files import read_bytes, sha256
from harness.core.schemas import SCHEMA_VERSION, canonical, check, read_document, write_document
from harness.core.timestamps import to_iso
from harness.formats.base import Entry
from harness.formats.load import read
from harness.formats.run_directory import RECORD, SYSTEM
from harness.live.system import complete, missing
from harness.signing.manifest import MANIFEST

NEEDED = ("/submitter", "/system_name")
"""Without these nobody can tell whose result it is."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A submission. missing: (pointer, what to write) of what the system description does not say; forced: why"""

    folder: Path
    manifest: Mapping[str, Any]
    missing: tuple[tuple[str, str], ...]
    forced: tuple[str, ...]


def pack(
    paths: Sequence[Path],
    system: Path,
    out: Path,
    *,
    division: str = "open",
    force: bool = False,
    private: bool = False,
) -> Packed:
    """Write `<out>/<round>/<division>/<submitter>/` with `systems/`, `results/` and the manifest.

    force: pack also what an audit refuses, and say so in the manifest; private: pack also what names this machine.
    Raises JoulemarkError; then nothing is written.
    """
    entries = _entries(paths)
    description = _description(system, entries)
    absent = tuple(missing(description))
    if needed := [pointer for pointer, _ in absent if pointer in NEEDED]:
        raise UsageError(
            "the system description is not complete",
            where=f"{system}#{needed[0]}",
            got="nothing",
            expected=", ".join(needed),
            fix="Write these fields there.",
        )
    if not private:
        _refuse_private(entries)
    refused = tuple(_refused(entries))
    if refused and not force:
        raise UsageError(
            f"an audit would refuse it ({len(refused)} findings)",
            where=refused[0].partition(": ")[0],
            got=refused[0].partition(": ")[2],
            fix="Mend it, or pack with --force, which marks the submission.",
        )
    folder = out / entries[0].round / division / _name(str(description["submitter"]))
    if folder.exists():
        raise UsageError(
            "there is a submission already",
            where=str(folder),
            fix="Choose another --out, or remove it.",
        )
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        manifest = _write(part, entries, description | {"division": division}, refused)
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UnreadableError(
            f"cannot be written: {error.strerror}", where=str(error.filename or folder)
        ) from None
    return Packed(folder, manifest, absent, refused)


def _entries(paths: Sequence[Path]) -> list[Entry]:
    tree = read(*paths)
    if tree.unreadable:
        raise UnreadableError(
            "cannot be packed", where=tree.unreadable[0][0], got=tree.unreadable[0][1]
        )
    foreign = next((entry for entry in tree.entries if not entry.is_native), None)
    if foreign is not None:
        raise UsageError(
            "is not a run directory",
            where=str(foreign.directory),
            got=foreign.format,
            expected="joulemark",
            fix="Turn it into one: joulemark import PATH --out DIR.",
        )
    alone = next((entry for entry in tree.entries if (entry.directory / RECORD).is_file()), None)
    if alone is not None:
        raise UsageError(
            "is one run of an entry",
            where=str(alone.directory),
            expected="the folder that holds all its runs",
            fix=f"Name {alone.directory.parent}.",
        )
    if len({entry.round for entry in tree.entries}) > 1:
        rounds = ", ".join(sorted({entry.round for entry in tree.entries}))
        raise UsageError(
            "these are results of several rounds",
            got=rounds,
            expected="one round in each submission",
        )
    if not tree.entries[0].round:
        raise UsageError("the runs state no round", where=tree.entries[0].id)
    return list(tree.entries)


def _description(system: Path, entries: Sequence[Entry]) -> dict[str, Any]:
    collected = dict(entries[0].system_description or {})
    if collected.get("system_name") == "this machine":
        collected["system_name"] = None
    return complete(collected, read_document("system", system))


def _refused(entries: Sequence[Entry]) -> Iterator[str]:
    """What an audit holds against the entries."""
    for report in audit_entries(entries):
        if report.verdict != "valid":
            for finding in report.findings:
                if finding.status in ("fail", "error"):
                    yield f"{report.id}/{finding.where}: {finding.rule}: {finding.got}, expected {finding.expected}"


def _refuse_private(entries: Sequence[Entry]) -> None:
    """Raise UsageError where a text names this machine or its user's home."""
    words = {str(Path.home()), socket.gethostname()} - {"/", "localhost", ""}
    needles = [word.encode() for word in words if len(word) > 3]
    for entry in entries:
        for path in _files(entry.directory):
            found = next((needle for needle in needles if needle in read_bytes(path)), None)
            if found is not None:
                raise UsageError(
                    "holds the name of this machine or of a home folder",
                    where=str(path),
                    fix="Remove it from what the workload prints, or pack with --private.",
                )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _write(
    part: Path, entries: Sequence[Entry], description: Mapping[str, Any], refused: Sequence[str]
) -> dict[str, Any]:
    name = _name(str(description["system_name"]))
    write_document("system", description, part / "systems" / f"{name}.json")
    listed = []
    for entry in entries:
        place = Path(
            "results", name, _name(entry.benchmark), *filter(None, (_name(entry.scenario),))
        )
        _copy(entry, part / place, description)
        listed.append(
            {
                "id": place.as_posix(),
                "system": name,
                "benchmark": entry.benchmark,
                "scenario": entry.scenario,
                "runs": len(entry.runs),
            }
        )
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "round": entries[0].round,
        "division": description["division"],
        "submitter": description["submitter"],
        "created": to_iso(time.time_ns()),
        "tool": {"name": "joulemark", "version": __version__},
        "entries": listed,
        "files": [_listed(part, path) for path in _files(part)],
    }
    if refused:
        manifest["forced"] = [shorten(text, 300) for text in refused]
    check("manifest", manifest, where=MANIFEST)
    (part / MANIFEST).write_bytes(canonical(manifest))
    return manifest


def _copy(entry: Entry, place: Path, description: Mapping[str, Any]) -> None:
    """All files of an entry; its records name the system, the submitter and the division."""
    shutil.copytree(entry.directory, place, symlinks=False, ignore=_left_out)
    write_document("system", description, place / SYSTEM)
    names = {"submitter": "submitter", "system": "system_name", "division": "division"}
    for path in sorted(place.glob(f"*/{RECORD}")):
        document = json.loads(path.read_bytes())
        document["entry"] |= {name: description[of] for name, of in names.items()}
        write_document("run", document, path)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What is not packed: links, devices, pipes, and what is hidden."""
    kinds = {name: os.lstat(os.path.join(folder, name)).st_mode for name in names}
    return {
        name
        for name, mode in kinds.items()
        if name[0] == "." or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    }


def _listed(root: Path, path: Path) -> dict[str, Any]:
    content = read_bytes(path)
    return {
        "path": path.relative_to(root).as_posix(),
        "bytes": len(content),
        "sha256": sha256(content),
    }


def _name(text: str) -> str:
    """A name as part of a path."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in text).strip(".") or (
        "_" if text else ""
    )
