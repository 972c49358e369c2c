"""part-within-whole: a part draws no more than the whole that contains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.formats.base import Entry, Run
from harness.formats.run_directory_writer import write_run
from harness.traces.trace import Trace, Window
from tests.auditing.rules import builders as b

RULE = "part-within-whole"
T = 1_700_000_000_000_000_000


@pytest.fixture
def run_with(
    tmp_path: Path, trace: Callable[..., Trace], entry_of: Callable[..., Entry]
) -> Callable[[float, float], Path]:
    """A run with a wall channel and a package inside it."""

    def make(wall_w: float, package_w: float) -> Path:
        seconds = np.arange(60.0)
        traces = [
            trace(seconds, [wall_w] * 60, id="wall", boundary="wall"),
            trace(seconds, [package_w] * 60, id="package", boundary="package", part_of="wall"),
        ]
        run = Run(
            id="run-1",
            window=Window(T + 10 * 10**9, T + 50 * 10**9),
            traces=tuple(traces),
            success=True,
        )
        entry = replace(entry_of(), directory=tmp_path / "e", format="joulemark")
        write_run(entry, run, tmp_path / "e" / "run-1")
        return tmp_path / "e"

    return make


@pytest.mark.parametrize("package_w", [40.0, 99.0, 102.0])
def test_pass_a_part_below_its_whole(package_w: float, run_with: Callable[..., Path]) -> None:
    b.assert_pass(b.report(run_with(100.0, package_w)), RULE)


def test_fail_a_part_above_its_whole(run_with: Callable[..., Path]) -> None:
    report = b.report(run_with(0.5, 7.0))
    b.assert_found(report, RULE, "fail", where="package", got="20 J in wall", expected="whole")
