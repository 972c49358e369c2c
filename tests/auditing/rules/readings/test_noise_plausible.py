"""noise-plausible: readings that were smoothed, rounded, cut off, made up or stretched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.auditing.rules import builders as b

RULE = "noise-plausible"
Floats = NDArray[np.float64]
READINGS, REST = 240, 60
T0_NS = 1_767_607_200_000_000_000
SECOND = 10**9


def write(tmp_path: Path, value: Floats, seconds: Floats) -> Path:
    """Write a CSV trace of a wall meter; the first and last REST readings are rest."""
    stamps = T0_NS + np.round(seconds * 1e9).astype(np.int64)
    header = {
        "schema_version": "1.0",
        "id": "wall",
        "quantity": "power",
        "unit": "W",
        "kind": "mean",
        "boundary": "wall",
        "calibration_id": "x",
        "accuracy": {"reading_limit_pct": 1, "source": "x"},
        "nominal_interval_s": 1,
        "run": {
            "benchmark": "w",
            "task": "training",
            "window": {
                "start": str(np.datetime64(int(stamps[REST]), "ns")) + "Z",
                "stop": str(np.datetime64(int(stamps[-REST]), "ns")) + "Z",
            },
            "work": {"count": 1, "unit": "run"},
            "success": True,
        },
    }
    rows = [f"{t},{v!r}" for t, v in zip(stamps.tolist(), value.tolist(), strict=True)]
    folder = tmp_path / "entry"
    folder.mkdir()
    text = "\n".join([f"# joulemark-trace: {json.dumps(header)}", "t_ns,power_w", *rows, ""])
    (folder / "run-1.csv").write_text(text)
    return folder


def honest() -> tuple[Floats, Floats]:
    """Readings of a noisy load, three digits behind the point, with stamps that jitter."""
    rng = np.random.default_rng(7)
    value = np.round(300 + rng.normal(0, 6, READINGS), 3)
    return value, np.arange(READINGS) + rng.normal(0, 0.002, READINGS)


def test_pass_noise_of_a_meter(tmp_path: Path) -> None:
    b.assert_pass(b.report(write(tmp_path, *honest())), RULE)


def box(value: Floats) -> Floats:
    return np.convolve(value, np.ones(7) / 7, "same")


def followed(value: Floats) -> Floats:
    smooth = value.copy()
    for i in range(1, len(value)):
        smooth[i] = smooth[i - 1] + 0.25 * (value[i] - smooth[i - 1])
    return smooth


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda v: np.full_like(v, 300.5), "all 121 readings"),
        (lambda v: np.minimum(v, np.quantile(v, 0.9)), "are the highest one"),
        (lambda v: np.maximum(v, np.quantile(v, 0.1)), "are the lowest one"),
        (lambda v: np.round(v / 2) * 2, "multiples of 2 W"),
        (lambda v: box(box(v)), "the readings were smoothed"),
    ],
    ids=["constant", "cut above", "cut below", "rounded", "smoothed"],
)
def test_warn_changed_readings(
    tmp_path: Path, change: Callable[[Floats], Floats], got: str
) -> None:
    value, seconds = honest()
    report = b.report(write(tmp_path, change(value), seconds))
    b.assert_found(report, RULE, "warn", where="wall", got=got, expected="noise as a meter")
    assert report.verdict == "valid"


@pytest.mark.parametrize("first_half_only", [True, False])
def test_warn_stretched_time(tmp_path: Path, first_half_only: bool) -> None:
    value, seconds = honest()
    steps = np.diff(seconds, prepend=seconds[0] - 1)
    stop = READINGS // 2 if first_half_only else READINGS - REST
    steps[REST + 1 : stop] *= 0.9
    report = b.report(write(tmp_path, value, np.cumsum(steps)))
    b.assert_found(report, RULE, "warn", where="wall", got="the interval of", expected="noise")


def test_pass_just_below_each_limit(tmp_path: Path) -> None:
    """One reading in thirty at the highest one, a step of 1 W at 300 W, intervals 3 % apart."""
    value, seconds = honest()
    value = np.round(value)
    steps = np.diff(seconds, prepend=seconds[0] - 1)
    steps[REST + 1 : READINGS // 2] *= 0.97
    b.assert_pass(b.report(write(tmp_path, value, np.cumsum(steps))), RULE)
