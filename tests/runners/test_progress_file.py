"""Progress that a workload writes into a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.runners.progress_file import FILE, ProgressFile


def test_progress_is_reported_in_steps_and_once(tmp_path: Path) -> None:
    reports: list[str] = []
    progress = ProgressFile(tmp_path, reports.append)
    for done in ("0/40", "7/40", "8/40", "9/40", "17/40", "40/40"):
        (tmp_path / FILE).write_text(done)
        progress.report()
        progress.report()
    assert reports == ["20% done", "42% done"]


@pytest.mark.parametrize(
    "content", [b"", b"17", b"a/b", b"1/0", b"-3/4", b"5/4", b"\xff/2", b"1/" + b"9" * 100]
)
def test_a_malformed_file_is_ignored(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    reports: list[str] = []
    ProgressFile(tmp_path, reports.append).report()
    assert reports == []


def test_progress_is_reported_while_the_program_runs(tmp_path: Path) -> None:
    code = (
        "import os, time; open(os.environ['JOULEMARK_LOG'] + '/progress', 'w').write('1/2');"
        " time.sleep(1)"
    )
    settings = Settings(out=tmp_path, meters=("estimator",), idle_s=(0, 0))
    reports: list[str] = []
    for recorded in measure(
        plan_command([sys.executable, "-c", code], settings, name="half"), reports.append
    ):
        assert any(path.name == FILE for path in recorded.folder.rglob("*"))
    assert reports.index("run 1: the workload runs") < reports.index("run 1: 50% done")
