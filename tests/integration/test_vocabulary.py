"""Names and prose use plain words: names those of MLPerf, metrology and statistics.

Run as a script to list offences: `python tests/integration/test_vocabulary.py harness/formats`.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HARNESS = REPOSITORY / "harness"
PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "workloads").rglob("*.md"),
    ]
)

BANNED = frozenset(
    [
        "found",
        "said",
        "told",
        "asked",
        "taken",
        "given",
        "known",
        "one",
        "other",
        "what",
        "of",
        "own",
        "kin",
        "alike",
        "hear",
        "say",
        "seat",
        "guest",
        "host_",
        "meeting",
        "nest",
        "tell",
        "goes",
        "twin",
        "twins",
        "near",
        "apart",
        "kinship",
    ]
)
"""Names that say nothing of their content, and the private words that came before the plain
ones."""

PHRASES = (
    r"told (?:by|of)",
    r"(?:is|are|was|were) let be",
    r"lives? with (?:it|any|a fault)",
    r"and lives with",
    r"without a word",
    r"says? nothing of",
    r"of no use of",
    r"joules of a run",
    r"found again by",
    r"stands? twice",
    r"asks? nothing of",
    r"what (?:was|is) made of",
    r"twins?",
    r"kinship",
    r"in the words of PTDaemon",
    r"a breach is a",
    r"looked at alone",
    r"taken for its own",
    r"held against its",
    r"each of its own kind",
    r"nobody knows of",
)
"""Phrases of the private style that plain ones have replaced (docs/explanation/style.md)."""

ALLOWED_FIELDS = frozenset({"asked"})
"""Names that the JSON contract fixes."""
ALLOWED_IN = {"other": ("__eq__", "__lt__", "__add__", "__sub__", "__or__", "__and__")}
"""Methods of Python's own protocols, in which the name is the usual one."""


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each variable, argument, attribute and definition in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
            allowed = {name for name, inside in ALLOWED_IN.items() if node.name in inside}
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg) and argument.arg not in allowed:
                    yield argument.lineno, argument.arg
        elif isinstance(node, ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Lambda):
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    yield argument.lineno, argument.arg


def banned_names(path: Path) -> list[str]:
    """List the banned names that a module defines, as `file:line name`."""
    tree = ast.parse(path.read_text("utf-8"))
    banned = BANNED - ALLOWED_FIELDS
    return [f"{path}:{line} {name}" for line, name in names(tree) if name in banned]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text: paragraphs of a page, or docstrings and comments of a module."""
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        line = 1
        for paragraph in re.split(
            r"(?<=\n)\n", re.sub(r"```.*?```", _same_lines, text, flags=re.S)
        ):
            yield line, paragraph
            line += paragraph.count("\n") + 1
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _same_lines(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


PHRASE = re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in PHRASES), re.IGNORECASE)


def banned_phrases(path: Path) -> list[str]:
    """List the banned phrases in the prose of a file, as `file:line phrase`."""
    return [
        f"{path}:{line} {match[0]}"
        for line, text in prose(path)
        for match in PHRASE.finditer(" ".join(text.split()))
    ]


def test_no_name_is_banned() -> None:
    assert [line for path in sorted(HARNESS.rglob("*.py")) for line in banned_names(path)] == []


def test_no_phrase_of_the_package_is_banned() -> None:
    assert [line for path in sorted(HARNESS.rglob("*.py")) for line in banned_phrases(path)] == []


def test_no_phrase_of_the_documentation_is_banned() -> None:
    assert [line for path in PAGES for line in banned_phrases(path)] == []


def test_an_offence_would_be_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""The child ended without a word."""\nfound = 1  # it lives with it\n')
    page = tmp_path / "page.md"
    page.write_text("# Title\n\nA file and its\ntwin.\n\n```text\ntwin\n```\n")
    assert [line.split(":")[1] for line in banned_phrases(module)] == [
        "1 without a word",
        "2 lives with it",
    ]
    assert banned_names(module) == [f"{module}:2 found"]
    assert banned_phrases(page) == [f"{page}:3 twin"]


if __name__ == "__main__":
    for root in map(Path, sys.argv[1:] or [str(HARNESS)]):
        for module in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            for offence in [*banned_names(module), *banned_phrases(module)]:
                print(offence)
