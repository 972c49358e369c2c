"""Pack run directories and a system description into a submission with its manifest."""

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
from harness.core.documents import canonical, read_document, write_document
from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.files import file_sha256, read_blocks
from harness.core.schemas import SCHEMA_VERSION, check
from harness.core.timestamps import to_iso
from harness.formats.base import Entry
from harness.formats.load import read
from harness.formats.run_directory import RECORD, SYSTEM
from harness.live.system import check_choices, missing_fields, overlay
from harness.signing.manifest import MANIFEST
from harness.signing.records import entry_folder, path_part

INDISPENSABLE = ("/submitter", "/system_name")
"""Fields without which a result belongs to nobody."""
MIN_PRIVATE_LENGTH = 4
"""Shorter names of machines occur by chance in any text."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A packed submission.

    Attributes:
        folder: The submission.
        manifest: Its manifest.
        missing: Pointer and description of fields that the system description leaves empty.
        forced: Findings of an audit despite which it was packed.
    """

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

    Args:
        paths: Run directories or folders that hold them.
        system: The vendor's system description.
        out: Folder to write to.
        division: closed or open.
        force: Pack despite findings of an audit, and state them in the manifest.
        private: Pack despite texts that name this machine or its user's home.

    Raises:
        JoulemarkError: It cannot be packed; nothing is written.
    """
    entries = _entries(paths)
    description = _description(system, entries)
    missing = tuple(missing_fields(description))
    _require_indispensable(system, missing)
    if not private:
        _refuse_private(entries)
    findings = tuple(_findings(entries))
    if findings and not force:
        where, _, got = findings[0].partition(": ")
        raise UsageError(
            f"an audit would refuse it ({len(findings)} findings)",
            where=where,
            got=got,
            fix="Mend it, or pack with --force, which marks the submission.",
        )
    folder = out / entries[0].round / division / path_part(str(description["submitter"]))
    if folder.exists():
        raise UsageError(
            "there is a submission already",
            where=str(folder),
            fix="Choose another --out, or remove it.",
        )
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        manifest = _write(part, entries, description | {"division": division}, findings)
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UnreadableError(
            f"cannot be written: {error.strerror}", where=str(error.filename or folder)
        ) from None
    return Packed(folder, manifest, missing, findings)


def _require_indispensable(system: Path, missing: Sequence[tuple[str, str]]) -> None:
    pointers = [pointer for pointer, _ in missing if pointer in INDISPENSABLE]
    if pointers:
        raise UsageError(
            "the system description is not complete",
            where=f"{system}#{pointers[0]}",
            got="nothing",
            expected=", ".join(pointers),
            fix="Write these fields there.",
        )


def _entries(paths: Sequence[Path]) -> list[Entry]:
    """Read complete entries of run directories, all of one round."""
    tree = read(*paths)
    if tree.unreadable:
        raise UnreadableError(
            "cannot be packed", where=tree.unreadable[0][0], got=tree.unreadable[0][1]
        )
    for entry in tree.entries:
        if not entry.is_native:
            raise UsageError(
                "is not a run directory",
                where=str(entry.directory),
                got=entry.format,
                expected="joulemark",
                fix="Turn it into one: joulemark import PATH --out DIR.",
            )
        if (entry.directory / RECORD).is_file():
            raise UsageError(
                "is one run of an entry",
                where=str(entry.directory),
                expected="the folder that holds all its runs",
                fix=f"Name {entry.directory.parent}.",
            )
    rounds = sorted({entry.round for entry in tree.entries})
    if len(rounds) > 1:
        raise UsageError(
            "these are results of several rounds",
            got=", ".join(rounds),
            expected="one round in each submission",
        )
    if not tree.entries[0].round:
        raise UsageError("the runs state no round", where=tree.entries[0].id)
    return list(tree.entries)


def _description(system: Path, entries: Sequence[Entry]) -> dict[str, Any]:
    collected = dict(entries[0].system_description or {})
    if collected.get("system_name") == "this machine":
        collected["system_name"] = None
    if not system.exists():
        raise UnreadableError(
            "is not there",
            where=str(system),
            fix="joulemark new system NAME writes one to fill in.",
        )
    stated = read_document("system", system)
    check_choices(stated, str(system))
    return overlay(collected, stated)


def _findings(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the findings for which an audit would refuse the entries."""
    for report in audit_entries(entries):
        if report.verdict == "valid":
            continue
        for finding in report.findings:
            if finding.status in ("fail", "error"):
                yield (
                    f"{report.id}/{finding.where}: {finding.rule}:"
                    f" got {finding.got}, expected {finding.expected_with_unit}"
                )


def _refuse_private(entries: Sequence[Entry]) -> None:
    """Raise UsageError where a file names this machine or its user's home."""
    names = {str(Path.home()), socket.gethostname()} - {"/", "localhost", ""}
    needles = [name.encode() for name in names if len(name) >= MIN_PRIVATE_LENGTH]
    for entry in entries:
        for path in _files(entry.directory):
            if _holds_any(path, needles):
                raise UsageError(
                    "holds the name of this machine or of a home folder",
                    where=str(path),
                    fix="Remove it from what the workload prints, or pack with --private.",
                )


def _holds_any(path: Path, needles: Sequence[bytes]) -> bool:
    """Tell whether one of some texts occurs in a file, which may be long."""
    if not needles:
        return False
    longest, tail = max(map(len, needles)), b""
    for block in read_blocks(path):
        content = tail + block
        if any(needle in content for needle in needles):
            return True
        tail = content[-longest:]
    return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _write(
    part: Path, entries: Sequence[Entry], description: Mapping[str, Any], findings: Sequence[str]
) -> dict[str, Any]:
    """Write a whole submission into a new folder, its manifest last; return the manifest."""
    system = path_part(str(description["system_name"]))
    write_document("system", description, part / "systems" / f"{system}.json")
    packed = []
    for entry in entries:
        folder = entry_folder(system, entry.benchmark, entry.scenario)
        _copy(entry, part / folder, description)
        packed.append(
            {
                "id": folder.as_posix(),
                "system": system,
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
        "entries": packed,
        "files": [_manifest_item(part, path) for path in _files(part)],
    }
    if findings:
        manifest["forced"] = [shorten(finding, 300) for finding in findings]
    check("manifest", manifest, where=MANIFEST)
    (part / MANIFEST).write_bytes(canonical(manifest))
    return manifest


def _copy(entry: Entry, folder: Path, description: Mapping[str, Any]) -> None:
    """Copy all files of an entry; its records then name the system, submitter and division."""
    shutil.copytree(entry.directory, folder, symlinks=False, ignore=_not_packed)
    write_document("system", description, folder / SYSTEM)
    stated = {
        "submitter": description["submitter"],
        "system": description["system_name"],
        "division": description["division"],
    }
    for path in sorted(folder.glob(f"*/{RECORD}")):
        document = json.loads(path.read_bytes())
        document["entry"] |= stated
        write_document("run", document, path)


def _not_packed(folder: str, names: list[str]) -> set[str]:
    """Return names of links, devices, pipes and hidden files."""
    excluded = set()
    for name in names:
        mode = os.lstat(os.path.join(folder, name)).st_mode
        if name.startswith(".") or not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            excluded.add(name)
    return excluded


def _manifest_item(root: Path, path: Path) -> dict[str, Any]:
    return {
        "path": path.relative_to(root).as_posix(),
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
    }
