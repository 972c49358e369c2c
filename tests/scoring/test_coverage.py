"""Intervals of `score` cover the true realised energy as often as stated.

JCGM 101; docs/explanation/methodology.md, sections 2 and 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from lab_simulator import simulate_window

from harness.formats.base import Run
from harness.scoring.score import score
from harness.traces.channel import Accuracy
from harness.traces.clean import build_trace
from harness.traces.trace import Window

CLOCK_SIGMA_S = 0.02
LIMITS = {"mean": (0.1, 0.5), "instant": (0.1, 0.5), "counter": (0.1, 0.5), "estimate": (10.0, 0.0)}
"""Declared limits of the meter: % of reading, and W."""


@pytest.mark.parametrize(
    ("sessions", "least"), [(150, 0.89), pytest.param(400, 0.91, marks=pytest.mark.long)]
)
@pytest.mark.parametrize("kind", LIMITS)
def test_interval_of_one_run_covers_the_truth(
    kind: str, sessions: int, least: float, channel: Callable, entry_of: Callable
) -> None:
    """60 s at 1 Hz: meter and clock drawn within what they declare. Binomial bounds of so many
    sessions round 95 %."""
    reading_pct, range_w = LIMITS[kind]
    accuracy = Accuracy(reading_limit_pct=reading_pct, range_limit_w=range_w, source="test")
    declared = channel(kind, accuracy=accuracy, clock_error_s=CLOCK_SIGMA_S, resolution=0.1)
    covered, errors = 0, []
    for seed in range(sessions):
        recording, truth = simulate_window(
            kind,
            seed=seed,
            reading_limit_rel=reading_pct / 100,
            range_limit_w=range_w,
            clock_sigma_s=CLOCK_SIGMA_S,
        )
        trace = build_trace(declared, recording.t_ns, recording.value)
        run = Run(id="run", window=Window(truth.t0_ns, truth.t1_ns), traces=(trace,))
        found = score(entry_of(run), draws=20_000).energy
        covered += found.low <= truth.energy_j <= found.high
        errors.append(found.value / truth.energy_j - 1)
    # an instant does not show when within an interval load steps, and has to allow for all of it
    most = 1.0 if kind in ("instant", "estimate") else 0.99
    assert least <= covered / sessions <= most
    assert abs(np.mean(errors)) < 4 * np.std(errors) / np.sqrt(sessions) + (
        1e-3 if kind == "instant" else 5e-5
    )
