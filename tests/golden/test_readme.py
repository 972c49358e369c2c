"""The README is short, and its table shows what the commands compute from published results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import harness
from harness.render.numbers import estimate_text
from harness.scoring.score import Result

README = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
MAX_WORDS = 700


def shown_rows() -> list[list[str]]:
    """Cells of the table of published results."""
    table = README.split("<!-- published results -->")[1].split("\n\n")[1]
    lines = table.strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def row_of(result: Result) -> list[str]:
    """Cells of one result, as the README shows it."""
    entry = result.entry
    scenario = "" if entry.task == "training" else f" {entry.id.rsplit('/', 1)[-1]}"
    name = f"{entry.submitter}, {entry.system}, {entry.benchmark}{scenario}"
    published = result.compat.get("mlperf_inference") or result.compat["mlperf_training_v4.0"]
    return [
        name,
        figure(published["value"], published["unit"]),
        estimate_text(result.energy_per_unit),
    ]


def figure(value: float, unit: str) -> str:
    """Write a figure with six significant digits, or as whole joules."""
    decimals = 0 if unit == "J" else max(0, 5 - len(str(int(value))) + 1)
    return f"{value:,.{decimals}f} {unit}"


def test_readme_is_short() -> None:
    assert len(re.findall(r"\S+", README)) <= MAX_WORDS


def test_published_results_are_those_shown(real_data: Path) -> None:
    computed = [row_of(result) for result in harness.score(harness.read(real_data))]
    for row in shown_rows():
        assert row in computed


@pytest.mark.parametrize(
    ("value", "text"), [(4954.0315, "4,954.03 J/s"), (29.23899, "29.2390 J/s")]
)
def test_figures_have_six_digits(value: float, text: str) -> None:
    assert figure(value, "J/s") == text
