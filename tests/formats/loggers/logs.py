"""Write files of other power loggers, and read them as entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.formats.base import Entry, Run
from harness.formats.discovery import Found, find
from harness.scoring.score import score

T0_S = 1_767_607_200
"""2026-01-05T10:00:00Z."""
SECONDS = range(11)


def write(tmp_path: Path, name: str, text: str, **about: Any) -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    if about:
        (tmp_path / f"{name}.about.json").write_text(json.dumps(about), "utf-8")
    return path


def read(path: Path, format_name: str) -> tuple[Entry, Run]:
    (place,) = find(path)
    assert isinstance(place, Found)
    assert place.format.name == format_name
    entry = place.read()
    (run,) = entry.runs
    return entry, run


def energy_j(entry: Entry) -> float:
    (run,) = score(entry, draws=1000).runs
    return run.energy_j


def channels(run: Run) -> dict[str, tuple[str, str, str | None]]:
    return {
        t.channel.id: (t.channel.kind, t.channel.boundary, t.channel.part_of) for t in run.traces
    }


def codes(entry: Entry) -> list[str]:
    return [defect.code for defect in entry.defects]
