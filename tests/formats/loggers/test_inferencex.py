"""A result of InferenceX states an energy and has no readings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UnreadableError
from harness.formats.base import Work
from harness.scoring.score import score
from tests.formats.loggers.logs import (
    read,
    write,
)


def test_inferencex_is_declared(tmp_path: Path) -> None:
    result = {
        "hw": "h200",
        "conc": 4,
        "power_valid": 1,
        "avg_total_gpu_power_w": 2500.0,
        "total_gpu_energy_j": 25_000.0,
        "joules_per_output_token": 2.5,
    }
    entry, run = read(write(tmp_path, "agg.json", json.dumps(result)), "inferencex")
    assert (run.declared_energy_j, run.seconds) == (25_000.0, 10.0)
    assert run.work == Work(10_000, "token")
    assert score(entry, draws=1000).measurement_class == "declared"


@pytest.mark.parametrize(
    ("change", "message"),
    [({"power_valid": 0}, "not valid"), ({"total_gpu_energy_j": None}, "no energy")],
)
def test_inferencex_without_an_energy_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    result = {"conc": 4, "total_gpu_energy_j": 1.0, "joules_per_output_token": 2.5} | change
    with pytest.raises(UnreadableError, match=message):
        read(write(tmp_path, "agg.json", json.dumps(result)), "inferencex")
