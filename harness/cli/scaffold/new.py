"""`joulemark new rule|meter|reader|workload|system NAME`: write a skeleton to be filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import click

from harness.cli.base import JSON, OK, cli, note, wrote
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.core.errors import UsageError
from harness.core.files import write_text

SKELETONS = Path(__file__).with_name("skeletons")
RULE_GROUPS = (
    "timing",
    "readings",
    "plausibility",
    "session",
    "analyzer",
    "runs",
    "evidence",
)
RULEBOOK = "harness/auditing/rules/rulebooks/joulemark-2026.yaml"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What `joulemark new` writes for one kind of thing.

    Attributes:
        files: Path of each file to write, by the name of its template; both may hold placeholders.
        next_steps: What is left to do, one sentence each.
        appended: Template and file of text that is added at the end of an existing file.
    """

    files: Mapping[str, str]
    next_steps: tuple[str, ...]
    appended: Mapping[str, str] = field(default_factory=dict)


KINDS = {
    "rule": Skeleton(
        files={
            "rule.py": "harness/auditing/rules/$group/$module.py",
            "test_rule.py": "tests/auditing/rules/$group/test_$module.py",
        },
        appended={"rulebook.yaml": RULEBOOK},
        next_steps=(
            "State its clause; add it to the rulebooks of other rounds that have it.",
            "Write rules.md anew: python -m harness.auditing.rules.reference > rules.md",
        ),
    ),
    "meter": Skeleton(
        files={
            "meter.py": "harness/meters/adapters/$module.py",
            "test_meter.py": "tests/meters/adapters/test_$module.py",
        },
        next_steps=("Add its row to docs/reference/meters.md.",),
    ),
    "reader": Skeleton(
        files={
            "reader.py": "harness/formats/loggers/$module.py",
            "test_reader.py": "tests/formats/loggers/test_$module.py",
        },
        next_steps=("Describe the format in docs/reference/formats.md.",),
    ),
    "workload": Skeleton(
        files={
            "workload.yaml": "$folder/workload.yaml",
            "train.py": "$folder/train.py",
            "README.md": "$folder/README.md",
            "test_workload.py": "$tests/test_$module.py",
        },
        next_steps=("Try it: joulemark run $folder --repeat 1 --out runs",),
    ),
    "system": Skeleton(
        files={"system.yaml": "system.yaml"},
        next_steps=("Fill it in, then: joulemark pack RUNS --system system.yaml --out submission",),
    ),
}
OUTSIDE_A_CHECKOUT = ("workload", "system")
"""Kinds that may be written into any folder."""


@cli.command()
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.argument("name")
@click.option(
    "-o",
    "--out",
    default=Path(),
    type=OutputPath(folder=True),
    help="Root of a checkout of joulemark; for a workload or system, any folder.",
)
@mkdir_option
@click.option(
    "--group",
    default="plausibility",
    show_default=True,
    type=click.Choice(RULE_GROUPS),
    help="Group of a rule.",
)
@JSON
def new(kind: str, name: str, out: Path, group: str, as_json: bool) -> int:
    """Write the skeleton of a rule, meter, reader, workload or system.

    Writes a file that works, and its test; of a system, the description to pack with. NAME is in
    lower case, with words separated by hyphens.
    """
    skeleton = KINDS[kind]
    values = _values(kind, name, out, group)
    texts = {
        out / _fill(path, values): _fill(_template(kind, template), values)
        for template, path in skeleton.files.items()
    }
    _refuse_existing(texts)
    for path, text in texts.items():
        write_text(path, text)
    for template, place in skeleton.appended.items():
        existing = (out / place).read_text("utf-8")
        write_text(out / place, existing + _fill(_template(kind, template), values))
    for step in skeleton.next_steps:
        note(_fill(step, values))
    paths = [*texts, *(out / place for place in skeleton.appended.values())]
    wrote("new", [{"kind": "file", "path": str(path)} for path in paths], as_json)
    return OK


def _values(kind: str, name: str, out: Path, group: str) -> dict[str, str]:
    """Return the values of all placeholders, after checking name and folder."""
    if not NAME.fullmatch(name):
        raise UsageError(
            "is no name", where=name, expected="lower case, words separated by hyphens: my-thing"
        )
    in_checkout = (out / "harness" / "auditing").is_dir()
    if not in_checkout and kind not in OUTSIDE_A_CHECKOUT:
        raise UsageError(
            f"a {kind} belongs into a checkout of joulemark",
            where=str(out),
            expected="its root, with the folder harness",
            fix="Name it with --out. A meter of another package needs an entry point instead; "
            "docs/reference/meters.md shows it.",
        )
    module = name.replace("-", "_")
    return {
        "name": name,
        "module": module,
        "class_name": "".join(word.capitalize() for word in name.split("-")),
        "group": group,
        "folder": f"workloads/{name}" if in_checkout else name,
        "tests": "tests/workloads" if in_checkout else "tests",
        "levels": "2" if in_checkout else "1",
    }


def _template(kind: str, name: str) -> str:
    return (SKELETONS / kind / f"{name}.txt").read_text("utf-8")


def _fill(text: str, values: Mapping[str, str]) -> str:
    return Template(text).substitute(values)


def _refuse_existing(paths: Mapping[Path, str]) -> None:
    for path in paths:
        if path.exists():
            raise UsageError(
                "exists already", where=str(path), fix="Choose another name; nothing was written."
            )
