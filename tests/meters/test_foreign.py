"""Traces that others write, and traces played again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.meters.adapters.file import File
from harness.meters.adapters.replay import Replay
from harness.meters.base import ReadFailed, Unavailable
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.store import MAGIC, write_csv

T = 1_700_000_000_000_000_000


@pytest.fixture
def foreign(tmp_path: Path, channel: Callable[..., Channel]) -> Path:
    path = tmp_path / "meter.csv"
    path.write_bytes(
        MAGIC + json.dumps(channel("mean").header()).encode() + b"\nt_ns,power_w\n" + b"%d,90\n" % T
    )
    return path


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_file_gives_what_came_since(foreign: Path) -> None:
    meter = File(str(foreign))
    meter.probe()
    assert meter.read() == []  # what was there before is not of this run
    append(foreign, f"{T + 10**9},100.5\n{T + 2 * 10**9},1")
    assert [(r.t_ns, r.value) for r in meter.read()] == [(T + 10**9, 100.5)]
    append(foreign, "01.5\n")
    assert [(r.t_ns, r.value) for r in meter.read()] == [(T + 2 * 10**9, 101.5)]


def test_file_rows_that_are_no_numbers_are_faults(foreign: Path) -> None:
    meter = File(str(foreign))
    meter.probe()
    append(foreign, f"{T + 1},error\nnonsense\n\n# a remark\n{T + 2},\n")
    readings = meter.read()
    assert [reading.fault for reading in readings] == [f"{T + 1},error", "nonsense", f"{T + 2},"]
    assert all(math.isnan(reading.value) for reading in readings)


def test_file_that_vanishes_fails_and_begins_anew(foreign: Path) -> None:
    meter = File(str(foreign))
    meter.probe()
    content = foreign.read_bytes()
    foreign.unlink()
    with pytest.raises(ReadFailed, match=r"meter\.csv"):
        meter.read()
    foreign.write_bytes(content + b"%d,77\n" % (T + 5))
    assert [reading.value for reading in meter.read()] == [90.0, 77.0]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"t_ns,power_w\n1,2\n", "is not a power trace"),
        (b"", "is not a power trace"),
        (MAGIC + b"{}\nt_ns,power_w\n", "is not a valid power-trace"),
        (MAGIC + b"\xff\nt_ns,power_w\n", "is not JSON"),
        (None, "cannot be opened"),
    ],
)
def test_file_without_a_declared_header_is_refused(
    content: bytes | None, word: str, tmp_path: Path
) -> None:
    path = tmp_path / "meter.csv"
    if content is not None:
        path.write_bytes(content)
    for meter in (File, Replay):
        with pytest.raises(Unavailable) as refused:
            meter(str(path)).probe()
        assert word in str(refused.value)
        assert refused.value.fix


def test_file_with_other_columns_is_refused(foreign: Path) -> None:
    foreign.write_bytes(foreign.read_bytes().replace(b"power_w\n", b"watts\n"))
    with pytest.raises(Unavailable, match=r"has other columns.*t_ns,power_w"):
        File(str(foreign)).probe()


def test_replay_follows_the_recorded_time(
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
