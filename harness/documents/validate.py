"""Validation of documents against the JSON Schemas in `schemas/`, on reading and on writing."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.documents.errors import SchemaError, UnreadableError, UsageError, shorten
from harness.documents.files import MAX_DOCUMENT_BYTES, read_bytes, write_text
from harness.documents.resources import resource

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

SCHEMA_VERSION = "1.0"
"""Version that every document of this release carries."""

KINDS = (
    "workload", "system", "power-trace", "run", "result", "manifest", "rulebook", "audit-report", "leaderboard",
    "import-report",
)  # fmt: skip


@functools.cache
def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema of one kind of document."""
    if kind not in KINDS:
        raise UsageError(f"no such kind of document: {kind}", expected=", ".join(KINDS))
    loaded: dict[str, Any] = json.loads(resource("schemas").joinpath(f"{kind}.schema.json").read_text("utf-8"))
    return loaded


@functools.cache
def _validator(kind: str) -> Validator:
    import jsonschema  # slow to import: only commands that touch documents pay for it

    return jsonschema.Draft202012Validator(schema(kind))


def check(kind: str, document: object, *, where: str = "") -> None:
    """Raise SchemaError naming the first fault of `document`: place, got, expected, remedy."""
    if isinstance(document, dict) and document.get("schema_version") not in (None, SCHEMA_VERSION):
        raise SchemaError(
            "is of another schema version",
            where=f"{where}#/schema_version",
            got=shorten(repr(document["schema_version"])),
            expected=repr(SCHEMA_VERSION),
            fix="Read it with the joulemark release that wrote it, or a newer one.",
        )
    faults = sorted(_validator(kind).iter_errors(document), key=lambda fault: (list(map(str, fault.absolute_path)), fault.message))
    if faults:
        raise _explain(kind, _deepest(faults[0]), where, len(faults) - 1)


def _deepest(fault: ValidationError) -> ValidationError:
    """The branch of an anyOf/oneOf that came closest to matching."""
    while fault.context:
        fault = max(fault.context, key=lambda inner: len(inner.absolute_path))
    return fault


def _explain(kind: str, fault: ValidationError, where: str, others: int) -> SchemaError:
    pointer = "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in fault.absolute_path)
    described = fault.schema.get("description", "") if isinstance(fault.schema, Mapping) else ""
    rule = f"{fault.validator} {shorten(json.dumps(fault.validator_value, default=str), 160)}"
    fix = f"{described.rstrip('.')}. " if described else ""
    fix += f"See schemas/{kind}.schema.json."
    if others:
        fix += f" {others} more fault{'s' if others > 1 else ''} in this document."
    return SchemaError(
        f"is not a valid {kind} document",
        where=f"{where}#{pointer}",
        got=shorten(json.dumps(fault.instance, default=str)),
        expected=rule,
        fix=fix,
    )


def parse_json(content: bytes, *, where: str) -> Any:
    """Strict JSON: UTF-8, finite numbers, bounded depth. Raises UnreadableError."""
    import msgspec

    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UnreadableError(f"is not JSON ({shorten(error)})", where=where) from None


class _PlainYaml:
    """A YAML reader without tags and aliases: data only, and no document larger than its bytes."""

    @staticmethod
    def load(content: bytes, where: str) -> Any:
        import yaml

        try:
            for token in yaml.scan(content.decode("utf-8")):
                if isinstance(token, yaml.AliasToken | yaml.TagToken):
                    raise UnreadableError("YAML aliases and tags are not accepted", where=where, fix="Write the values out.")
            return yaml.safe_load(content)
        except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError) as error:
            raise UnreadableError(f"is not YAML ({shorten(error)})", where=where) from None


def read_document(kind: str, path: Path) -> dict[str, Any]:
    """A document of `kind` from a JSON or YAML file, validated. Unknown fields are kept."""
    content = read_bytes(path, limit=MAX_DOCUMENT_BYTES)
    yaml_file = path.suffix in (".yaml", ".yml")
    document = _PlainYaml.load(content, str(path)) if yaml_file else parse_json(content, where=str(path))
    check(kind, document, where=str(path))
    loaded: dict[str, Any] = document
    return loaded


def dump_document(kind: str, document: Mapping[str, Any], *, where: str = "output") -> str:
    """`document` as indented JSON, validated; a number that is not finite is refused."""
    check(kind, document, where=where)
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError as error:
        raise SchemaError(f"holds a number JSON cannot carry ({error})", where=where) from None


def write_document(kind: str, document: Mapping[str, Any], path: Path) -> None:
    """Write `document` to `path`, validated and atomically."""
    write_text(path, dump_document(kind, document, where=str(path)))


def canonical(document: Mapping[str, Any]) -> bytes:
    """RFC 8785 bytes of `document`: equal content gives equal bytes, on any machine."""
    import rfc8785

    return rfc8785.dumps(document)  # type: ignore[arg-type]


def finite_or_none(value: float | None) -> float | None:
    """`value`, or None where there is no finite number: absent is not zero."""
    return None if value is None or not math.isfinite(value) else float(value)
