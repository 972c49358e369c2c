"""MLPerf Tiny's metric: the printed median, unless the printed windows contradict it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.formats.base import Entry, Work
from harness.formats.evidence import Evidence, TinyEvidence
from harness.scoring.mlperf_metrics import mlperf_metrics
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


def test_without_a_number_of_inferences_there_is_no_median() -> None:
    metric = mlperf_metrics(tiny(203.368, inferences=0), (), 0.95)["mlperf_tiny"]
    assert (metric["value"], metric["unit"]) == (None, "uJ")
    assert "how many inferences" in metric["note"]
