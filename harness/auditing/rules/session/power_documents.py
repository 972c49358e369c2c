"""The analyzer and the power settings are described beside the result."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation
from harness.core.errors import UnreadableError
from harness.core.files import read_bytes

ANALYZER, SETTINGS = ("analyzer_table.",), ("power_settings.", "powersettings.", "powersetting.")
"""How the names of the two may begin."""
MODEL = re.compile(r"wt[ _-]?(\d{3,4})(?!\d)(?:[ _-]?(e)h?(?![\w-]))?", re.IGNORECASE)
"""A model of analyzer: its number, and the E of the second series."""
LONGEST = 2**20
"""A table beyond this size is not searched [bytes]."""


def check(case: RuleContext) -> Iterator[Violation]:
    directory = Path(os.path.abspath(case.entry.directory))
    if (
        case.entry.is_native
        or case.entry.family != "mlperf-inference"
        or len(directory.parents) < 4
    ):
        yield Violation(
            "result",
            "no foreign files here",
            "the tree of a submission",
            "Audit that.",
            status="skip",
        )
        return
    root = directory.parents[3]
    complete = (root / "measurements").is_dir()
    trees = ("measurements", "results") if complete else ("results",)
    found = [
        path
        for tree in trees
        for folder in _folders(root / tree, directory)
        for path in _files(folder)
    ]
    if not found and not complete:
        yield Violation(
            "measurements",
            "no such folder in this tree",
            f"{ANALYZER[0]}* and {SETTINGS[0]}*",
            "Audit the whole submission.",
            status="skip",
        )
        return
    for stems in (ANALYZER, SETTINGS):
        named = next((path for path in found if path.name.startswith(stems)), None)
        if named is None:
            yield Violation(
                "measurements",
                f"no {stems[0]}*",
                "one, for the scenario or above it",
                "Submit the file.",
            )
        else:
            yield from _content(case, named, root)


def _folders(tree: Path, directory: Path) -> list[str]:
    """Where the two may lie: in the folder of the scenario or its three parents."""
    below = directory.parts[-3:]
    return [os.path.join(tree, *below[:depth]) for depth in (3, 2, 1, 0)]


def _files(folder: str) -> list[Path]:
    try:
        names = [name for name in os.listdir(folder) if name.startswith(ANALYZER + SETTINGS)]
    except OSError:
        return []
    paths = [Path(folder, name) for name in sorted(names)]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def _content(case: RuleContext, path: Path, root: Path) -> Iterator[Violation]:
    where = path.relative_to(root).as_posix()
    try:
        text = read_bytes(path, limit=LONGEST).decode("utf-8", "replace")
    except UnreadableError as error:
        yield Violation(where, error.message, "a file that can be read", "Submit it.")
        return
    models = _models(case)
    if not text.strip():
        yield Violation(where, "an empty file", "what it must describe", "Fill it.")
    elif path.name.startswith(ANALYZER) and models and not models & _named(text):
        expected = f"{' or '.join(sorted(models))}, as Identify answers"
        yield Violation(where, "another analyzer", expected, "Name it.", status="warn")


def _models(case: RuleContext) -> set[str]:
    """Names of the analyzer in the reply to Identify: of its driver, and of itself; both where it emulates another."""
    inference = case.entry.runs[0].evidence.inference if case.entry.runs else None
    identity = inference.identity if inference else ""
    found = _named(identity)
    second = any(name.endswith("E") for name in found) or re.search(r";F[\d.]{1,10}EM\b", identity)
    return found | {f"{name.removesuffix('E')}E" for name in found if second}


def _named(text: str) -> set[str]:
    """Models that a text names, in one spelling."""
    return {f"WT{number}{series.upper()}" for number, series in MODEL.findall(text)}


RULE = Rule(
    id="power-documents",
    title="Analyzer and power settings are described",
    why="A power figure can be repeated only by who knows how the analyzer was wired and how the machine was tuned.",
    evidence="analyzer_table.* and power_settings.* (or powersetting.*, powersettings.*) in the folder of the scenario "
    "or one of its three parents, below measurements or, where these were merged, below results; empty files; and "
    "whether the table names the analyzer that answered, in any spelling (a warning). Skipped for a tree without "
    "measurements, which is a part of a submission.",
    remedy="Submit both files.",
    applies_to=POWER_SESSION,
    check=check,
)
