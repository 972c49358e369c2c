"""What a submission's manifest and signatures say, brought to each entry that an audit judges, as defects of it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from harness.core.errors import JoulemarkError
from harness.formats.base import Defect, Entry
from harness.formats.defects import DefectCode
from harness.signing.manifest import ENVELOPE, MANIFEST, compare, parse_manifest, read_manifest
from harness.signing.trust import Trust
from harness.signing.verify import STEPS, Verification, verify

RESULTS = "results"
"""Folder of a submission that holds its entries."""
CHANGED = (3, 4, 7)
"""Steps of a verification that say that something is not what was packed; the others are about signatures."""


class Home(NamedTuple):
    """The submission an entry is part of, and its place inside."""

    folder: Path
    inside: PurePosixPath


def vouched(entries: Sequence[Entry], trust: Trust | None = None) -> tuple[Entry, ...]:
    """The entries, each with what speaks against the submission that it is part of.

    A difference inside one of the entries is that entry's, any other is of all entries of the submission.
    trust: check signatures too; without it, files are held against the manifest that lies there
    """
    homes = [_home(entry) for entry in entries]
    places: dict[Path, set[PurePosixPath]] = defaultdict(set)
    for home in filter(None, homes):
        places[home.folder].add(home.inside)
    found = {folder: tuple(_speaking(folder, trust)) for folder in places}
    unsigned = (Defect(DefectCode.UNSIGNED, ".", "no manifest and no signature"),) if trust else ()
    said = (
        _own(home, found[home.folder], places[home.folder]) if home else unsigned for home in homes
    )
    return tuple(
        replace(entry, defects=(*entry.defects, *own))
        for entry, own in zip(entries, said, strict=True)
    )


def _own(home: Home, found: Iterable[Defect], places: set[PurePosixPath]) -> Iterable[Defect]:
    """What of a submission's defects is not inside another of its entries."""
    others = places - {home.inside}
    return (
        defect for defect in found if not others.intersection(PurePosixPath(defect.where).parents)
    )


def _home(entry: Entry) -> Home | None:
    """The submission that holds an entry: its manifest lies beside the folder of results that the entry is in."""
    if not entry.is_native:
        return None
    directory = Path(os.path.abspath(entry.directory))
    for results in directory.parents:
        if results.name == RESULTS and _is_packed(results.parent):
            return Home(
                results.parent, PurePosixPath(directory.relative_to(results.parent).as_posix())
            )
    return None


def _is_packed(folder: Path) -> bool:
    """Whether it has an envelope, or a manifest that is ours or nobody's any more."""
    if (folder / ENVELOPE).exists():
        return True
    try:
        return b'"sha256"' in read_manifest(folder)
    except JoulemarkError:
        return False


def _speaking(folder: Path, trust: Trust | None) -> Iterator[Defect]:
    """What speaks against a submission; places are inside it."""
    if trust is None:
        looked = Verification(folder)
        manifest = looked.attempt(4, MANIFEST, lambda: parse_manifest(read_manifest(folder)))
        looked.add(7, compare(folder, manifest) if manifest else ())
    else:
        looked = verify(folder, trust)
    for fault in looked.faults:
        got = f"{STEPS[fault.step]}: {fault.got}, and not {fault.expected}"
        if fault.step in CHANGED:
            yield Defect(DefectCode.SUBMISSION_CHANGED, fault.where, got)
        elif looked.enveloped or fault.step != 1:
            yield Defect(DefectCode.SIGNATURE_BAD, fault.where, got)
        else:
            yield Defect(DefectCode.UNSIGNED, fault.where, "no signature")
