"""Record a live run as `joulemark run` does, in no time: the clock is a number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import harness.traces.journal.writer as journal_module
from harness.formats.base import Entry
from harness.formats.run_directory import SAMPLES
from harness.live.recording import create_run_directory, finalise
from harness.runners.base import Outcome
from harness.traces.channel import Accuracy, Channel
from harness.traces.journal.writer import Journal
from harness.traces.trace import Window

T_NS = 1_700_000_000_000_000_000
SECONDS, PER_SECOND = 30, 4


def channel() -> Channel:
    return Channel(
        id="total",
        kind="instant",
        boundary="node",
        calibration_id="m",
        nominal_interval_s=1 / PER_SECOND,
        accuracy=Accuracy(reading_limit_pct=1.0, source="test"),
    )


def write_journal(path: Path, *, end: bool = True, name: str = "m") -> Path:
    """Readings of half a minute, one of them failed; clocks and a link each second."""
    now = [0]
    with mock.patch.object(
        journal_module, "both_clocks", side_effect=lambda: (T_NS + now[0], now[0])
    ):
        journal = Journal(path, [channel()], {"meter": name})
        for tick in range(SECONDS * PER_SECOND):
            now[0] = tick * 1_000_000_000 // PER_SECOND
            fault = "no answer" if tick == 3 else ""
            journal.rows([journal.row("total", T_NS + now[0], now[0], 0, 100.0 + tick % 7, fault)])
            if tick % PER_SECOND == 0:
                journal.clock()
        if end:
            journal.end({"missed": 0, "hung": False})
    return path


def record(root: Path) -> Path:
    """A complete run of one meter; its run directory."""
    folder = root / "work" / "run-1"
    entry = Entry(
        id="work",
        directory=folder.parent,
        format="joulemark",
        round="joulemark-2026",
        task="training",
        submitter="Tree Labs",
        system="box",
        benchmark="work",
        scenario="",
    )
    create_run_directory(folder, entry)
    write_journal(journal_of(folder))
    window = Window(T_NS + 3 * 10**9, T_NS + 27 * 10**9)
    finalise(folder, entry, Outcome(window=window, success=True), {})
    return folder


def journal_of(folder: Path) -> Path:
    return folder / SAMPLES / "m.csv"


def edit_lines(path: Path, change: Callable[[list[bytes]], object]) -> None:
    """Change the lines of a file in place."""
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))


def state_hashes(folder: Path) -> None:
    """State new hashes in run.json for what was changed, as a forger would."""
    path = folder / "run.json"
    document = json.loads(path.read_bytes())
    for item in (*document["files"], *document["traces"]):
        content = (folder / item["path"]).read_bytes()
        item["sha256"] = hashlib.sha256(content).hexdigest()
        if "bytes" in item:
            item["bytes"] = len(content)
    path.write_text(json.dumps(document))
