"""Rulebooks: the limits of one round, as data. A new round is a new file; old results keep their verdict."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.auditing.rules import BY_NAME
from harness.auditing.rules.base import recorded_runs
from harness.core.errors import SchemaError, shorten
from harness.core.schemas import check, read_document
from harness.core.suggestions import unknown_name
from harness.formats.base import NATIVE, Entry

FOLDER = Path(__file__).with_name("rulebooks")
OWN = "joulemark-2026"


@functools.cache
def rounds() -> tuple[str, ...]:
    """Names of all rounds that have a rulebook."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@functools.cache
def rulebook(round_name: str) -> Mapping[str, Any]:
    """The rulebook of a round. Raises UsageError for a round that has none."""
    if round_name not in rounds():
        raise unknown_name("no rulebook for this round", round_name, rounds())
    return whole(FOLDER, round_name)


def whole(folder: Path, name: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """A rulebook of a folder, with what it takes from the one it is based on. Raises SchemaError.

    above: rulebooks that are based on this one
    """
    path = folder / f"{name}.yaml"
    book = _read(path)
    book["rules"] = _by_current_id(book["rules"], path)
    base = book.pop("based_on", None)
    if base is None:
        return book
    above = (*above, name)
    others = sorted({other.stem for other in folder.glob("*.yaml")} - set(above))
    if base not in others:
        fault = "goes in a circle" if base in above else "names a round that has no rulebook"
        raise SchemaError(
            f"is a rulebook whose base {fault}",
            where=f"{path}#/based_on",
            got=shorten(" > ".join([*above, base])),
            expected="one of " + ", ".join(others),
            fix="Base it on a rulebook that leads to one with no base.",
        )
    book = _merged(whole(folder, base, above), book)
    if folder != FOLDER:
        check("rulebook", book, where=str(path))
    return book


def _read(path: Path) -> dict[str, Any]:
    """Read one rulebook. Those that ship are checked by the tests, not at every start."""
    return dict(_shipped(path)) if path.parent == FOLDER else read_document("rulebook", path)


@functools.cache
def _shipped(path: Path) -> Mapping[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    book: Mapping[str, Any] = yaml.load(path.read_bytes(), loader)
    return book


def _by_current_id(rules: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the settings by the current id of each rule. Raises SchemaError for a rule that is set twice."""
    settings_by_id: dict[str, Any] = {}
    for name, settings in rules.items():
        rule_id = BY_NAME[name].id if name in BY_NAME else name
        if rule_id in settings_by_id:
            raise SchemaError(
                "sets one rule twice",
                where=f"{path}#/rules/{rule_id}",
                got=f"{rule_id} by two of its names",
                expected="each rule once",
                fix=f"Merge the two under {rule_id}.",
            )
        settings_by_id[rule_id] = settings
    return settings_by_id


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Rule by rule and limit by limit what a rulebook states itself, and what its base states else."""
    rules = dict(base["rules"])
    for name, settings in own["rules"].items():
        old = rules.get(name, {})
        parts = {
            kind: {**old.get(kind, {}), **settings.get(kind, {})} for kind in ("limits", "accepts")
        }
        rules[name] = {**old, **settings, **{kind: part for kind, part in parts.items() if part}}
    return {**base, **own, "rules": rules}


def alike(say: Callable[[Mapping[str, Any]], Any]) -> list[tuple[str, Any]]:
    """What is said of the rules of each round; rounds of a family in a row that say the same share one name."""
    found: list[tuple[list[str], Any]] = []
    for name in rounds():
        said = say(rulebook(name)["rules"])
        if found and found[-1][1] == said and _split(found[-1][0][0])[0] == _split(name)[0]:
            found[-1][0].append(name)
        else:
            found.append(([name], said))
    return [
        (" to ".join([first, *(name.rpartition("-")[2] for name in more[-1:])]), said)
        for (first, *more), said in found
    ]


def rulebook_for(entry: Entry, asked: str | None = None) -> tuple[Mapping[str, Any], str]:
    """The rulebook an entry is judged by, and a note where that is not the round it states.

    asked: a round that the auditor demands
    """
    if asked is not None:
        return rulebook(asked), _asked_note(entry, asked)
    if entry.round != OWN and recorded_runs(entry):
        return rulebook(OWN), f"recorded by joulemark; judged by {OWN}, whatever round it states"
    if entry.round in rounds():
        return rulebook(entry.round), ""
    nearest = _nearest(entry)
    said = (
        f"the entry states {entry.round}, which has no rulebook"
        if entry.round
        else "the entry states no round"
    )
    return rulebook(
        nearest
    ), "" if nearest == OWN and not entry.round else f"{said}; judged by {nearest}"


def family_of_round(round_name: str) -> str:
    """Return the family of entries that a round judges."""
    return _split(round_name)[0] or NATIVE


def is_provisional(entry: Entry, book: Mapping[str, Any]) -> bool:
    """Return whether an entry states a newer round of the same family than the one that judges it.

    The rulebook of that round is not known yet, so the verdict may change.
    """
    stated_family, stated_number = _split(entry.round)
    family, number = _split(book["round"])
    return bool(stated_family) and stated_family == family and stated_number > number


def _asked_note(entry: Entry, asked: str) -> str:
    """What a reader must know of a round that the auditor demanded."""
    book, _ = rulebook_for(entry)
    if entry.round not in ("", asked):
        return f"judged by {asked}, as asked; the entry states {entry.round}"
    if _split(book["round"])[0] != _split(asked)[0]:
        return f"judged by {asked}, as asked; for such an entry {book['round']} is meant"
    return ""


def _nearest(entry: Entry) -> str:
    """The round of the same family that is nearest by number, the older of two; the newest where none is stated."""
    stated, version = _split(entry.round)
    family = stated or entry.family
    same = sorted((v, name) for name in rounds() for f, v in [_split(name)] if f == family)
    if not same:
        return OWN
    return min(same, key=lambda item: abs(item[0] - version))[1] if stated else same[-1][1]


def _split(round_name: str) -> tuple[str, int]:
    """Family and number of a round: 4001 for v4.1; none, and 0, where it is no round of MLPerf."""
    match = re.fullmatch(r"([a-z-]+)-v(\d{1,3})\.(\d{1,3})", round_name)
    return (match[1], 1000 * int(match[2]) + int(match[3])) if match else ("", 0)
