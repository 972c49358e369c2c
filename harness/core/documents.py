"""Documents: read and written as JSON or YAML, strictly, and validated against their schemas."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.content_cache import cached_by_content
from harness.core.errors import SchemaError, UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes, write_text
from harness.core.printable import visible_json
from harness.core.schemas import check

if TYPE_CHECKING:
    import yaml

MAX_YAML_BYTES = 2**20
"""No YAML document is read beyond this size: YAML takes far more time and memory than JSON."""
MAX_SETTINGS_BYTES = 2**16


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
    return json_text(document) + "\n"


def json_text(document: Mapping[str, Any]) -> str:
    """Return indented JSON, safe for a terminal, which is not validated."""
    return visible_json(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


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
