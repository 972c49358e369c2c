"""Validation of documents against the JSON Schemas in `schemas/`, on reading and on writing.

`harness.core.documents` reads and writes the documents themselves.
"""

from __future__ import annotations

import functools
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import SchemaError, UsageError, shorten
from harness.core.resources import resource

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

SCHEMA_VERSION = "1.0"
"""Version that every document of this release carries."""

MAX_FAULTS = 100
"""The search for faults in a document ends after so many."""

KINDS = (
    "workload",
    "system",
    "power-trace",
    "run",
    "result",
    "manifest",
    "rulebook",
    "audit-report",
    "leaderboard",
    "import-report",
    "footprint",
    "published",
    "account",
    "factors",
    "clean",
    "grid",
    "whatif",
    "comparison",
    "endpoint",
    "fidelity",
    "rules",
    "trust",
    "countersignature",
    "verification",
    "written",
    "inventory",
    "watch",
    "zones",
    "meter-map",
    "calibration",
    "disclosure",
    "disclosure-facts",
    "history",
    "experiment-design",
    "experiment",
)


@functools.cache
def schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of one kind of document."""
    if kind not in KINDS:
        raise UsageError(f"no such kind of document: {kind}", expected=", ".join(KINDS))
    path = resource("schemas") / f"{kind}.schema.json"
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


@functools.cache
def _validator(kind: str) -> Validator:
    import jsonschema  # slow to import: only commands that touch documents pay for it

    return jsonschema.Draft202012Validator(schema(kind))


def check(kind: str, document: Any, *, where: str = "") -> None:
    """Validate a document.

    Args:
        kind: Which schema.
        document: The document.
        where: Name of its file, for errors.

    Raises:
        SchemaError: Names the first fault: where, got, expected, remedy.
    """
    try:
        _check_numbers(document, where)
        _check_version(document, where)
        faults = list(itertools.islice(_validator(kind).iter_errors(document), MAX_FAULTS))
        if faults:
            first = min(faults, key=lambda fault: [*map(_sortable, fault.absolute_path)])
            raise _explain(kind, first, where, len(faults) - 1)
    except RecursionError:
        raise SchemaError(
            "is nested too deeply",
            where=where,
            fix=f"schemas/{kind}.schema.json says what belongs in it.",
        ) from None


def _check_version(document: object, where: str) -> None:
    if not isinstance(document, dict) or document.get("schema_version") in (None, SCHEMA_VERSION):
        return
    version = document["schema_version"]
    text = isinstance(version, str)
    raise SchemaError(
        "is of another schema version" if text else "has a schema_version that is not text",
        where=f"{where}#/schema_version",
        got=_shown(version),
        expected=json.dumps(SCHEMA_VERSION),
        fix="Read it with the joulemark release that wrote it, or a newer one."
        if text
        else f"Write it in quotes: {json.dumps(SCHEMA_VERSION)}.",
    )


def _check_numbers(document: object, where: str) -> None:
    """Refuse NaN, infinity and what a double cannot hold.

    YAML and Python have such numbers, and a schema cannot exclude them.
    """
    for place, value in _leaves(document):
        if isinstance(value, int | float) and not abs(value) <= sys.float_info.max:
            raise SchemaError(
                "holds a number JSON cannot carry",
                where=f"{where}#{_pointer(_steps(place))}",
                got=str(value)
                if isinstance(value, float)
                else f"an integer of {value.bit_length()} bits",
                expected="a finite number",
                fix="Write null where there is no number: absent is not zero.",
            )


def _leaves(document: object) -> Iterator[tuple[_Place, object]]:
    """Yield all values that are no lists or objects, with their places.

    Only the containers on the way to a value are held, so the memory is that of the depth.
    """
    pending: list[tuple[_Place, Iterator[tuple[object, object]]]] = [
        (None, iter([(None, document)]))
    ]
    while pending:
        parent, items = pending[-1]
        key, value = next(items, (_END, None))
        place = None if len(pending) == 1 else (parent, key)
        if key is _END:
            pending.pop()
        elif isinstance(value, dict):
            pending.append((place, iter(value.items())))
        elif isinstance(value, list | tuple):
            if not _is_flat_and_finite(value):
                pending.append((place, iter(enumerate(value))))
        else:
            yield place, value


def _is_flat_and_finite(values: Sequence[object]) -> bool:
    """Return whether a list holds only small integers, texts, booleans and null; this is fast."""
    if not set(map(type, values)) <= {int, str, bool, type(None)}:
        return False
    integers = (value for value in values if isinstance(value, int))
    return all(abs(value) <= MAX_EXACT_INTEGER for value in integers)


MAX_EXACT_INTEGER = 2**53
_END = object()
_Place = tuple[Any, object] | None
"""A place in a document: its parent, and its key or index there; None for the whole document."""


def _steps(place: _Place) -> list[object]:
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    return steps[::-1]


_EXPECTED = {
    "required": "this field",
    "type": "{}",
    "enum": "one of {}",
    "const": "{}",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "text of {} or more characters",
    "maxLength": "text of at most {} characters",
    "minItems": "{} or more items",
    "maxItems": "at most {} items",
    "uniqueItems": "no item twice",
    "pattern": "text that matches {}",
}
"""What each keyword of the schemas requires, in words."""


def _explain(kind: str, fault: ValidationError, where: str, others: int) -> SchemaError:
    """Return the error for a fault, with a remedy from the description in the schema."""
    steps, got = list(fault.absolute_path), _shown(fault.instance)
    instance: Any = fault.instance
    rule: Any = fault.validator_value
    about: Any = fault.schema
    if fault.validator == "required":
        missing = next(name for name in rule if name not in instance)
        steps.append(missing)
        about, got = about.get("properties", {}).get(missing, about), "nothing"
    if fault.validator == "type":
        words = rule if isinstance(rule, str) else " or ".join(rule)
    else:
        words = ", ".join(map(_shown, rule)) if isinstance(rule, list) else _shown(rule)
    described = about.get("description", "") if isinstance(about, Mapping) else ""
    fix = f"{described.rstrip('.')}. " if described else ""
    fix += f"See schemas/{kind}.schema.json."
    if others:
        few = str(others) if others < MAX_FAULTS - 1 else f"At least {others}"
        fix += f" {few} more fault{'s' if others > 1 else ''} in this document."
    return SchemaError(
        f"is not a valid {kind} document",
        where=f"{where}#{_pointer(steps)}",
        got=got,
        expected=_EXPECTED.get(str(fault.validator), f"{fault.validator} {{}}").format(words),
        fix=fix,
    )


def _pointer(steps: Iterable[object]) -> str:
    """Return a JSON pointer (RFC 6901); it is empty for the whole document."""
    return "".join("/" + shorten(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _sortable(step: object) -> str:
    return f"{step:09}" if isinstance(step, int) else str(step)


def _shown(value: object) -> str:
    return shorten(json.dumps(value, default=str, skipkeys=True))
