"""MkDocs hooks: order the pages, and generate the reference pages from the code.

A page that holds `<!-- generated: NAME -->` gets the text that the function of that name
returns. The page itself stays in the repository with its introduction, so that links to it work
wherever the sources are read.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

REPOSITORY = Path(__file__).resolve().parents[1]
SECTIONS = {
    "Tutorials": "tutorials",
    "How-to guides": "how-to",
    "Reference": "reference",
    "Meters": "reference/meters",
    "Explanation": "explanation",
    "Decisions": "explanation/decisions",
}
MARKER = re.compile(r"<!-- generated: ([a-z-]+) -->")


def on_config(config: Any) -> Any:
    """List every page below its section, in order of file names; a new page needs no other edit."""
    pages = Path(config["docs_dir"])
    navigation: list[dict[str, Any]] = [{"Home": "index.md"}]
    for title, folder in SECTIONS.items():
        files = sorted(pages.joinpath(folder).glob("*.md"))
        navigation.append({title: [file.relative_to(pages).as_posix() for file in files]})
    config["nav"] = navigation
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace each marker by the text that is generated for it."""
    return MARKER.sub(lambda match: GENERATED[match[1]](), markdown)


def command_line() -> str:
    """Describe every command with its arguments and options."""
    from harness.cli import cli

    return "\n".join(_command(cli, ["joulemark"]))


def _command(command: click.Command, names: list[str]) -> Iterator[str]:
    """Yield the section of a command, then those of its subcommands."""
    context = click.Context(command, info_name=names[-1])
    yield f"## {' '.join(names)}\n"
    yield inspect.cleandoc(command.help or "").replace("\b\n", "") + "\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"    {' '.join(names)} {usage}\n"
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    options = [record for record in records if record is not None]
    if options:
        yield "| option | meaning |\n|---|---|"
        yield from (f"| `{_cell(name)}` | {_cell(text)} |" for name, text in options)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None
            yield from _command(subcommand, [*names, name])


def schemas() -> str:
    """Describe the documents of all schemas: title, purpose, top-level fields."""
    return "\n".join(_schema(path) for path in sorted((REPOSITORY / "schemas").glob("*.json")))


def _schema(path: Path) -> str:
    schema = json.loads(path.read_text("utf-8"))
    lines = [f"## {path.name.removesuffix('.schema.json')}\n", schema.get("description", ""), ""]
    lines.append("| field | type | required | meaning |\n|---|---|---|---|")
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        demanded = "yes" if name in required else "no"
        lines.append(f"| `{name}` | {_type(field)} | {demanded} | {_cell(_meaning(field))} |")
    return "\n".join([*lines, ""])


def _type(field: Any) -> str:
    if not isinstance(field, dict):
        return "any"
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    if "const" in field:
        return f"`{field['const']}`"
    types = field.get("type", "any")
    return " or ".join(types) if isinstance(types, list) else str(types)


def _meaning(field: Any) -> str:
    return str(field.get("description", "")) if isinstance(field, dict) else ""


def python_api() -> str:
    """Show the signature and docstring of each public function of `harness`."""
    import harness

    names = [name for name in harness.__all__ if not name.startswith("__")]
    return "\n".join(_function(name, getattr(harness, name)) for name in names)


def _function(name: str, function: Callable[..., Any]) -> str:
    parameters = [str(parameter) for parameter in inspect.signature(function).parameters.values()]
    returns = inspect.signature(function).return_annotation
    lines = [f"## harness.{name}\n", "```python", f"{name}(", *(f"    {p}," for p in parameters)]
    docstring = inspect.getdoc(function) or ""
    return "\n".join([*lines, f") -> {returns}", "```\n", "```text", docstring, "```\n"])


def rules() -> str:
    """Include rules.md, which `python -m harness.auditing.rules.reference` writes."""
    text = (REPOSITORY / "rules.md").read_text("utf-8")
    return text.split("\n", 1)[1]


def rounds() -> str:
    """Show what each rule means in each round."""
    from harness.auditing.rules.reference import round_pages

    return round_pages()


def defects() -> str:
    """Show every kind of defect that a reader can note."""
    from harness.formats.defects import defect_table

    return defect_table()


def topology() -> str:
    """Show what each driver's sensors measure, with the source of each row."""
    from harness.meters.topology import table

    lines = ["| driver | label | part | source |\n|---|---|---|---|"]
    for row in table():
        patterns = [f"`{_cell(item.pattern)}`" for item in (row.driver, row.label)]
        lines.append(f"| {patterns[0]} | {patterns[1]} | {row.part} | {_cell(row.source)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


GENERATED = {
    "command-line": command_line,
    "schemas": schemas,
    "python-api": python_api,
    "rules": rules,
    "rounds": rounds,
    "defects": defects,
    "topology": topology,
}
