"""A trace that another program writes, followed with its own stamps."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.meters.adapters.file import File
from harness.meters.base import ReadFailed, Unavailable
from harness.traces.channel import Accuracy, Channel
from harness.traces.csv_store import MAGIC

T = 1_700_000_000_000_000_000


def stand_in(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Write a trace with its header; return the options of a meter that follows it."""
    limits = Accuracy(reading_limit_pct=1.0, source="its manual")
    channel = Channel(
        id="wall", kind="mean", boundary="wall", calibration_id="meter", accuracy=limits
    )
    path = folder / "power.csv"
    header = json.dumps(channel.header()).encode()
    path.write_bytes(MAGIC + header + b"\nt_ns,power_w\n" + b"%d,90\n" % T)
    return {"path": str(path)}


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
    with pytest.raises(Unavailable) as refused:
        File(str(path)).probe()
    assert word in str(refused.value)
    assert refused.value.fix


def test_file_with_other_columns_is_refused(foreign: Path) -> None:
    foreign.write_bytes(foreign.read_bytes().replace(b"power_w\n", b"watts\n"))
    with pytest.raises(Unavailable, match=r"has other columns.*t_ns,power_w"):
        File(str(foreign)).probe()
