"""Where the files of an MLPerf Tiny result lie, under every spelling of its folders and files.

The layout is ``<division>/<submitter>/results/<system>[/<board>]/<benchmark>[/<model>]`` with the
folders ``energy``, ``performance`` and ``accuracy``, and ``systems`` beside ``results``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, shorten
from harness.core.printable import well_formed
from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader
from harness.formats.mlperf.tiny_files import log

ENERGY_FOLDER = "energy"
OTHER_ENERGY_FOLDERS = ("power", "enegy", "energie", "energy_mode", "energy-mode")
"""Folders of energy runs under other names, in lower case; they count where the runner's files lie
in them."""
RESULTS, LOG, SCRIPT, RESULTS_JSON = "results.txt", "log.txt", "script.async", "results.json"
DIVISIONS = ("closed", "open")
_ROUND = re.compile(r"tiny[-_](?:results[-_])?v([0-9]{1,3}\.[0-9]{1,3})(?![0-9])")
_DECIMAL_COMMA = re.compile(
    r"(?<=[0-9]),(?=[0-9]+(?: for | (?:[uµm]J|[uµm]W|sec|inf)|%|[ \t]*$))", re.M
)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
MIN_COMMON_LETTERS = 5
"""Letters that the name of a description and that of a system share at least."""


def read_text(path: Path, reader: Reader, *, quiet: bool = False) -> str:
    """Return a text file without carriage returns; empty if it cannot be read."""
    content = reader.optional(path, quiet=quiet)[: log.TEXT_BYTES]
    text = _decoded(content).replace("\r\n", "\n").replace("\r", "\n")
    if _DECIMAL_COMMA.search(text):
        reader.note(DefectCode.CSV_DIALECT, path, "written with a decimal comma; read so")
        text = _DECIMAL_COMMA.sub(".", text)
    return text


def _decoded(content: bytes) -> str:
    """Return the text of a file, whose encoding its first bytes and its content tell."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def printed_results(directory: Path, names: frozenset[str], mode: str, reader: Reader) -> str:
    """Return what the performance or the accuracy run prints; empty if it is not there."""
    folder = next((name for name in sorted(names) if name.lower() == mode), mode)
    return read_text(file_of(directory / folder, RESULTS), reader, quiet=True)


def file_of(folder: Path, name: str) -> Path:
    """Return a file of a run; some submitters put the mode before its name."""
    path = folder / name
    if path.is_file() or not folder.is_dir() or folder.is_symlink():
        return path
    ending = re.compile(rf"(?:[^.].{{0,40}}[-_ ])?{re.escape(name)}", re.IGNORECASE)
    return next((item for item in sorted(folder.iterdir()) if ending.fullmatch(item.name)), path)


def energy_folder(directory: Path, names: frozenset[str]) -> Path | None:
    """Return the folder of the energy run of a benchmark; ``None`` without one."""
    for name in sorted(names, key=lambda item: (item != ENERGY_FOLDER, item)):
        folder = directory / name
        folded = name.lower()
        if folded not in (ENERGY_FOLDER, *OTHER_ENERGY_FOLDERS):
            continue
        if not folder.is_dir() or folder.is_symlink():
            continue
        if name == ENERGY_FOLDER or file_of(folder, RESULTS).is_file():
            return folder
    return None


def benchmark_folder(directory: Path) -> Path | None:
    """Return the folder that is named after a benchmark; ``None`` if there is none.

    It is this folder, or the one above it where each model has a folder.
    """
    path = Path(os.path.abspath(directory))
    for folder in (path, path.parent):
        if log.benchmark_named(folder.name) is not None:
            return folder
    return None


def benchmark_of(directory: Path) -> str:
    """Return the benchmark of a folder; its own name if it is none of Tiny."""
    folder = benchmark_folder(directory) or directory.absolute()
    return log.benchmark_named(folder.name) or directory.name


def names_of(directory: Path) -> dict[str, str]:
    """Return names of ``<division>/<submitter>/results/<system>[/<board>]/<benchmark>[/<model>]``.

    Board and model are part of the name of the system.
    """
    path = Path(os.path.abspath(directory))
    parts = tuple(map(well_formed, path.parts))
    benchmark_at = len((benchmark_folder(directory) or path).parts) - 1
    around = parts[max(benchmark_at - 1, 0) : benchmark_at] + parts[benchmark_at + 1 :]
    names = {"submitter": "", "division": "", "system": "/".join(around)}
    if "results" in parts[:benchmark_at]:
        at = benchmark_at - 1 - parts[:benchmark_at][::-1].index("results")
        system = parts[at + 1 : benchmark_at] + parts[benchmark_at + 1 :]
        names["system"] = "/".join(system) or names["system"]
        names["submitter"] = parts[at - 1] if at > 0 else ""
        division = parts[at - 2].lower() if at > 1 else ""
        names["division"] = division if division in DIVISIONS else ""
    return names


def round_of(directory: Path) -> str:
    """Return the round in the name of a folder above the submitter's; empty if none has it."""
    parts = Path(os.path.abspath(directory)).parts
    above = parts
    if "results" in parts:
        at = len(parts) - 1 - parts[::-1].index("results")
        above = parts[: max(at - 1, 0)]
    matches = [match for part in above if (match := _ROUND.search(part))]
    return f"mlperf-tiny-v{matches[-1][1]}" if matches else ""


def descriptions_of(directory: Path) -> tuple[Path, ...]:
    """Return the folder that describes the systems of a submission; none outside of one."""
    parts = Path(os.path.abspath(directory)).parts
    if "results" not in parts:
        return ()
    at = len(parts) - 1 - parts[::-1].index("results")
    return (Path(*parts[:at]) / "systems",)


def system_description(directory: Path, system: str, reader: Reader) -> Mapping[str, Any] | None:
    """Return the description of a system; ``None`` where no file in ``systems`` is named like it.

    A file may be named after the system, the board, or both; the one that has most letters of the
    system's name, and fewest others, is taken.
    """
    folders = descriptions_of(directory)
    if not folders:
        return None
    (descriptions,) = folders
    names = [letters for part in system.split("/") if (letters := _letters(part))]
    ranked = []
    for path in sorted(descriptions.glob("*.json")):
        stem = _letters(path.stem)
        common = sum(len(name) for name in names if name in stem)
        if not common and len(stem) >= MIN_COMMON_LETTERS and stem in "".join(names):
            common = len(stem)
        if common:
            ranked.append((-common, len(stem), path))
    return _description(min(ranked)[2], reader) if ranked else None


def _description(path: Path, reader: Reader) -> Mapping[str, Any] | None:
    """Return a description; a byte order mark, Latin-1 and trailing commas are let pass.

    The template of the rules has one key twice, and some submitters kept it.
    """
    content = reader.optional(path)
    if not content:
        return None
    text = _TRAILING_COMMA.sub(r"\1", _decoded(content))
    try:
        document = parse_json(text.encode(), where=str(path))
    except JoulemarkError as error:
        reader.note(DefectCode.DESCRIPTION_UNREADABLE, path, shorten(error.message))
        return None
    return document if isinstance(document, Mapping) and document else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
