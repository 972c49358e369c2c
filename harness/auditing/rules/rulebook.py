"""Rulebooks: the rules and limits of one round, as data.

A rulebook states what its round enforced, so that a later rule never fails an older result. It is a
file ``rulebooks/ROUND.yaml``, and may be ``based_on`` another one and state only what differs::

    rulebook("mlperf-inference-v3.0")["rules"]["phases-and-clocks"]["limits"]["phase_skew_max_s"]
    # {"value": 0.5, "unit": "s", "why": ...}

A new round is a new file; results of older rounds keep their verdict.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import yaml

from harness.auditing.rules import BY_NAME
from harness.auditing.rules.base import recorded_runs
from harness.core.documents import read_document
from harness.core.errors import SchemaError, shorten
from harness.core.schemas import check
from harness.core.suggestions import unknown_name
from harness.formats.base import NATIVE, Entry

FOLDER = Path(__file__).with_name("rulebooks")
OWN = "joulemark-2026"
"""The round that judges what joulemark recorded itself."""
WINDOW_SHARE = "share of the window"
"""Unit of limits between 0 and 1 that are printed in percent."""

Rulebook = Mapping[str, Any]
"""A rulebook as a document, complete with what it takes from its base."""
Description = TypeVar("Description")


class RoundNumber(NamedTuple):
    """Family and version of a round of MLPerf; for any other round the family is empty."""

    family: str
    major: int
    minor: int


@functools.cache
def rounds() -> tuple[str, ...]:
    """Return the names of all rounds that have a rulebook."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@functools.cache
def rulebook(round_name: str) -> Rulebook:
    """Return the rulebook of a round.

    Raises:
        UsageError: The round has none.
    """
    if round_name not in rounds():
        raise unknown_name("no rulebook for this round", round_name, rounds())
    return load_rulebook(FOLDER, round_name)


# Reading


def load_rulebook(folder: Path, name: str, derived: tuple[str, ...] = ()) -> dict[str, Any]:
    """Read a rulebook, with what it takes from the one it is based on.

    Args:
        folder: Where the rulebooks are.
        name: The round.
        derived: Rounds whose rulebooks are based on this one.

    Raises:
        SchemaError: The rulebook, or one that it is based on, is not valid.
    """
    path = folder / f"{name}.yaml"
    book = _read(path)
    book["rules"] = _by_current_id(book["rules"], path)
    base_name = book.pop("based_on", None)
    if base_name is None:
        return book
    chain = (*derived, name)
    _check_base(folder, path, base_name, chain)
    base = load_rulebook(folder, base_name, chain)
    merged = {**base, **book, "rules": _merged_rules(base["rules"], book["rules"])}
    if folder != FOLDER:
        check("rulebook", merged, where=str(path))
    return merged


def _read(path: Path) -> dict[str, Any]:
    """Read one file. Those that ship are checked by the tests, not at every start."""
    return dict(_shipped(path)) if path.parent == FOLDER else read_document("rulebook", path)


