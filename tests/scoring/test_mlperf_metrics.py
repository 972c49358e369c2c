"""MLPerf Tiny's metric: the printed median, unless the printed windows contradict it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.formats.base import Entry, Work
from harness.formats.evidence import Evidence, TinyEvidence
from harness.scoring.mlperf_metrics import mlperf_metrics, training_node_energy
from tests.scoring.test_score import entry

ENERGIES_UJ = (406_709.24, 406_735.38, 406_946.54, 406_739.87, 406_709.33)
"""Published windows of 2,000 inferences; their median is 203.36769 uJ, printed 203.368."""


def tiny(median_uj: float | None, inferences: int = 2000) -> Entry:
    plain = entry("a", *[1.0] * 5)
    runs = tuple(
        replace(
            run,
            work=Work(inferences, "query") if inferences else None,
            evidence=Evidence(
                tiny=TinyEvidence(energy_uj=energy, per_inference_uj=0.0, median_uj=median_uj)
            ),
        )
        for run, energy in zip(plain.runs, ENERGIES_UJ, strict=True)
    )
    return replace(plain, runs=runs)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (203.368, 203.368),
        (203.367, 203.36769),
        (203.3682, 203.3682),
        (203.3684, 203.36769),
        (190.0, 203.36769),
        (None, 203.36769),
    ],
)
def test_the_printed_median_stands_where_the_windows_have_it(
    printed: float | None, expected: float
) -> None:
    metric = mlperf_metrics(tiny(printed), (), 0.95)["mlperf_tiny"]
    assert metric == {"value": pytest.approx(expected, abs=1e-9), "unit": "uJ"}


NS = 10**9


@pytest.mark.parametrize(
    ("stop_ns", "stop_position", "expected"),
    [
        # (1 * 100 + 1 * 200) J in the 2 s up to the marker, and in the log's 4 s without one
        (2 * NS, 2, (150.0, 150.0)),
        (None, None, (1000 / 4, 1000 / 4)),
        (2 * NS, None, (1000 / 4, 150.0)),
    ],
    ids=["marked", "without a marker", "without its position"],
)
def test_energy_of_a_node_ends_at_the_stop_marker(
    stop_ns: int | None, stop_position: int | None, expected: tuple[float, float]
) -> None:
    """Readings at 1, 2, 3 and 4 s of a log that goes on after its run."""
    t_ns = np.array([1, 2, 3, 4]) * NS
    power_w = np.array([100.0, 200.0, 300.0, 400.0])
    found = training_node_energy(t_ns, power_w, 0, stop_ns, stop_position, 1.0)
    assert found == pytest.approx(expected)


def test_readings_out_of_order_count_as_they_stand_in_v4_0_and_sorted_today() -> None:
    t_ns = np.array([2, 1, 3]) * NS
    power_w = np.array([200.0, 100.0, 300.0])
    found = training_node_energy(t_ns, power_w, 0, 3 * NS, None, 1.0)
    assert found == pytest.approx(((2 * 200 - 100 + 2 * 300) / 3, (100 + 200 + 300) / 3))


def test_without_a_number_of_inferences_there_is_no_median() -> None:
    metric = mlperf_metrics(tiny(203.368, inferences=0), (), 0.95)["mlperf_tiny"]
    assert (metric["value"], metric["unit"]) == (None, "uJ")
    assert "how many inferences" in metric["note"]
