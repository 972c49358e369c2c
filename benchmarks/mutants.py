"""Mutants: single changes of the code, drawn by part, and the tests that must notice them."""

from __future__ import annotations

import difflib
import hashlib
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_OTHER_TESTS = 60
"""Tests of its part that are tried after those of the module, where coverage is known."""
MAX_FURTHER_TESTS = 400
"""Tests of any part that are tried on what survived so far, those of its own folder first."""

OPERATORS = [
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Lt_Gt",
    "ReplaceComparisonOperator_Gt_Lt",
    "ReplaceComparisonOperator_LtE_GtE",
    "ReplaceComparisonOperator_GtE_LtE",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Div_Mul",
    "ReplaceUnaryOperator_USub_UAdd",
    "ReplaceUnaryOperator_Delete_Not",
    "AddNot",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "NumberReplacer",
    "ZeroIterationForLoop",
]
"""Changes that turn a right number or verdict into a wrong one."""


NO_RESULT = re.compile(r"\s*(?:@dataclass|@functools\.|if TYPE_CHECKING|(?:async )?def |\*,$)")
"""Lines whose changes cannot alter a result: options of data classes and caches, imports for types,
and the star of a signature, which cosmic-ray takes for a product."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the code and the tests that must notice when it is wrong.

    Attributes:
        modules: Globs of its modules.
        tests: Paths of its tests, beside those that are named after the mutated module.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]


PARTS = {
    "energy": Part(("harness/energy/*.py",), ("tests/energy", "tests/properties", "tests/scoring")),
    "uncertainty": Part(
        ("harness/uncertainty/*.py",), ("tests/uncertainty", "tests/scoring", "tests/ranking")
    ),
    "scoring": Part(("harness/scoring/*.py",), ("tests/scoring", "tests/ranking", "tests/golden")),
    "ranking": Part(("harness/ranking/*.py",), ("tests/ranking",)),
    "emissions": Part(
        ("harness/emissions/*.py", "harness/carbon/**/*.py"),
        ("tests/emissions", "tests/carbon", "tests/properties/test_carbon.py"),
    ),
    "meters": Part(("harness/meters/**/*.py",), ("tests/meters", "tests/cases")),
    "readers": Part(
        ("harness/formats/**/*.py", "harness/traces/*.py"),
        ("tests/formats", "tests/traces", "tests/golden"),
    ),
    "rules": Part(
        ("harness/auditing/rules/*/*.py",),
        ("tests/auditing", "tests/tampers", "tests/golden"),
    ),
    "audit": Part(
        ("harness/auditing/*.py", "harness/auditing/rules/*.py"),
        ("tests/auditing", "tests/tampers", "tests/signing"),
    ),
    "signing": Part(("harness/signing/*.py",), ("tests/signing",)),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes:
        part: Part that it belongs to.
        path: Module, relative to the repository.
        line: Line of the change, from 1.
        operator: Name of cosmic-ray's operator.
        occurrence: Which of the operator's places in the module.
    """

    part: str
    path: str
    line: int
    operator: str
    occurrence: int

    @property
    def text(self) -> str:
        """The mutated module."""
        from cosmic_ray.mutating import mutate_code

        source = (REPOSITORY / self.path).read_text("utf-8")
        mutated = mutate_code(source, _operator(self.operator), self.occurrence)
        return source if mutated is None else mutated

    @property
    def diff(self) -> str:
        """What changes, without context."""
        before = (REPOSITORY / self.path).read_text("utf-8").splitlines()
        changes = difflib.unified_diff(before, self.text.splitlines(), n=0, lineterm="")
        return "\n".join(
            line for line in changes if line[:1] in "+-" and line[:3] not in ("+++", "---")
        )

    @property
    def key(self) -> str:
        """Name that survives moves within the module: path and content of the change."""
        return f"{self.path}:{hashlib.sha256(self.diff.encode()).hexdigest()[:10]}"

    def own_tests(self, _: ReachedBy | None = None) -> list[str]:
        """Test modules that are named after its module."""
        pattern = f"test_{Path(self.path).stem}.py"
        found = sorted((REPOSITORY / "tests").rglob(pattern))
        return [path.relative_to(REPOSITORY).as_posix() for path in found]

    def other_tests(self, reached_by: ReachedBy | None) -> list[str]:
        """Further tests of its part; where coverage is known, those that reach the line.

        Of very many that reach it a part is drawn.
        """
        names = [name for name in PARTS[self.part].tests if (REPOSITORY / name).exists()]
        if reached_by is None:
            return names
        own = set(self.own_tests())
        tests = [
            test
            for test in reached_by.tests(self.path, self.line)
            if test.startswith(tuple(names)) and test.partition("::")[0] not in own
        ]
        new = [
            module
            for module in _test_modules(names)
            if module not in own and module not in reached_by.known_modules
        ]
        drawn = random.Random(self.key).sample(tests, min(len(tests), MAX_OTHER_TESTS))
        return [*new, *sorted(drawn)]

    def further_tests(self, reached_by: ReachedBy | None) -> list[str]:
        """Tests of the whole suite that reach the line and were not among the other ones."""
        if reached_by is None:
            return []
        tried = {*self.own_tests(), *self.other_tests(reached_by)}
        tests = [
            test
            for test in reached_by.tests(self.path, self.line)
            if test not in tried and test.partition("::")[0] not in tried
        ]
        near = Path(self.path.replace("harness/", "tests/", 1)).parent.as_posix() + "/"
        random.Random(self.key).shuffle(tests)
        tests.sort(key=lambda test: not test.startswith(near))
        return sorted(tests[:MAX_FURTHER_TESTS])


