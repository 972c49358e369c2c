"""The analyzer and the power settings are described beside the result."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.documents.errors import UnreadableError
from harness.documents.files import read_bytes
from harness.rules.base import Case, Hit, Rule

ANALYZER, SETTINGS = "analyzer_table", "power_settings"
LONGEST = 2**20
"""A table beyond this size is not searched [bytes]."""


def check(case: Case) -> Iterator[Hit]:
    directory = Path(os.path.abspath(case.entry.directory))
    if case.entry.format != "mlperf-inference-power" or len(directory.parents) < 4:
        yield Hit("result", "no foreign files here", "the tree of a submission", "Audit that.", status="skip")
        return
    root = directory.parents[3]
    complete = (root / "measurements").is_dir()
    trees = ("measurements", "results") if complete else ("results",)
    found = [path for tree in trees for folder in _folders(root / tree, directory) for path in _files(folder)]
    if not found and not complete:
        yield Hit(
            "measurements", "no such folder in this tree", f"{ANALYZER}.* and {SETTINGS}.*",
            "Audit the whole submission.", status="skip",
        )  # fmt: skip
        return
    for stem in (ANALYZER, SETTINGS):
        named = next((path for path in found if path.name.startswith(f"{stem}.")), None)
        if named is None:
            yield Hit("measurements", f"no {stem}.*", "one, for the scenario or above it", "Submit the file.")
        else:
            yield from _content(case, named, root)


def _folders(tree: Path, directory: Path) -> list[Path]:
    """Where the two may lie: in the folder of the scenario or its three parents."""
    below = directory.parts[-3:]
    return [tree.joinpath(*below[:depth]) for depth in (3, 2, 1, 0)]


def _files(folder: Path) -> list[Path]:
    try:
        names = [name for name in os.listdir(folder) if name.startswith((f"{ANALYZER}.", f"{SETTINGS}."))]
    except OSError:
        return []
    return [path for path in map(folder.joinpath, sorted(names)) if path.is_file() and not path.is_symlink()]


def _content(case: Case, path: Path, root: Path) -> Iterator[Hit]:
    where = path.relative_to(root).as_posix()
    try:
        text = read_bytes(path, limit=LONGEST).decode("utf-8", "replace").lower()
    except UnreadableError as error:
        yield Hit(where, error.message, "a file that can be read", "Submit it.")
        return
    models = _models(case)
    if not text.strip():
        yield Hit(where, "an empty file", "what it must describe", "Fill it.")
    elif path.name.startswith(ANALYZER) and models and not any(model.lower() in text for model in models):
        yield Hit(where, "another analyzer", f"{' or '.join(models)}, as Identify answers", "Name it.", status="warn")


def _models(case: Case) -> list[str]:
    """Names of the analyzer in the reply to Identify: of its driver, and of itself."""
    identity = str(case.entry.runs[0].facts.get("identity", "")) if case.entry.runs else ""
    return list(dict.fromkeys(re.findall(r"WT\d{3}", identity)))


RULE = Rule(
    id="power-documents",
    title="Analyzer and power settings are described",
    why="A power figure can be repeated only by who knows how the analyzer was wired and how the machine was tuned.",
    evidence="analyzer_table.* and power_settings.* in the folder of the scenario or one of its three parents, below "
    "measurements or, where these were merged, below results; empty files; and whether the table names the analyzer "
    "that answered (a warning). Skipped for a tree without measurements, which is a part of a submission.",
    remedy="Submit both files.",
    check=check,
)
