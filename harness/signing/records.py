"""Compare the run records of a submission with its manifest: what is ranked is what was signed.

The manifest states the submitter, the round, the division, and for each entry its folder, system,
benchmark, scenario and number of runs. A result is ranked by what its run records state. So every
record, and the system descriptions, must state the same:

1. Every entry lies in the folder that its system, benchmark and scenario give.
2. Every file lies in an entry or in `systems/`; every run record is directly below its entry.
3. An entry has as many run records as the manifest states.
4. Every record and description states the submitter, round, division, system, benchmark and
   scenario of the manifest; all records of an entry agree on whether they are simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_inside, sha256
from harness.signing.manifest import Difference

RESULTS, SYSTEMS = "results", "systems"
"""Folders of a submission."""
RECORDS = ("run.json", "incomplete.json")
DESCRIPTION = "system.json"


def path_part(name: str) -> str:
    """Return a name as part of a path."""
    safe = "".join(c if c.isalnum() or c in "._-" else "_" for c in name).strip(".")
    return safe or ("_" if name else "")


def entry_folder(system: str, benchmark: str, scenario: str) -> PurePosixPath:
    """Return the folder of an entry inside a submission."""
    parts = [path_part(system), path_part(benchmark), path_part(scenario)]
    return PurePosixPath(RESULTS, *filter(None, parts))


def record_differences(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield where records and folders of a submission differ from its manifest.

    Args:
        folder: The submission.
        manifest: Its valid manifest.
    """
    digests = {item["path"]: item["sha256"] for item in manifest["files"]}
    entries = {entry["id"]: entry for entry in manifest["entries"]}
    records: dict[str, list[str]] = {entry_id: [] for entry_id in entries}
    descriptions: dict[str, list[str]] = {entry_id: [] for entry_id in entries}
    for path in sorted(digests):
        entry_id = _entry_of(path, entries)
        if entry_id is None:
            if PurePosixPath(path).parts[0] != SYSTEMS:
                expected = f"a file of an entry of the manifest, or of {SYSTEMS}/"
                yield Difference(shorten(path, 1000), "a file of no entry", expected)
            continue
        inside = PurePosixPath(path).relative_to(entry_id)
        if inside.name in RECORDS and inside.parts[1:2] != ("ranks",):
            if len(inside.parts) != 2:
                got, expected = "a run record", f"run records in {entry_id}/RUN/"
                yield Difference(shorten(path, 1000), got, expected)
            records[entry_id].append(path)
        elif str(inside) == DESCRIPTION:
            descriptions[entry_id].append(path)
    read = _Reader(folder, digests)
    for entry_id, entry in entries.items():
        yield from _folder_difference(entry)
        yield from _count_difference(entry, records[entry_id])
        yield from _record_differences(read, records[entry_id], entry, manifest)
        yield from _description_differences(read, descriptions[entry_id], entry, manifest)


def _entry_of(path: str, entries: Mapping[str, Any]) -> str | None:
    """Return the id of the entry that a file belongs to."""
    for parent in PurePosixPath(path).parents:
        if str(parent) in entries:
            return str(parent)
    return None


def _folder_difference(entry: Mapping[str, Any]) -> Iterator[Difference]:
    expected = entry_folder(entry["system"], entry["benchmark"], entry["scenario"]).as_posix()
    if entry["id"] != expected:
        yield Difference(shorten(entry["id"], 1000), "this folder", expected)


def _count_difference(entry: Mapping[str, Any], records: list[str]) -> Iterator[Difference]:
    if len(records) < entry["runs"]:
        got, expected = f"{len(records)} run records", f"at least {entry['runs']}, as stated"
        yield Difference(shorten(entry["id"], 1000), got, expected)


class _Reader:
    """Reads JSON documents of a submission, as far as they are what the manifest lists.

    One that was changed or cannot be read gives no document: the comparison of files reports it.
    """

    def __init__(self, folder: Path, digests: Mapping[str, str]) -> None:
        self.folder, self.digests = folder, digests

    def document(self, path: str) -> dict[str, Any]:
        try:
            content = read_inside(self.folder, path, limit=MAX_DOCUMENT_BYTES)
            document = parse_json(content, where=path)
        except JoulemarkError:
            return {}
        is_as_listed = sha256(content) == self.digests[path]
        return document if is_as_listed and isinstance(document, dict) else {}


def _record_differences(
    read: _Reader, paths: list[str], entry: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Iterator[Difference]:
    simulated: dict[object, str] = {}
    for path in paths:
        stated = read.document(path).get("entry")
        if not isinstance(stated, dict):
            continue
        expected = {
            "submitter": manifest["submitter"],
            "round": manifest["round"],
            "division": manifest["division"],
            "benchmark": entry["benchmark"],
            "scenario": entry["scenario"],
        }
        yield from _unequal_fields(f"{path}#/entry", stated, expected)
        yield from _system_difference(f"{path}#/entry/system", stated.get("system"), entry)
        simulated.setdefault(stated.get("simulated"), path)
    if len(simulated) > 1:
        second = list(simulated.values())[1]
        got = "runs that are simulated beside runs that are not"
        yield Difference(f"{second}#/entry/simulated", got, "one value in all runs of an entry")


def _description_differences(
    read: _Reader, paths: list[str], entry: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Iterator[Difference]:
    for path in paths:
        description = read.document(path)
        if not description:
            continue
        yield from _unequal_fields(path + "#", description, {"submitter": manifest["submitter"]})
        name = description.get("system_name")
        yield from _system_difference(f"{path}#/system_name", name, entry)


def _unequal_fields(
    where: str, stated: Mapping[str, Any], expected: Mapping[str, Any]
) -> Iterator[Difference]:
    for name, value in expected.items():
        if stated.get(name) != value:
            got = shorten(repr(stated.get(name)))
            yield Difference(f"{where}/{name}", got, f"{shorten(repr(value))}, as signed")


def _system_difference(where: str, name: object, entry: Mapping[str, Any]) -> Iterator[Difference]:
    """Return the name of the system, which the manifest states as part of a path."""
    if not isinstance(name, str) or path_part(name) != entry["system"]:
        yield Difference(where, shorten(repr(name)), f"{shorten(repr(entry['system']))}, as signed")
