"""The analyzer and the power settings are described beside the result."""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation
from harness.core.errors import UnreadableError
from harness.core.files import read_bytes

ANALYZER_NAME, SETTINGS_NAME = "analyzer_table.*", "power_settings.*"
ANALYZER = re.compile(r".*analy[sz]er[ _-]?tables?\.[^.]+", re.IGNORECASE)
SETTINGS = re.compile(r".*power[ _-]?settings?\.[^.]+", re.IGNORECASE)
"""Names of the two documents; in real trees they have prefixes and other spellings."""
POWER_FOLDER = "power"
"""A folder of the submitter that may hold the documents of all its results."""
MAX_NAMES = 10_000
"""Names in a folder that are looked at."""
MODEL = re.compile(r"wt[ _-]?(\d{3,4})(?!\d)(?:[ _-]?(e)h?(?![\w-]))?", re.IGNORECASE)
"""A model of analyzer: its number, and the E of the second series."""
EMULATES_OLDER_MODEL = re.compile(r";F[\d.]{1,10}EM\b")
"""Firmware of a WT300E that answers as a WT300."""
MAX_DOCUMENT_BYTES = 2**20
MIN_TREE_DEPTH = 4
"""Folders above a scenario folder in a submission: benchmark, system, results, submitter."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report documents that are missing or empty, and warn of one that names another analyzer."""
    directory = Path(os.path.abspath(context.entry.directory))
    is_foreign = not context.entry.is_native and context.entry.family == "mlperf-inference"
    if not is_foreign or len(directory.parents) < MIN_TREE_DEPTH:
        yield Violation(
            "result",
            "no foreign files here",
            "the tree of a submission",
            "Audit that.",
            status="skip",
        )
        return
    root = directory.parents[MIN_TREE_DEPTH - 1]
    is_complete_tree = (root / "measurements").is_dir()
    documents = _documents(directory, root, is_complete_tree)
    if not documents and not is_complete_tree:
        yield Violation(
            "measurements",
            "no such folder in this tree",
            f"{ANALYZER_NAME} and {SETTINGS_NAME}",
            "Audit the whole submission.",
            status="skip",
        )
        return
    for name, pattern in ((ANALYZER_NAME, ANALYZER), (SETTINGS_NAME, SETTINGS)):
        document = next((path for path in documents if pattern.fullmatch(path.name)), None)
        if document is None:
            expected = "one, for the scenario or above it"
            yield Violation("measurements", f"no {name}", expected, "Submit the file.")
        else:
            yield from _content_faults(context, document, root)


def _documents(directory: Path, root: Path, is_complete_tree: bool) -> list[Path]:
    """Return the documents of a result, the closest first."""
    trees = ("measurements", "results") if is_complete_tree else ("results",)
    documents = []
    for tree in trees:
        for folder in _folders(root / tree, directory):
            documents += _documents_in(folder)
    return documents + _documents_in(os.path.join(root, POWER_FOLDER))


def _folders(tree: Path, directory: Path) -> list[str]:
    """Return the folder of the scenario below a tree, and its three parents."""
    scenario_path = directory.parts[-3:]
    return [os.path.join(tree, *scenario_path[:depth]) for depth in (3, 2, 1, 0)]


def _documents_in(folder: str) -> list[Path]:
    if os.path.islink(folder):
        return []
    try:
        names = sorted(itertools.islice(os.listdir(folder), MAX_NAMES))
    except OSError:
        return []
    is_document = [bool(ANALYZER.fullmatch(name) or SETTINGS.fullmatch(name)) for name in names]
    paths = [Path(folder, name) for name in itertools.compress(names, is_document)]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def _content_faults(context: RuleContext, path: Path, root: Path) -> Iterator[Violation]:
    where = path.relative_to(root).as_posix()
    try:
        text = read_bytes(path, limit=MAX_DOCUMENT_BYTES).decode("utf-8", "replace")
    except UnreadableError as error:
        yield Violation(where, error.message, "a file that can be read", "Submit it.")
        return
    if not text.strip():
        yield Violation(where, "an empty file", "what it must describe", "Fill it.")
        return
    models = _identified_models(context)
    if ANALYZER.fullmatch(path.name) and models and not models & _named_models(text):
        expected = f"{' or '.join(sorted(models))}, as Identify answers"
        yield Violation(where, "another analyzer", expected, "Name it.", status="warn")


def _identified_models(context: RuleContext) -> set[str]:
    """Return the names of the analyzer in the reply to Identify.

    There may be two: that of its driver, and its own where it emulates an older model.
    """
    inference = context.entry.runs[0].evidence.inference if context.entry.runs else None
    identity = inference.identity if inference else ""
    models = _named_models(identity)
    is_second_series = any(name.endswith("E") for name in models)
    if is_second_series or EMULATES_OLDER_MODEL.search(identity):
        models |= {f"{name.removesuffix('E')}E" for name in models}
    return models


def _named_models(text: str) -> set[str]:
    """Return the models that a text names, in one spelling."""
    return {f"WT{number}{series.upper()}" for number, series in MODEL.findall(text)}


RULE = Rule(
    id="power-documents",
    title="Analyzer and power settings are described",
    why="A power figure can be reproduced only by someone who knows how the analyzer was wired "
    "and how the machine was tuned.",
    evidence="analyzer_table.* and power_settings.*, in the spellings of real trees, in the "
    "folder of the scenario or one of its three parents, below measurements or, where these were "
    "merged, below results, or in the submitter's folder power; empty files; and whether the "
    "table names the analyzer that answered, in any spelling (a warning). Skipped for a tree "
    "without measurements, which is a part of a submission.",
    remedy="Submit both files.",
    applies_to=POWER_SESSION,
    check=check,
)
