"""A recorded trace, played again at its own speed and marked as simulated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.meters.adapters.replay import Replay
from harness.meters.base import ReadFailed, Unavailable
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.csv_store import write_csv

T = 1_700_000_000_000_000_000


def stand_in(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Write a recorded trace; return the options of a meter that plays it."""
    limits = Accuracy(reading_limit_pct=1.0, source="its manual")
    channel = Channel(
        id="wall", kind="mean", boundary="wall", calibration_id="meter", accuracy=limits
    )
    t_ns = np.arange(50, dtype=np.int64) * 100_000_000 + T
    write_csv(build_trace(channel, t_ns, np.linspace(100, 150, 50)), folder / "wall.csv")
    return {"path": str(folder / "wall.csv")}


def test_the_recorded_time_is_followed(
    tmp_path: Path, channel: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = tmp_path / "total.csv", [5 * 10**9]
    monkeypatch.setattr("time.monotonic_ns", lambda: now[0])
    t_ns = np.array([0, 1, 3], np.int64) * 10**9 + T
    write_csv(build_trace(channel("mean"), t_ns, np.array([10.0, 20.0, 30.0])), path)
    meter = Replay(str(path))
    (played,) = meter.probe()
    assert meter.simulated
    assert "played_from" in played.extra
    values = []
    for elapsed in (0.0, 0.9, 1.0, 2.9, 3.0, 9.0):
        now[0] = 5 * 10**9 + round(elapsed * 1e9)
        values.append(meter.read()[0].value)
    assert values == [10, 10, 20, 20, 30, 30]


def test_a_trace_that_cannot_be_played_is_refused(
    tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    with pytest.raises(Unavailable, match=r"wall\.csv") as caught:
        Replay(str(tmp_path / "wall.csv")).probe()
    assert caught.value.fix
    write_csv(
        build_trace(channel("mean"), np.array([], np.int64), np.array([])), tmp_path / "e.csv"
    )
    with pytest.raises(Unavailable, match="has no reading"):
        Replay(str(tmp_path / "e.csv")).probe()
    with pytest.raises(ReadFailed, match="not probed"):
        Replay(str(tmp_path / "e.csv")).read()
