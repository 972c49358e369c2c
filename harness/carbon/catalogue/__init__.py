"""The catalogue: published footprints of models as declared documents, each below the folder of its source."""

from __future__ import annotations

import functools
from pathlib import Path

from harness.carbon.footprint.document import Footprint, from_document
from harness.core.errors import UsageError
from harness.core.schemas import read_document
from harness.core.suggestions import suggestion

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Ids of all documents, sorted."""
    return sorted(
        path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.glob("*/*.json")
    )


@functools.cache
def entry(name: str) -> Footprint:
    """One document by its id, or by the part of it that no other has. Raises UsageError with near matches."""
    known = names()
    found = [name] if name in known else [one for one in known if one.split("/")[1] == name]
    if len(found) != 1:
        question = suggestion(name, [*known, *(one.split("/")[1] for one in known)])
        raise UsageError(
            "is not in the catalogue",
            where=name,
            fix=question or "`joulemark footprint published` lists all.",
        )
    return from_document(read_document("footprint", FOLDER / f"{found[0]}.json"))


def catalogue() -> list[Footprint]:
    """All documents, in the order of their ids."""
    return [entry(name) for name in names()]
