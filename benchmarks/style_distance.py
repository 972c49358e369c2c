"""Print how far the style of the code is from that of other packages.

This is information, not a gate.

    python -m benchmarks.style_distance                     # ours
    python -m benchmarks.style_distance httpx tuf sigstore  # beside installed packages or folders

Per package: syntax nodes a line of code, comprehensions and conditional expressions per 100 lines,
share of public functions and classes with a docstring, and the length of functions in lines of code
(median, and the 90th percentile). Blank lines, comments and docstrings do not count as lines.
"""

from __future__ import annotations

import ast
import importlib.util
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
PUNCTUATION = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
"""Nodes that say only how another node is used."""


@dataclass
class Style:
    """Counts over the modules of a package.

    Attributes:
        code_lines: Lines that hold code.
        nodes: Nodes of the syntax tree, without contexts and operators.
        comprehensions: List, set and dict comprehensions, and generator expressions.
        conditionals: Conditional expressions.
        public: Public modules, classes and functions.
        documented: Those of them that have a docstring.
        function_lines: Lines of code of each function.
    """

    code_lines: int = 0
    nodes: int = 0
    comprehensions: int = 0
    conditionals: int = 0
    public: int = 0
    documented: int = 0
    function_lines: list[int] = field(default_factory=list)

    def add(self, source: str) -> None:
        """Count one module."""
        tree = ast.parse(source)
        code_lines = lines_of_code(tree)
        self.code_lines += len(code_lines)
        for node in ast.walk(tree):
            self.nodes += not isinstance(node, PUNCTUATION)
            self.comprehensions += isinstance(node, COMPREHENSIONS)
            self.conditionals += isinstance(node, ast.IfExp)
            if isinstance(node, FUNCTIONS):
                body = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                self.function_lines.append(len(code_lines.intersection(body)))
            if is_public(node):
                self.public += 1
                self.documented += ast.get_docstring(node) is not None  # type: ignore[arg-type]

    def row(self) -> list[str]:
        """Return the figures as text."""
        lengths = sorted(self.function_lines) or [0]
        hundreds = max(self.code_lines, 1) / 100
        return [
            f"{self.code_lines:,}",
            f"{self.nodes / max(self.code_lines, 1):.1f}",
            f"{self.comprehensions / hundreds:.1f}",
            f"{self.conditionals / hundreds:.1f}",
            f"{self.documented / max(self.public, 1):.0%}",
            f"{statistics.median(lengths):g}",
            f"{lengths[int(0.9 * (len(lengths) - 1))]}",
        ]


HEADER = (
    "package",
    "lines",
    "nodes/line",
    "comprehensions/100",
    "conditionals/100",
    "docstrings",
    "function median",
    "p90",
)


def lines_of_code(tree: ast.Module) -> set[int]:
    """Return the numbers of all lines that hold a part of the syntax tree, docstrings apart."""
    docstrings = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.alias):
            lines |= {node.lineno, node.end_lineno or node.lineno}
    return lines - docstrings


def is_public(node: ast.AST) -> bool:
    """Tell whether a reader would expect a docstring here."""
    if isinstance(node, ast.Module):
        return True
    return isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_")


def folder_of(name: str) -> Path:
    """Return the folder of a package, by path or by the name it is imported by.

    Raises:
        SystemExit: There is no such folder and no such package.
    """
    if Path(name).is_dir():
        return Path(name)
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{name}: neither a folder nor an installed package")
    return Path(next(iter(spec.submodule_search_locations)))


def modules(folder: Path) -> Iterator[Path]:
    """Yield the modules of a package, without its tests."""
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder).parts
        if not {"tests", "test", "_vendor"}.intersection(inside):
            yield path


def measure(folder: Path) -> Style:
    """Count all modules of a package."""
    style = Style()
    for path in modules(folder):
        style.add(path.read_text("utf-8"))
    return style


def main(names: list[str]) -> None:
    """Print a Markdown table: ours, then each package named."""
    print("| " + " | ".join(HEADER) + " |")
    print("|---" * len(HEADER) + "|")
    for label, folder in [
        ("harness", REPOSITORY / "harness"),
        *((Path(n).name, folder_of(n)) for n in names),
    ]:
        print(f"| {label} | " + " | ".join(measure(folder).row()) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
