"""What a record says of overlapping meters and of a clock that stepped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import harness.traces.journal.writer as journal_module
from harness import api
from harness.formats.base import Entry
from harness.formats.run_directory import SAMPLES
from harness.live.recording import create_run_directory, finalise
from harness.runners.base import Outcome
from harness.traces.journal.writer import Journal
from harness.traces.trace import Window

T = 1_700_000_000_000_000_000


def test_a_clock_step_becomes_a_finding_and_part_of_the_uncertainty(
    tmp_path: Path, channel: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work" / "run-1"
    entry = Entry(
        id="work",
        directory=folder.parent,
        format="joulemark",
        round="joulemark-2026",
        task="training",
        submitter="",
        system="",
        benchmark="work",
        scenario="",
    )
    create_run_directory(folder, entry)
    now = [0]
    monkeypatch.setattr(
        journal_module,
        "both_clocks",
        lambda: (T + now[0] + (250_000_000 if now[0] > 15e9 else 0), now[0]),
    )
    journal = Journal(
        folder / SAMPLES / "m.csv", [channel("instant", nominal_interval_s=0.5)], {"meter": "m"}
    )
    for half in range(60):
        now[0] = half * 500_000_000
        wall, mono = journal_module.both_clocks()
        journal.rows([journal.row("total", wall, mono, 0, 100.0)])
        if half % 2 == 0:
            journal.clock()
    journal.end({"missed": 0, "hung": False})
    run = finalise(
        folder, entry, Outcome(window=Window(T + 2 * 10**9, T + 28 * 10**9), success=True), {}
    )
    assert run.traces[0].channel.clock_error_s == pytest.approx(0.25)
    (read,) = api.read(tmp_path).entries
    (report,) = api.audit(api.read(tmp_path)).entries
    (found,) = [finding for finding in report.findings if "clock-step" in finding.got]
    assert found.status == "fail"
    assert "+0.250 s" in found.got
    assert np.all(np.diff(read.runs[0].traces[0].t_ns) > 0)
