"""Rulebooks: the limits of one round, as data. A new round is a new file; old results keep their verdict."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.documents.errors import UsageError
from harness.documents.validate import read_document
from harness.formats.base import Entry
from harness.rules.base import live_runs

FOLDER = Path(__file__).with_name("rulebooks")
OWN = "joulemark-2026"


def rounds() -> list[str]:
    """Names of all rounds that have a rulebook."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@functools.cache
def rulebook(round_name: str) -> Mapping[str, Any]:
    """The rulebook of a round. Raises UsageError for a round that has none."""
    if round_name not in rounds():
        raise UsageError("no rulebook for this round", got=round_name, expected="one of " + ", ".join(rounds()))
    return read_document("rulebook", FOLDER / f"{round_name}.yaml")


def rulebook_for(entry: Entry, asked: str | None = None) -> tuple[Mapping[str, Any], str]:
    """The rulebook an entry is judged by, and a note where that is not the round it states.

    asked: a round that the auditor demands
    """
    if asked is not None:
        return rulebook(asked), _asked_note(entry, asked)
    if entry.round != OWN and live_runs(entry):
        return rulebook(OWN), f"recorded by joulemark; judged by {OWN}, whatever round it states"
    if entry.round in rounds():
        return rulebook(entry.round), ""
    nearest = _nearest(entry)
    said = f"the entry states {entry.round}, which has no rulebook" if entry.round else "the entry states no round"
    return rulebook(nearest), "" if nearest == OWN and not entry.round else f"{said}; judged by {nearest}"


def _asked_note(entry: Entry, asked: str) -> str:
    """What a reader must know of a round that the auditor demanded."""
    book, _ = rulebook_for(entry)
    if entry.round not in ("", asked):
        return f"judged by {asked}, as asked; the entry states {entry.round}"
    if _split(book["round"])[0] != _split(asked)[0]:
        return f"judged by {asked}, as asked; for such an entry {book['round']} is meant"
    return ""


def _nearest(entry: Entry) -> str:
    """The nearest round of the same family: the newest that is not newer, or the oldest."""
    family, version = _split(entry.round)
    if not family:
        family = {
            "mlperf-inference-power": "mlperf-inference",
            "mlperf-training-power": "mlperf-training",
        }.get(entry.origin or entry.format, "")
    same = sorted((v, name) for name in rounds() for f, v in [_split(name)] if f == family)
    if not same:
        return OWN
    older = [name for v, name in same if v <= version]
    return older[-1] if older and version else same[0][1] if version else same[-1][1]


def _split(round_name: str) -> tuple[str, tuple[int, ...]]:
    match = re.fullmatch(r"([a-z-]+)-v(\d{1,3})\.(\d{1,3})", round_name)
    return (match[1], (int(match[2]), int(match[3]))) if match else ("", ())
