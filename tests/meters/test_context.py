"""Temperatures, clocks and limits beside the readings, and what they say of steadiness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.meters.base import Reading
from harness.meters.context import ContextStatistics, unsteady
from harness.meters.sampler import Sampler
from harness.traces.channel import Channel
from harness.traces.journal_reader import read_samples
from harness.traces.journal_writer import Journal


def test_extremes_and_means_are_kept() -> None:
    values = iter([60.0, 75.0, 66.0])
    statistics = ContextStatistics(lambda: {"gpu-0": {"temperature_c": next(values)}})
    for _ in range(3):
        statistics.sample()
    assert statistics.document() == {
        "gpu-0": {
            "temperature_c": {"first": 60.0, "last": 66.0, "min": 60.0, "max": 75.0, "mean": 67.0}
        }
    }


def test_a_context_that_fails_costs_nothing() -> None:
    def fail() -> Mapping[str, Mapping[str, float]]:
        raise RuntimeError("no sensor")

    statistics = ContextStatistics(fail)
    statistics.sample()
    assert statistics.document() == {}


def one(name: str, **values: float) -> dict[str, Any]:
    return {"gpu-0": {name: values}}


@pytest.mark.parametrize(
    ("context", "reasons"),
    [
        (one("slowed_by_heat", mean=0.011), ["slowed by heat 1% of the time"]),
        (one("slowed_by_heat", mean=0.01), []),
        (one("power_capped", mean=1.0), []),
        (one("throttle_count", first=3, last=5), ["throttled 2 times"]),
        (one("throttle_count", first=3, last=3), []),
        (
            one("power_limit_w", min=400, max=700),
            ["its power limit was changed between 400 and 700 W"],
        ),
        (one("power_limit_w", min=700, max=700), []),
        (one("temperature_c", min=35, max=85), []),
        (None, []),
        ([1], []),
        ({"gpu-0": 5, "gpu-1": {"slowed_by_heat": "much"}}, []),
    ],
)
def test_hardware_that_does_not_run_steadily(context: Any, reasons: list[str]) -> None:
    assert [reason for _, reason in unsteady(context)] == reasons


class Board:
    """A meter whose clock stands still for a read, and whose context is asked for now and then."""

    simulated = False

    def __init__(self, sampler_of: Callable[[], Sampler]) -> None:
        self.sampler_of, self.reads, self.looks = sampler_of, 0, 0

    def read(self) -> list[Reading]:
        self.reads += 1
        if self.reads == 25:
            self.sampler_of().stopping = True
        return [Reading("total", 100.0)]

    def context(self) -> dict[str, dict[str, float]]:
        self.looks += 1
        return {"total": {"clock_mhz": 1000.0 + self.looks}}


def test_the_sampler_looks_once_a_second_and_states_it_at_the_end(
    tmp_path: Path, channel: Callable[..., Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [10**12]
    monkeypatch.setattr("time.sleep", lambda s: now.__setitem__(0, now[0] + round(s * 1e9)))
    channels = [channel("instant")]
    journal = Journal(tmp_path / "j.csv", channels, {"meter": "board", "interval_s": 0.1})
    samplers: list[Sampler] = []
    board = Board(lambda: samplers[0])
    samplers.append(Sampler(board, channels, journal, 0.1, mono_ns=lambda: now[0]))  # type: ignore[arg-type]
    samplers[0].run()
    samplers[0].finish()
    assert (board.reads, board.looks) == (25, 3)
    samples = read_samples(tmp_path / "j.csv")
    assert samples.end is not None
    assert samples.end["context"]["total"]["clock_mhz"]["max"] == 1003.0
