"""Temperatures, clocks and limits beside the readings, and what they say of steadiness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.meters.base import Reading
from harness.meters.context import look, summary, unsteady, write_series
from harness.meters.sampler import Sampler
from harness.traces.channel import Channel
from harness.traces.journal.reader import read_samples
from harness.traces.journal.writer import Journal

LOOKS = [
    (second * 10**9, {"gpu-0": {"temperature_c": value}})
    for second, value in enumerate([20.0, 60.0, 75.0, 66.0, 30.0])
]


def test_extremes_and_means_of_the_window_are_kept() -> None:
    assert summary(LOOKS, 1 * 10**9, 3 * 10**9) == {
        "gpu-0": {
            "temperature_c": {"first": 60.0, "last": 66.0, "min": 60.0, "max": 75.0, "mean": 67.0}
        }
    }


def test_a_window_too_short_for_a_look_has_those_around_it() -> None:
    assert summary(LOOKS, 1_100_000_000, 1_200_000_000)["gpu-0"]["temperature_c"]["min"] == 20.0


@pytest.mark.parametrize("answer", [RuntimeError("no sensor"), None, {"gpu-0": {"clock_mhz": "x"}}])
def test_a_context_that_fails_costs_nothing(answer: Any) -> None:
    def read() -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert look(read) == {}


def test_a_series_is_a_value_a_line(tmp_path: Path) -> None:
    write_series(tmp_path / "context.csv", [(7, {"gpu-0": {"clock_mhz": 1980.0}})])
    text = (tmp_path / "context.csv").read_text()
    assert text == "t_ns,channel,quantity,value\n7,gpu-0,clock_mhz,1980.0\n"


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


def test_the_sampler_looks_once_a_second_and_writes_what_it_sees(
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
    assert [values for _, values in samples.context] == [
        {"total": {"clock_mhz": 1000.0 + number}} for number in (1, 2, 3)
    ]
    assert samples.cut == 0


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "5",
        "[1]",
        '[-1, {"c": {"x": 1}}]',
        '[1, ["x"]]',
        '[1, {"c": 5}]',
        '[1, {"c": {"x": "much"}}]',
        '[1, {"c": {"x": NaN}}]',
        '[1, {"c": {"x": 1e999}}]',
    ],
)
def test_a_context_that_is_none_is_a_line_that_cannot_be_read(
    line: str, tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    journal = Journal(tmp_path / "j.csv", [channel("instant")], {})
    journal.end({})
    with (tmp_path / "j.csv").open("a") as file:
        file.write(f"# context: {line}\n")
    samples = read_samples(tmp_path / "j.csv")
    assert (samples.cut, samples.context) == (1, ())
