"""Names in `harness/` come from MLPerf, metrology and statistics, never from the list below.

Run as a script to list what is left: `python tests/integration/test_vocabulary.py harness/formats`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HARNESS = REPOSITORY / "harness"

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
        "claim",
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

ALLOWED_IN = {"other": ("__eq__", "__lt__", "__add__", "__sub__", "__or__", "__and__")}
"""Where Python itself uses the name."""


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


def banned(path: Path) -> list[str]:
    """List the banned names that a module defines, as `file:line name`."""
    tree = ast.parse(path.read_text("utf-8"))
    return [f"{path}:{line} {name}" for line, name in names(tree) if name in BANNED]


MAX_LEFT = 38
"""Only ever lowered."""


def test_banned_names_only_get_fewer() -> None:
    left = [line for path in sorted(HARNESS.rglob("*.py")) for line in banned(path)]
    assert len(left) <= MAX_LEFT, left


if __name__ == "__main__":
    for root in map(Path, sys.argv[1:] or [str(HARNESS)]):
        for module in sorted(root.rglob("*.py")) if root.is_dir() else [root]:
            print(*banned(module), sep="\n", end="\n" if banned(module) else "")
