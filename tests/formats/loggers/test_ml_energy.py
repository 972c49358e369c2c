"""A result of ML.ENERGY states an energy and has no readings."""

from __future__ import annotations

import json
from pathlib import Path

from harness.formats.base import Work
from harness.scoring.score import score
from tests.formats.loggers.logs import (
    read,
    write,
)


def test_ml_energy_is_declared(tmp_path: Path) -> None:
    result = {
        "model_id": "m",
        "steady_state_energy": 5000.0,
        "steady_state_duration": 10.0,
        "steady_state_energy_per_token": 0.5,
    }
    entry, run = read(write(tmp_path, "results.json", json.dumps(result)), "ml-energy")
    assert (run.declared_energy_j, run.seconds, run.traces) == (5000.0, 10.0, ())
    assert run.work == Work(10_000, "token")
    assert score(entry, draws=1000).measurement_class == "declared"
