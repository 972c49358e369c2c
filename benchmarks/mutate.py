"""Mutation testing: change one operator or number at a time, and see whether a test notices.

    python -m benchmarks.mutate --seed 7 --sample 300
    python -m benchmarks.mutate --part ranking --all
    python -m benchmarks.mutate --coverage out/reached.db --journal out/mutants.jsonl

Mutants come from cosmic-ray's operators, drawn with a seed and stratified over the parts of the
code (``mutants.py``).
Each is tried in a copy of the tree: first against the tests of its module, then against others of
its part, and at last against others of the suite. Survivors are printed as diffs; those that cannot
change any result are listed, with the reason, in ``mutation_equivalents.csv``.

With ``--coverage`` only tests that reach the changed line are run. The file is made by::

    python -m pytest -m 'not slow and not long' --cov --cov-context=test
    mv .coverage out/reached.db

With ``--journal`` an interrupted run resumes where it stopped; ``--again`` also retries the mutants
that survived.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from benchmarks.mutants import PARTS, REPOSITORY, Mutant, ReachedBy, draw

EQUIVALENTS = Path(__file__).with_name("mutation_equivalents.csv")
TIMEOUT_S = 300.0
"""A mutant whose tests take longer does not end: it is killed."""
NO_TESTS = 5
"""Exit status of pytest where a module has slow tests only."""


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
        for select in (mutant.own_tests, mutant.other_tests, mutant.further_tests):
            tests = select(reached_by)
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

    def __init__(self, path: Path | None, *, again: bool = False) -> None:
        self._path = path
        self._killed: dict[str, bool] = {}
        if path is not None and path.is_file():
            for line in path.read_text("utf-8").splitlines():
                verdict = json.loads(line)
                self._killed[verdict["key"]] = verdict["killed"]
        if again:
            self._killed = {key: dead for key, dead in self._killed.items() if dead}

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
    parser.add_argument("--journal", type=Path, help="keep verdicts here, and reuse them")
    parser.add_argument("--again", action="store_true", help="retry the mutants that survived")
    options = parser.parse_args()
    parts = options.part or list(PARTS)
    chosen = draw(parts, None if options.all else options.sample, options.seed)
    known = equivalents()
    wanted = [mutant for mutant in chosen if mutant.key not in known]
    reached_by = ReachedBy(options.coverage) if options.coverage else None
    journal = Journal(options.journal, again=options.again)
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
