"""Notes that warn of what no interval holds: sampling, late stamps, clocks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.formats.base import Entry, Run
from harness.scoring.score import score
from harness.traces.trace import Trace, Window

Notes = Callable[[Trace, Window], str]
MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]


@pytest.fixture
def notes(entry_of: Callable[..., Entry]) -> Callable[[Trace, Window], str]:
    """Return the notes of a result of one run."""

    def words(trace: Trace, window: Window) -> str:
        run = Run(id="run_1", window=window, traces=(trace,), success=True)
        return "\n".join(score(entry_of(run), draws=1_000).notes)

    return words


def block(begin: int, end: int, until: int = 80) -> list[float]:
    return [400.0 if begin <= second < end else 100.0 for second in range(until)]


def test_instants_warn_of_what_lies_between_them(
    notes: Notes, trace: MakeTrace, window: MakeWindow
) -> None:
    text = notes(trace(range(80), block(10, 70), "instant"), window(10, 70))
    assert "instant readings, one in 1 s: peaks between two of them" in text
    assert "the interval does not hold that error" in text


def test_halves_that_disagree_warn_of_aliasing(
    notes: Notes, trace: MakeTrace, window: MakeWindow
) -> None:
    value = np.where(np.arange(80) % 2, 400.0, 300.0).tolist()
    text = notes(trace(range(80), value, "instant"), window(10, 70))
    assert "every second reading differs from those between" in text
    assert "peaks between" not in text  # one warning of sampling is enough


def test_means_warn_of_nothing(notes: Notes, trace: MakeTrace, window: MakeWindow) -> None:
    found = notes(trace(range(1, 81), block(10, 70), clock_error_s=0.01), window(10, 70))
    assert "does not hold" not in found


@pytest.mark.parametrize("kind", ["mean", "instant"])
def test_only_instants_may_alias(
    kind: str, notes: Notes, trace: MakeTrace, window: MakeWindow
) -> None:
    """Means that alternate are the load; and so are instants whose halves agree."""
    value = np.where(np.arange(80) % 2, 400.0, 300.0) if kind == "mean" else np.full(80, 300.0)
    text = notes(trace(range(80), value.tolist(), kind), window(10, 70))
    assert "every second reading" not in text


@pytest.mark.parametrize(
    ("late_s", "clock_error_s", "warns"),
    [
        pytest.param(0.5, 0.01, True, id="late"),
        pytest.param(-1.0, 0.01, True, id="stamped at the begin"),
        pytest.param(0.5, 0.3, False, id="within what the clock may be off"),
        pytest.param(0.5, None, False, id="unknown clock"),
    ],
)
def test_load_beside_its_window_is_noted(
    late_s: float,
    clock_error_s: float | None,
    warns: bool,
    notes: Notes,
    trace: MakeTrace,
    window: MakeWindow,
) -> None:
    stamps = np.arange(1, 81) + late_s
    text = notes(trace(stamps, block(10, 70), clock_error_s=clock_error_s), window(10, 70))
    side = "later" if late_s > 0 else "earlier"
    assert (f"the readings show the load {abs(late_s):.1g} s {side} than the window" in text) is (
        warns
    )
