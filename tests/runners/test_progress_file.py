"""How far a workload is, as it tells by a file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.runners.progress_file import FILE, Headway


def test_it_is_told_in_steps_and_not_twice(tmp_path: Path) -> None:
    said: list[str] = []
    headway = Headway(tmp_path, said.append)
    for done in ("0/40", "7/40", "8/40", "9/40", "17/40", "40/40"):
        (tmp_path / FILE).write_text(done)
        headway.look()
        headway.look()
    assert said == ["20% done", "42% done"]


@pytest.mark.parametrize(
    "content", [b"", b"17", b"a/b", b"1/0", b"-3/4", b"5/4", b"\xff/2", b"1/" + b"9" * 100]
)
def test_a_file_that_says_nothing_is_let_be(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    said: list[str] = []
    Headway(tmp_path, said.append).look()
    assert said == []


def test_a_program_that_tells_is_told_about_while_it_runs(tmp_path: Path) -> None:
    code = "import os, time; open(os.environ['JOULEMARK_LOG'] + '/progress', 'w').write('1/2'); time.sleep(1)"
    settings = Settings(out=tmp_path, meters=("estimator",), idle_s=(0, 0))
    said: list[str] = []
    for done in measure(
        plan_command([sys.executable, "-c", code], settings, name="half"), said.append
    ):
        assert any(path.name == FILE for path in done.folder.rglob("*"))
    assert said.index("run 1: the workload runs") < said.index("run 1: 50% done")
