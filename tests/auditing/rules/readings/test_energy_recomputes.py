"""energy-recomputes: a declared energy is what the readings give."""

import math
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b

RULE = "energy-recomputes"
ENERGY_J = 400.0 * 600


def declare(energy_j: float | None) -> b.EntryReport:
    return b.judge(b.entry(b.run(b.trace(range(-5, 606)), declared_energy_j=energy_j)))


def test_pass_what_the_readings_give() -> None:
    b.assert_pass(declare(ENERGY_J), RULE)


def test_pass_within_a_millionth() -> None:
    b.assert_pass(declare(ENERGY_J * (1 + 0.9e-6)), RULE)


@pytest.mark.parametrize("said", [ENERGY_J * (1 - 1.1e-6), 0.0, -ENERGY_J, math.nan, math.inf])
def test_fail_another_number(said: float) -> None:
    found = declare(said)
    hit = b.assert_found(
        found,
        RULE,
        "fail",
        where="run.json",
        got="240000 J recomputed",
        expected="equal within 1e-06",
    )
    assert hit.got.startswith(f"{said:.9g} J declared")


def test_fail_declared_without_readings() -> None:
    found = b.judge(b.entry(b.run(declared_energy_j=5.0)))
    b.assert_found(
        found, RULE, "fail", where="run.json", got="5 J declared, nothing", expected="equal within"
    )


def test_skip_nothing_declared(tmp_path: Path) -> None:
    b.assert_found(
        b.report(b.inference(tmp_path)),
        RULE,
        "skip",
        where="runs",
        got="no declared",
        expected="compare",
    )
