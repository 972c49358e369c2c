"""The corpus: the source code of Python's standard library, split by the hash of the path.

1. Files: every `.py` below the folder of the standard library. Tests, installed packages, files
   that name the machine Python was built on, and files that say at their head that a program
   generated them (tables of encodings, help texts) are left out.
2. Licence headers: blocks of comments that mention a copyright or a licence are left out. They
   are nearly the same in many files.
3. Split: the first byte of the SHA-256 of the path decides. Below 26 held out, below 52 for
   validation, the others to learn from.
4. Near-duplicates: a file that shares too many runs of three lines with a file of a later part
   is left out, so no part is half known from another.
"""

from __future__ import annotations

import hashlib
import re
import sysconfig
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT_FOLDERS = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"}
)
BUILD_FILES = re.compile(r"_sysconfigdata.*\.py|config-.*")
"""Files and folders that name the machine on which Python was built."""
LICENCE = re.compile(rb"copyright|licen[cs]e", re.IGNORECASE)
GENERATED = re.compile(rb"generated", re.IGNORECASE)
HEAD_BYTES = 400
"""Where a generated file says so."""
PARTS = ("train", "validation", "held_out")
HELD_OUT_BELOW, VALIDATION_BELOW = 26, 52
"""First bytes of hashes: a tenth of the paths each."""
RUN_LINES = 3
"""Lines in the runs that are compared."""
MAX_SHARED = 0.2
"""Largest share of its runs of lines that a file may have in common with a file of a later
part; of the smaller of both."""
MIN_SHARED = 3
"""Fewer shared runs are no near-duplicate, however short the file is."""


@dataclass(frozen=True)
class Corpus:
    """The three parts, each the files of its paths one after the other.

    Attributes:
        train: Bytes to learn from.
        validation: Bytes to tune on.
        held_out: Bytes that say whether the target is reached.
        paths: Paths of the files of each part, relative to the standard library.
        near_duplicates: Paths that were left out, each with the path it resembles.
    """

    train: bytes
    validation: bytes
    held_out: bytes
    paths: Mapping[str, tuple[str, ...]]
    near_duplicates: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """SHA-256 of the three parts, one after the other."""
        return hashlib.sha256(self.train + self.validation + self.held_out).hexdigest()

    @property
    def held_out_sha256(self) -> str:
        """SHA-256 of the held-out part."""
        return hashlib.sha256(self.held_out).hexdigest()


def standard_library() -> Path:
    """Return the folder of the standard library of the Python that runs this."""
    return Path(sysconfig.get_path("stdlib"))


def build(folder: Path) -> Corpus:
    """Read, clean and split the files of a standard library.

    Args:
        folder: Its folder, which holds `os.py`.
    """
    parts: dict[str, dict[str, bytes]] = {name: {} for name in PARTS}
    for path in sorted(_sources(folder)):
        content = (folder / path).read_bytes()
        if not GENERATED.search(content[:HEAD_BYTES]):
            parts[part_of(path)][path] = without_licence(content)
    near_duplicates = remove_near_duplicates(parts)
    return Corpus(
        *(b"".join(parts[name].values()) for name in PARTS),
        paths={name: tuple(parts[name]) for name in PARTS},
        near_duplicates=near_duplicates,
    )


def _sources(folder: Path) -> Iterator[str]:
    """Yield the paths of the files that belong to the corpus, relative to the folder."""
    for path in folder.rglob("*.py"):
        relative = path.relative_to(folder)
        is_left_out = not LEFT_OUT_FOLDERS.isdisjoint(relative.parts[:-1])
        if not is_left_out and not any(map(BUILD_FILES.fullmatch, relative.parts)):
            yield relative.as_posix()


def part_of(path: str) -> str:
    """Return the part that a path belongs to, by its hash alone."""
    first = hashlib.sha256(path.encode()).digest()[0]
    if first < HELD_OUT_BELOW:
        return "held_out"
    return "validation" if first < VALIDATION_BELOW else "train"


def without_licence(content: bytes) -> bytes:
    """Return a file without the blocks of comments that mention a copyright or a licence."""
    kept: list[bytes] = []
    block: list[bytes] = []
    for line in [*content.splitlines(keepends=True), b""]:
        if line.lstrip().startswith(b"#"):
            block.append(line)
            continue
        if not LICENCE.search(b"".join(block)):
            kept += block
        block = []
        kept.append(line)
    return b"".join(kept)


def remove_near_duplicates(parts: dict[str, dict[str, bytes]]) -> dict[str, str]:
    """Remove files that resemble a file of a later part; return each with what it resembles.

    Args:
        parts: Content of the files of each part, by path; near-duplicates are removed from it.
    """
    removed: dict[str, str] = {}
    for number, name in enumerate(PARTS):
        later = {path: text for part in PARTS[number + 1 :] for path, text in parts[part].items()}
        runs_of_later = {path: line_runs(text) for path, text in later.items()}
        holders = _holders(runs_of_later)
        for path, content in list(parts[name].items()):
            resembled = _most_similar(line_runs(content), runs_of_later, holders)
            if resembled is not None:
                removed[path] = resembled
                del parts[name][path]
    return removed


def line_runs(content: bytes) -> frozenset[tuple[bytes, ...]]:
    """Return all runs of three successive lines, blank ones and indentation aside."""
    lines = [stripped for line in content.splitlines() if (stripped := line.strip())]
    starts = range(len(lines) - RUN_LINES + 1)
    return frozenset(tuple(lines[at : at + RUN_LINES]) for at in starts)


def _holders(runs: Mapping[str, Iterable[tuple[bytes, ...]]]) -> Mapping[object, Sequence[str]]:
    """Return the paths that hold each run of lines."""
    holders: dict[object, list[str]] = defaultdict(list)
    for path, runs_of_path in runs.items():
        for run in runs_of_path:
            holders[run].append(path)
    return holders


def _most_similar(
    runs: frozenset[tuple[bytes, ...]],
    others: Mapping[str, frozenset[tuple[bytes, ...]]],
    holders: Mapping[object, Sequence[str]],
) -> str | None:
    """Return the path of a near-duplicate, the most similar one; None where there is none."""
    shared = Counter(path for run in runs for path in holders.get(run, ()))
    similar = [
        (count / min(len(runs), len(others[path])), path)
        for path, count in shared.items()
        if count >= MIN_SHARED
    ]
    share, path = max(similar, default=(0.0, ""))
    return path if share > MAX_SHARED else None
