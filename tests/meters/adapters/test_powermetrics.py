"""powermetrics: every sample becomes one reading a channel, in watts."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.meters.adapters.powermetrics import Powermetrics
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.meters.topology import subject_of

FAKE = Path(__file__).resolve().parents[2] / "fakes" / "powermetrics.py"


def command(pause_s: float, *powers_mw: int) -> str:
    return f"{sys.executable} {FAKE} {pause_s} {' '.join(map(str, powers_mw))}"


def stand_in(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the options of a meter that reads a program of ours."""
    return {"command": command(0.02, 5000)}


@pytest.fixture
def started() -> Iterator[list[Powermetrics]]:
    meters: list[Powermetrics] = []
    yield meters
    for meter in meters:
        meter.close()


def read_until(meter: Powermetrics, count: int) -> list[Reading]:
    readings: list[Reading] = []
    deadline = time.monotonic() + 20
    while len(readings) < count and time.monotonic() < deadline:
        readings += meter.read()
        time.sleep(0.01)
    return readings[:count]


def test_samples_are_read_in_watts_one_after_the_other(started: list[Powermetrics]) -> None:
    meter = Powermetrics(command=command(0.1, 1000, 2000, 3500))
    started.append(meter)
    channels = meter.probe()
    assert {channel.id: channel.part_of for channel in channels} == {
        "combined": None,
        "cpu": "combined",
        "gpu": "combined",
        "ane": "combined",
    }
    assert {(channel.kind, channel.unit) for channel in channels} == {("estimate", "W")}
    assert subject_of(channels[0]).part == "package"
    readings = read_until(meter, 8)
    values = [(reading.channel, reading.value) for reading in readings]
    assert values[:4] == [("combined", 2.04), ("cpu", 2.0), ("gpu", 0.04), ("ane", 0.0)]
    assert values[4:6] == [("combined", 3.54), ("cpu", 3.5)]


def _read_all(meter: Powermetrics) -> None:
    """Read what was printed, and once more."""
    while meter.read():
        pass
    meter.read()


def test_a_program_that_ends_is_a_failed_read(started: list[Powermetrics]) -> None:
    meter = Powermetrics(command=command(0.02, 1000))
    started.append(meter)
    meter.probe()
    assert meter._process is not None
    meter._process.kill()
    meter._process.wait()
    with pytest.raises(ReadFailed, match="has ended"):
        _read_all(meter)


def test_what_is_missing_is_said(started: list[Powermetrics]) -> None:
    if sys.platform != "darwin":
        with pytest.raises(Unavailable, match="program of macOS"):
            Powermetrics().probe()
    with pytest.raises(Unavailable, match="cannot be started"):
        Powermetrics(command="/nonexistent/powermetrics").probe()
    silent = Powermetrics(command=f"{sys.executable} -c print('no')")
    started.append(silent)
    with pytest.raises(Unavailable, match="gives no power"):
        silent.probe()
    with pytest.raises(UsageError, match="is not an interval"):
        Powermetrics(interval_ms="1")


@pytest.mark.parametrize("interval_ms", ["50", "200", "60000"])
def test_intervals_from_50_ms_to_a_minute_are_taken(interval_ms: str) -> None:
    Powermetrics(interval_ms=interval_ms)


@pytest.mark.parametrize("interval_ms", ["49", "60001", "-50", "50.0", ""])
def test_other_intervals_are_refused(interval_ms: str) -> None:
    with pytest.raises(UsageError, match="is not an interval"):
        Powermetrics(interval_ms=interval_ms)
