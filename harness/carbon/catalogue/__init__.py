"""The catalogue of published footprints: one declared document each, by source."""

from __future__ import annotations

import functools
from pathlib import Path

from harness.carbon.footprint.document import Footprint, from_document
from harness.core.documents import read_document
from harness.core.errors import UsageError
from harness.core.suggestions import suggestion

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the ids of all documents, sorted."""
    return sorted(
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.json")
    )


@functools.cache
def entry(name: str) -> Footprint:
    """Return one document by its id, or by the unique last part of it.

    Raises:
        UsageError: There is none, or several; the message lists near matches.
    """
    ids = names()
    matches = [name] if name in ids else [item for item in ids if item.split("/")[1] == name]
    if len(matches) != 1:
        last_parts = [item.split("/")[1] for item in ids]
        raise UsageError(
            "is not in the catalogue",
            where=name,
            fix=suggestion(name, ids + last_parts) or "`joulemark footprint published` lists all.",
        )
    return from_document(read_document("footprint", FOLDER / f"{matches[0]}.json"))


def catalogue() -> list[Footprint]:
    """Return all documents, in the order of their ids."""
    return [entry(name) for name in names()]