@functools.cache
def _shipped(path: Path) -> Mapping[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    book: Mapping[str, Any] = yaml.load(path.read_bytes(), loader)
    return book


def _check_base(folder: Path, path: Path, base_name: str, chain: tuple[str, ...]) -> None:
    """Raise SchemaError for a base that does not exist, or that leads back to its own rulebook."""
    possible_bases = sorted({book.stem for book in folder.glob("*.yaml")} - set(chain))
    if base_name in possible_bases:
        return
    fault = "goes in a circle" if base_name in chain else "names a round that has no rulebook"
    raise SchemaError(
        f"is a rulebook whose base {fault}",
        where=f"{path}#/based_on",
        got=shorten(" > ".join([*chain, base_name])),
        expected="one of " + ", ".join(possible_bases),
        fix="Base it on a rulebook that leads to one with no base.",
    )


def _by_current_id(rules: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the settings by the current id of each rule; a rulebook may use earlier ids."""
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


def _merged_rules(base: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rules of a base, changed limit by limit where a rulebook states its own."""
    rules = dict(base)
    for name, settings in stated.items():
        base_settings = rules.get(name, {})
        merged = {**base_settings, **settings}
        for part in ("limits", "accepts"):
            items = {**base_settings.get(part, {}), **settings.get(part, {})}
            if items:
                merged[part] = items
        rules[name] = merged
    return rules


# Describing


def describe_rounds(
    describe: Callable[[Mapping[str, Any]], Description],
) -> list[tuple[str, Description]]:
    """Describe the rules of each round; neighbouring rounds with one description share a name.

    Args:
        describe: Make a description from the rules of a rulebook.

    Returns:
        Names like ``mlperf-inference-v1.0 to v3.0``, each with its description.
    """
    groups: list[tuple[list[str], Description]] = []
    for name in rounds():
        description = describe(rulebook(name)["rules"])
        if groups:
            names, previous_description = groups[-1]
            same_family = _number(names[0]).family == _number(name).family
            if same_family and previous_description == description:
                names.append(name)
                continue
        groups.append(([name], description))
    return [(_span(names), description) for names, description in groups]


def limit_text(limit: Mapping[str, Any]) -> str:
    """Return a limit with its unit, as it is printed; shares of the window in percent."""
    if limit["unit"] == WINDOW_SHARE:
        return f"{100 * limit['value']:g} % of the window"
    return f"{limit['value']:g} {limit['unit']}"


def _span(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{names[0]} to {names[-1].rpartition('-')[2]}"


# Choosing


def rulebook_for(entry: Entry, requested: str | None = None) -> tuple[Rulebook, str]:
    """Return the rulebook that judges an entry, and a note where its round is not the stated one.

    Args:
        entry: The entry.
        requested: A round that the auditor demands; ``None`` for the round that the entry states.
    """
    if requested is not None:
        return rulebook(requested), _note_on_request(entry, requested)
    if entry.round != OWN and recorded_runs(entry):
        return rulebook(OWN), f"recorded by joulemark; judged by {OWN}, whatever round it states"
    if entry.round in rounds():
        return rulebook(entry.round), ""
    nearest = _nearest(entry)
    if entry.round:
        return rulebook(nearest), (
            f"the entry states {entry.round}, which has no rulebook; judged by {nearest}"
        )
    if nearest == OWN:
        return rulebook(OWN), ""
    return rulebook(nearest), f"the entry states no round; judged by {nearest}"


def _note_on_request(entry: Entry, requested: str) -> str:
    """Return what a reader must know of a round that the auditor demanded."""
    if entry.round not in ("", requested):
        return f"judged by {requested}, as asked; the entry states {entry.round}"
    meant, _ = rulebook_for(entry)
    if _number(meant["round"]).family != _number(requested).family:
        return f"judged by {requested}, as asked; for such an entry {meant['round']} is meant"
    return ""


def _nearest(entry: Entry) -> str:
    """Return the round of the entry's family with the nearest number, the older of two.

    If the entry states no round of its family, it is the newest: a round of MLPerf Inference also
    holds results of the Endpoints client.
    """
    stated = _number(entry.round)
    judged_families = {_number(name).family for name in rounds()} - {""}
    family = entry.family if entry.family in judged_families else stated.family or entry.family
    same_family = [name for name in rounds() if _number(name).family == family]
    if not same_family:
        return OWN
    by_age = sorted(same_family, key=_number)
    if stated.family != family:
        return by_age[-1]
    return min(by_age, key=lambda name: abs(_sequence(_number(name)) - _sequence(stated)))


def _sequence(number: RoundNumber) -> int:
    """Return a number that grows with the version: 4001 for v4.1."""
    return 1000 * number.major + number.minor


def family_of_round(round_name: str) -> str:
    """Return the family of entries that a round judges."""
    return _number(round_name).family or NATIVE


def is_provisional(entry: Entry, book: Rulebook) -> bool:
    """Return whether an entry states a newer round of the same family than the one that judges it.

    The rulebook of that round is not known yet, so the verdict may change.
    """
    stated, judging = _number(entry.round), _number(book["round"])
    return bool(stated.family) and stated.family == judging.family and stated > judging


def _number(round_name: str) -> RoundNumber:
    match = re.fullmatch(r"([a-z-]+)-v(\d{1,3})\.(\d{1,3})", round_name)
    return RoundNumber(match[1], int(match[2]), int(match[3])) if match else RoundNumber("", 0, 0)
