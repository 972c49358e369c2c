"""Mutation testing: change one operator or number at a time, and see whether a test notices.

    python -m benchmarks.mutate --seed 7 --sample 300
    python -m benchmarks.mutate --part ranking --all
    python -m benchmarks.mutate --coverage out/reached.db --journal out/mutants.jsonl

Mutants come from cosmic-ray's operators, drawn with a seed and stratified over the parts below.
Each is tried in a copy of the tree: first against the tests of its module, then against the
others of its part. Survivors are printed as diffs; those that cannot change any result are listed,
with the reason, in ``mutation_equivalents.csv``.

With ``--coverage`` only tests that reach the changed line are run. The file is made by::

    python -m pytest -m 'not slow and not long' --cov --cov-context=test
    mv .coverage out/reached.db

With ``--journal`` an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from queue import SimpleQueue

REPOSITORY = Path(__file__).resolve().parents[1]
EQUIVALENTS = Path(__file__).with_name("mutation_equivalents.csv")
TIMEOUT_S = 300.0
"""A mutant whose tests take longer does not end: it is killed."""
MAX_OTHER_TESTS = 60
"""Tests that are tried beside those of the module, where coverage is known."""
NO_TESTS = 5
"""Exit status of pytest where a module has slow tests only."""

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

    @property
    def own_tests(self) -> list[str]:
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
        own = set(self.own_tests)
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


def copy_tree(folder: Path) -> Path:
    """Copy what git tracks, and put the reference data beside it where there is some."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True
    )
    tree = folder / "tree"
    for name in listing.stdout.decode().split("\0"):
        source, target = REPOSITORY / name, tree / name
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            target.chmod(source.stat().st_mode)
    shared = REPOSITORY.parent / "shared"
    if shared.exists():
        (folder / "shared").symlink_to(shared.resolve())
    return tree


def is_killed(mutant: Mutant, tree: Path, reached_by: ReachedBy | None) -> bool:
    """Whether a test fails, or does not end, with the mutant in place."""
    target = tree / mutant.path
    original = target.read_bytes()
    target.write_text(mutant.text, "utf-8")
    try:
        for tests in (mutant.own_tests, mutant.other_tests(reached_by)):
            if tests and _fails(tests, tree):
                return True
    finally:
        target.write_bytes(original)
    return False


def _fails(tests: Sequence[str], tree: Path) -> bool:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, "-m", "not slow and not long", *tests],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode not in (0, NO_TESTS)


class Journal:
    """Verdicts of an earlier run that was interrupted, and of this one; one JSON line each."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._killed: dict[str, bool] = {}
        if path is not None and path.is_file():
            for line in path.read_text("utf-8").splitlines():
                verdict = json.loads(line)
                self._killed[verdict["key"]] = verdict["killed"]

    def verdict(self, mutant: Mutant) -> bool | None:
        """Return whether a mutant was killed; ``None`` if it was not tried yet."""
        return self._killed.get(mutant.key)

    def add(self, mutant: Mutant, is_dead: bool) -> None:
        """Write down a verdict."""
        if self._path is None:
            return
        line = json.dumps({"key": mutant.key, "part": mutant.part, "killed": is_dead})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def equivalents() -> dict[str, str]:
    """Mutants that cannot change any result, by key, with the reason."""
    if not EQUIVALENTS.is_file():
        return {}
    with EQUIVALENTS.open(encoding="utf-8", newline="") as file:
        return {row["key"]: row["reason"] for row in csv.DictReader(file)}


def main() -> int:
    """Try the mutants, print survivors as they are found, then the table by part."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", choices=sorted(PARTS), action="append")
    parser.add_argument("--sample", type=int, default=300)
    parser.add_argument("--all", action="store_true", help="every mutant, not a sample")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--coverage", type=Path, help="which tests reach which line, see above")
    parser.add_argument("--journal", type=Path, help="verdicts are kept here, and not found again")
    options = parser.parse_args()
    parts = options.part or list(PARTS)
    chosen = draw(parts, None if options.all else options.sample, options.seed)
    known = equivalents()
    wanted = [mutant for mutant in chosen if mutant.key not in known]
    reached_by = ReachedBy(options.coverage) if options.coverage else None
    journal = Journal(options.journal)
    killed: dict[str, int] = dict.fromkeys(parts, 0)
    tried: dict[str, int] = dict.fromkeys(parts, 0)
    with tempfile.TemporaryDirectory() as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(options.jobs):
            trees.put(copy_tree(Path(folder) / str(number)))

        def judge(mutant: Mutant) -> tuple[Mutant, bool]:
            verdict = journal.verdict(mutant)
            if verdict is None:
                tree = trees.get()
                try:
                    verdict = is_killed(mutant, tree, reached_by)
                finally:
                    trees.put(tree)
                journal.add(mutant, verdict)
            return mutant, verdict

        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, is_dead in pool.map(judge, wanted):
                tried[mutant.part] += 1
                killed[mutant.part] += is_dead
                if not is_dead:
                    print(f"survived {mutant.key} line {mutant.line} {mutant.operator}", flush=True)
                    print(mutant.diff, flush=True)
    for part in parts:
        share = killed[part] / tried[part] if tried[part] else 1.0
        print(f"{part:12} {killed[part]:4} of {tried[part]:4} killed  {share:6.1%}")
    total, dead = sum(tried.values()), sum(killed.values())
    print(f"{'all':12} {dead:4} of {total:4} killed  {dead / total if total else 1:6.1%}")
    print(f"{len(chosen) - len(wanted)} equivalent mutants left out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
