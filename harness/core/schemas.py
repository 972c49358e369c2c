"""Validation of documents against the JSON Schemas in `schemas/`, on reading and on writing."""

from __future__ import annotations

import functools
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.content_cache import cached_by_content
from harness.core.errors import SchemaError, UnreadableError, UsageError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes, write_text
from harness.core.printable import visible_json
from harness.core.resources import resource

if TYPE_CHECKING:
    import yaml
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

SCHEMA_VERSION = "1.0"
"""Version that every document of this release carries."""

MAX_YAML_BYTES = 2**20
"""No YAML document is read beyond this size: YAML takes far more time and memory than JSON."""
MAX_SETTINGS_BYTES = 2**16
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


def parse_json(content: bytes, *, where: str) -> Any:
    """Parse strict JSON: UTF-8, finite numbers, bounded depth.

    Raises:
        UnreadableError: The bytes are not strict JSON.
    """
    import msgspec

    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UnreadableError(f"is not JSON ({shorten(error)})", where=where) from None


@cached_by_content
def key_twice(content: bytes) -> str | None:
    """Return a key that one object of a JSON document has twice; None where there is none.

    Two readers may see two different documents in such a file.
    """
    repeated: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        if len(pairs) > len(dict(pairs)) and not repeated:
            counts = Counter(key for key, _ in pairs)
            repeated.append(next(key for key, count in counts.items() if count > 1))

    # numbers stay texts: they are not needed, and may be too long for int
    json.loads(content, object_pairs_hook=look, parse_int=str, parse_float=str, parse_constant=str)
    return repeated[0] if repeated else None


class _PlainYaml:
    """Read YAML without tags and aliases: data only, never larger than its text."""

    MAX_DEPTH = 64
    """Deeper nesting is refused, as the time of PyYAML grows with its square."""

    @classmethod
    def load(cls, content: bytes, where: str) -> Any:
        import yaml

        try:
            cls._refuse(content.decode("utf-8"), where)
            return yaml.load(content, cls._loader())
        except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError) as error:
            if "nesting depth" in str(error):  # libyaml reads ahead, and has a limit of its own
                raise cls._too_deep(f"{where}:1") from None
            raise UnreadableError(f"is not YAML ({shorten(error)})", where=where) from None

    @staticmethod
    @functools.cache
    def _loader() -> type[yaml.SafeLoader]:
        import yaml

        # libyaml, where PyYAML has it; the depth was checked before
        fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

        class Loader(fast):  # type: ignore[misc]
            """A safe loader that refuses repeated keys."""

            def construct_mapping(
                self, node: yaml.MappingNode, deep: bool = False
            ) -> dict[Any, Any]:
                keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
                seen = set()
                for key in keys:
                    if (key.tag, key.value) in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} twice", key.start_mark
                        )
                    seen.add((key.tag, key.value))
                mapping: dict[Any, Any] = super().construct_mapping(node, deep)
                return mapping

        return Loader

    @classmethod
    def _too_deep(cls, where: str) -> UnreadableError:
        expected = f"at most {cls.MAX_DEPTH} levels"
        return UnreadableError("is nested too deeply", where=where, expected=expected)

    @classmethod
    def _refuse(cls, text: str, where: str) -> None:
        """Scan for what is not accepted, before anything is constructed."""
        import yaml
        from yaml import tokens

        starts = (
            tokens.FlowSequenceStartToken
            | tokens.FlowMappingStartToken
            | tokens.BlockSequenceStartToken
            | tokens.BlockMappingStartToken
        )
        ends = tokens.FlowSequenceEndToken | tokens.FlowMappingEndToken | tokens.BlockEndToken
        depth = 0
        # libyaml, where PyYAML has it: ten times as fast
        scanner: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for token in yaml.scan(text, scanner):
            depth += isinstance(token, starts) - isinstance(token, ends)
            place = f"{where}:{token.start_mark.line + 1}"
            if depth > cls.MAX_DEPTH:
                raise cls._too_deep(place)
            if isinstance(token, tokens.AliasToken | tokens.TagToken):
                is_alias = isinstance(token, tokens.AliasToken)
                got = token.value if is_alias else "".join(filter(None, token.value))
                raise UnreadableError(
                    "YAML aliases and tags are not accepted",
                    where=place,
                    got=shorten(got),
                    fix="Write the values out.",
                )


