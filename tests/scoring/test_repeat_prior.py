"""The prior of single runs on rounds that it was not fitted to."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.repeats import held_out, read_pairs

PAIRS = Path(__file__).resolve().parents[3] / "shared/facts/mlperf_inference_repeats.csv"
SMALL_ROUND = 20
"""Pairs below which the coverage of a round says little."""


def test_intervals_hold_the_pairs_of_rounds_left_out() -> None:
    if not PAIRS.is_file():
        pytest.skip(f"no published pairs beside the checkout: {PAIRS}")
    rows = held_out(read_pairs(PAIRS), 0.95)
    assert sum(count for _, count, _, _ in rows) == 1960
    for name, count, _, coverage in rows:
        if count >= SMALL_ROUND:
            assert 0.93 <= coverage <= 0.9702, (name, coverage)
