"""Measuring a block of Python, a function, and blocks inside blocks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import harness
from harness.core.errors import UsageError
from harness.meters.base import Unavailable

METER = ["estimator:idle_w=10,busy_w=20"]


def test_a_block_has_energy_and_a_run_directory(tmp_path: Path) -> None:
    with harness.measure("step", meters=METER, out=tmp_path, interval_s=0.05) as m:
        time.sleep(1.0)
    assert 9 < m.energy.value < 21
    assert m.energy.low < m.energy.value < m.energy.high
    assert repr(m).startswith("step: ")
    assert m._repr_html_().startswith("<code>step: ")
    (folder,) = m.folders
    assert (folder / "run.json").is_file()
    (entry,) = harness.read(tmp_path).entries
    assert entry.runs[0].window.seconds == pytest.approx(1.0, abs=0.1)


def test_each_call_of_a_function_is_a_run(tmp_path: Path) -> None:
    timer = harness.measure("call", meters=METER, out=tmp_path, interval_s=0.05)

    @timer
    def work(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    assert [work(0.3), work(0.6)] == [0.3, 0.6]
    assert [folder.name for folder in timer.folders] == ["run-1", "run-2"]
    first, second = (result.energy.value for result in timer.results)
    assert first < second


def test_blocks_may_be_nested(tmp_path: Path) -> None:
    with harness.measure("outer", meters=METER, out=tmp_path, interval_s=0.05) as outer:
        time.sleep(0.3)
        with harness.measure("inner", meters=METER, out=tmp_path, interval_s=0.05) as inner:
            time.sleep(0.3)
    assert outer.energy.value > inner.energy.value > 0


def test_a_block_that_raises_is_incomplete(tmp_path: Path) -> None:
    m = harness.measure("step", meters=METER, out=tmp_path, interval_s=0.05)
    with pytest.raises(ValueError, match="no data"), m:
        raise ValueError("no data")
    with pytest.raises(UsageError, match="has no result yet"):
        _ = m.energy
    (report,) = harness.audit(tmp_path).entries
    assert any("the block raised ValueError: no data" in f.got for f in report.findings)


def test_a_meter_that_cannot_be_used_leaves_no_folder(tmp_path: Path) -> None:
    meters = [*METER, "rapl:root=/no/such/folder"]
    with (
        pytest.raises(Unavailable, match="no RAPL zone"),
        harness.measure("step", meters=meters, out=tmp_path, interval_s=0.05),
    ):
        pass
    assert list((tmp_path / "step").iterdir()) == []


def test_the_public_names_are_listed() -> None:
    assert "measure" in dir(harness)