def _test_modules(names: Sequence[str]) -> list[str]:
    """Return the test modules in folders, and those that are named themselves."""
    paths: set[Path] = set()
    for name in names:
        path = REPOSITORY / name
        paths |= set(path.rglob("test_*.py")) if path.is_dir() else {path}
    return sorted(path.relative_to(REPOSITORY).as_posix() for path in paths)


class ReachedBy:
    """Which tests reach which line, as a coverage run with contexts recorded it.

    Attributes:
        known_modules: Test modules of that run.
    """

    def __init__(self, path: Path) -> None:
        from coverage import CoverageData

        self._data = CoverageData(str(path))
        self._data.read()
        self._lines: dict[str, dict[int, list[str]]] = {}
        self._files = {_in_tree(name): name for name in self._data.measured_files()}
        tests = _tests(self._data.measured_contexts())
        self.known_modules = {test.partition("::")[0] for test in tests}

    def tests(self, path: str, line: int) -> list[str]:
        """Return the tests that reach a line.

        What runs when the module is imported has no test of its own: all that reach the module.
        """
        if path not in self._lines:
            name = self._files.get(path, path)
            self._lines[path] = self._data.contexts_by_lineno(name)
        lines = self._lines[path]
        contexts = set(lines.get(line, ()))
        if not any(contexts):
            contexts = {context for every in lines.values() for context in every}
        return sorted(_tests(contexts))


def _tests(contexts: Iterable[str]) -> set[str]:
    """Return the tests of contexts like `tests/test_a.py::test_b|run`."""
    return {context.rpartition("|")[0] for context in contexts if context}


def _in_tree(path: str) -> str:
    """Return a path of this package relative to the tree that it was measured in."""
    return f"harness/{path.rpartition('/harness/')[2]}"


def _operator(name: str) -> object:
    from cosmic_ray.plugins import get_operator

    return get_operator(f"core/{name}")()


def mutants(part: str) -> Iterator[Mutant]:
    """Yield all mutants of a part."""
    from cosmic_ray.ast import ast_nodes, get_ast

    for pattern in PARTS[part].modules:
        for path in sorted(REPOSITORY.glob(pattern)):
            source = path.read_text("utf-8")
            lines, tree = source.splitlines(), get_ast(source)
            for name in OPERATORS:
                operator = _operator(name)
                places = [
                    start
                    for node in ast_nodes(tree)
                    for start, _ in operator.mutation_positions(node)  # type: ignore[attr-defined]
                ]
                for occurrence, (line, _) in enumerate(places):
                    if NO_RESULT.match(lines[line - 1]):
                        continue
                    if name == "ReplaceTrueWithFalse" and "strict=True" in lines[line - 1]:
                        continue  # it checks that lengths are equal, and they are
                    yield Mutant(
                        part, path.relative_to(REPOSITORY).as_posix(), line, name, occurrence
                    )


def draw(parts: Sequence[str], count: int | None, seed: int) -> list[Mutant]:
    """Draw mutants, as many of each part and in turn; all of them if no count is given."""
    by_part: list[list[Mutant]] = []
    for number, part in enumerate(parts):
        candidates = list(mutants(part))
        share = len(candidates) if count is None else -(-count // len(parts))
        chosen = random.Random(f"{seed}-{number}").sample(candidates, min(share, len(candidates)))
        by_part.append(chosen)
    rounds = zip_longest(*by_part)
    return [mutant for one_of_each in rounds for mutant in one_of_each if mutant is not None]
