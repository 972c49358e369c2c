"""Check the submission that an entry is packed in, and note its faults as defects of the entry.

A submission is a folder with a manifest beside ``results/``. What is inside one of its entries is a
defect of that entry; anything else concerns all of them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from harness.core.errors import JoulemarkError
from harness.core.files import read_bytes
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.formats.base import Defect, Entry
from harness.formats.defects import DefectCode
from harness.signing.dsse import MAX_ENVELOPE_BYTES
from harness.signing.manifest import (
    ENVELOPE,
    MANIFEST,
    Difference,
    differences,
    parse_manifest,
    read_manifest,
)
from harness.signing.records import record_differences
from harness.signing.trust import Trust
from harness.signing.verify import STEPS, Verification, verify

RESULTS = "results"
"""Folder of a submission that holds its entries."""
CONTENT_STEPS = (3, 4, 7, 9)
"""Steps of a verification that compare content with what was packed; others check signatures."""
MANIFEST_STEP, FILES_STEP, RECORDS_STEP = 4, 7, 9


class PackedEntry(NamedTuple):
    """The submission that holds an entry, and the entry's folder inside it."""

    submission: Path
    folder: PurePosixPath


class SubmissionFiles(NamedTuple):
    """What a submission says of its files.

    Attributes:
        manifest: Text of the manifest; "" where it cannot be read.
        envelope: Text of the envelope with its signatures; "" where there is none.
        listed: SHA-256 of each file that the manifest lists, by path.
    """

    manifest: str
    envelope: str
    listed: Mapping[str, str]


def with_submission_defects(
    entries: Sequence[Entry], trust: Trust | None = None, timeout_s: float | None = None
) -> tuple[Entry, ...]:
    """Return the entries with the defects of the submissions that they are packed in.

    Args:
        entries: The entries; those of no submission stay as they are.
        trust: Whose signatures count. None compares files with the manifest and checks no
            signature; otherwise an entry without a signed submission gets a defect as well.
        timeout_s: How long the verification of one submission may take for each of its entries
            [s]; one that takes longer fails. None for no limit.
    """
    packed = [packed_entry(entry) for entry in entries]
    folders: dict[Path, set[PurePosixPath]] = defaultdict(set)
    for item in packed:
        if item is not None:
            folders[item.submission].add(item.folder)
    verifications = {
        submission: _verify(submission, trust, timeout_s and timeout_s * len(inside))
        for submission, inside in folders.items()
    }
    defects = {folder: tuple(_defects(result)) for folder, result in verifications.items()}

    unsigned = (Defect(DefectCode.UNSIGNED, ".", "no manifest and no signature"),) if trust else ()
    result = []
    for entry, item in zip(entries, packed, strict=True):
        if item is None:
            added: Iterable[Defect] = unsigned
        else:
            other_folders = folders[item.submission] - {item.folder}
            listed = verifications[item.submission].listed
            added = [
                *_outside(other_folders, defects[item.submission]),
                *_unlisted_bytes(entry, item.folder, listed),
            ]
        result.append(replace(entry, defects=(*entry.defects, *added)))
    return tuple(result)


def _outside(folders: set[PurePosixPath], defects: Iterable[Defect]) -> Iterator[Defect]:
    """Yield the defects that are in none of some folders."""
    for defect in defects:
        if not folders.intersection(PurePosixPath(defect.where).parents):
            yield defect


def packed_entry(entry: Entry) -> PackedEntry | None:
    """Return the submission that holds an entry: the packed folder above a ``results`` folder."""
    if not entry.is_native:
        return None
    directory = Path(os.path.abspath(entry.directory))
    for parent in directory.parents:
        if parent.name == RESULTS and _is_packed(parent.parent):
            folder = PurePosixPath(directory.relative_to(parent.parent).as_posix())
            return PackedEntry(parent.parent, folder)
    return None


def submission_files(
    entry: Entry, already_read: dict[Path, SubmissionFiles]
) -> tuple[SubmissionFiles, PackedEntry] | None:
    """Return manifest and envelope of the submission of an entry; ``None`` where it is in none.

    Args:
        entry: The entry.
        already_read: Submissions that were read before; the one of the entry is added.
    """
    packed = packed_entry(entry)
    if packed is None:
        return None
    if packed.submission not in already_read:
        already_read[packed.submission] = _read_submission(packed.submission)
    return already_read[packed.submission], packed


def _read_submission(folder: Path) -> SubmissionFiles:
    manifest = _text_of(folder / MANIFEST)
    listed = {}
    try:
        for item in parse_manifest(manifest.encode())["files"]:
            listed[item["path"]] = item["sha256"]
    except JoulemarkError:
        pass  # the audit says what is wrong with it
    return SubmissionFiles(manifest, _text_of(folder / ENVELOPE), listed)


def _text_of(path: Path) -> str:
    """Return the text of a file; "" where it cannot be read or is no text."""
    try:
        return read_bytes(path, limit=MAX_ENVELOPE_BYTES).decode()
    except (JoulemarkError, UnicodeDecodeError):
        return ""


def _is_packed(folder: Path) -> bool:
    """Return whether a folder has an envelope, or a manifest of joulemark, readable or not."""
    if (folder / ENVELOPE).exists():
        return True
    try:
        return b'"sha256"' in read_manifest(folder)
    except JoulemarkError:
        return False


def _verify(submission: Path, trust: Trust | None, timeout_s: float | None) -> Verification:
    """Compare a submission with its manifest, and check its signatures if there is a trust file."""
    try:
        with deadline(timeout_s):
            if trust is None:
                return _compare_with_manifest(submission)
            return verify(submission, trust)
    except TimeLimitExceeded as error:
        unfinished = Verification(submission, enveloped=(submission / ENVELOPE).exists())
        limit = f"at most {timeout_s:g} s for all its entries"
        unfinished.add(FILES_STEP, [Difference(MANIFEST, f"not verified: {error}", limit)])
        return unfinished


def _unlisted_bytes(
    entry: Entry, folder: PurePosixPath, listed: Mapping[str, str]
) -> Iterator[Defect]:
    """Yield the files whose bytes were not those of the manifest when the entry was read.

    The files may have been exchanged between the reading of the entry and that of the manifest.
    """
    for path, digest in entry.digests.items():
        where = (folder / path).as_posix()
        if where in listed and listed[where] != digest:
            got = "read with other bytes than the manifest lists"
            yield Defect(DefectCode.SUBMISSION_CHANGED, where, got)


def _defects(verification: Verification) -> Iterator[Defect]:
    """Yield the faults of a submission as defects; their places are relative to it."""
    for fault in verification.faults:
        got = f"{STEPS[fault.step]}: {fault.got}, and not {fault.expected}"
        if fault.step in CONTENT_STEPS:
            yield Defect(DefectCode.SUBMISSION_CHANGED, fault.where, got)
        elif verification.enveloped or fault.step != 1:
            yield Defect(DefectCode.SIGNATURE_BAD, fault.where, got)
        else:
            yield Defect(DefectCode.UNSIGNED, fault.where, "no signature")


def _compare_with_manifest(submission: Path) -> Verification:
    """Compare the files of a submission with its manifest, whoever signed it."""
    verification = Verification(submission)
    manifest = verification.attempt(
        MANIFEST_STEP, MANIFEST, lambda: parse_manifest(read_manifest(submission))
    )
    if manifest:
        verification.listed = {item["path"]: item["sha256"] for item in manifest["files"]}
        verification.add(FILES_STEP, differences(submission, manifest))
        verification.add(RECORDS_STEP, record_differences(submission, manifest))
    return verification