def parse_yaml(content: bytes, *, where: str) -> Any:
    """Return the value of a YAML document of bounded size, without tags and aliases.

    Raises:
        UnreadableError: It is not such a document, is too large, or has a key twice.
    """
    if len(content) > MAX_YAML_BYTES:
        raise UnreadableError(
            "is too large to read",
            where=where,
            got=f"{len(content)} bytes",
            expected=f"at most {MAX_YAML_BYTES}",
        )
    return _PlainYaml.load(content, where)


def read_document(kind: str, path: Path) -> dict[str, Any]:
    """Read and validate a document from a JSON or YAML file; unknown fields are kept.

    Raises:
        UnreadableError: The file cannot be read, is not JSON or YAML, or has a key twice.
        SchemaError: It does not satisfy its schema.
    """
    yaml_file = path.suffix in (".yaml", ".yml")
    content = read_bytes(path, limit=MAX_YAML_BYTES if yaml_file else MAX_DOCUMENT_BYTES)
    return parse_document(kind, content, where=str(path), as_yaml=yaml_file)


def parse_document(
    kind: str, content: bytes, *, where: str, as_yaml: bool = False
) -> dict[str, Any]:
    """Parse and validate a document whose bytes were read before.

    Args:
        kind: Which schema.
        content: The bytes.
        where: Name of the file, for errors.
        as_yaml: Whether it is YAML instead of JSON.

    Raises:
        UnreadableError: It is not JSON or YAML, or has a key twice.
        SchemaError: It does not satisfy its schema.
    """
    document: dict[str, Any]
    if as_yaml:
        document = _PlainYaml.load(content, where)
    else:
        document = parse_json(content, where=where)
        _refuse_key_twice(content, where)
    check(kind, document, where=where)
    return document


def _refuse_key_twice(content: bytes, where: str) -> None:
    repeated = key_twice(content)
    if repeated is not None:
        raise UnreadableError(
            "has a key twice",
            where=where,
            got=shorten(repr(repeated)),
            fix="Keep the one that is meant.",
        )


def read_settings(path: Path) -> dict[str, dict[str, Any]]:
    """Read options by command from a settings file in YAML.

    Raises:
        UnreadableError: The file has another form.
    """
    content = read_bytes(path, limit=MAX_SETTINGS_BYTES)
    commands = _PlainYaml.load(content, str(path)) or {}
    is_mapping = isinstance(commands, dict)
    if not is_mapping or not all(isinstance(options, dict) for options in commands.values()):
        raise UnreadableError(
            "is not a settings file", where=str(path), expected="commands, each with its options"
        )
    return {
        str(command): {str(k).replace("-", "_"): v for k, v in options.items()}
        for command, options in commands.items()
    }


def dump_document(kind: str, document: Mapping[str, Any], *, where: str = "output") -> str:
    """Return a document as indented JSON, validated.

    It is UTF-8 and safe for a terminal: invisible characters are escaped.

    Raises:
        SchemaError: The document does not satisfy its schema, or holds a number that is not finite.
    """
    check(kind, document, where=where)
    return visible_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def write_document(kind: str, document: Mapping[str, Any], path: Path) -> None:
    """Write a document, validated and atomically."""
    write_text(path, dump_document(kind, document, where=str(path)))


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the RFC 8785 bytes of a document: equal content gives equal bytes on any machine.

    Raises:
        SchemaError: The document holds a number without a canonical spelling.
    """
    import rfc8785

    try:
        return rfc8785.dumps(document)
    except (ValueError, RecursionError) as error:  # an integer beyond 2^53, or too many levels
        raise SchemaError("has no canonical bytes", got=shorten(error)) from None
