"""conversion-efficiency: a declared efficiency is one that a supply can have."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "conversion-efficiency"


def test_pass_none_is_declared(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


@pytest.mark.parametrize("efficiency", [0.7, 0.8, 0.94, 0.96, 1.0])
def test_pass_efficiency_of_a_supply(tmp_path: Path, efficiency: float) -> None:
    b.assert_pass(b.report(b.training(tmp_path, TrainingForm(conversion_eff=efficiency))), RULE)


def test_warn_low_efficiency(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(conversion_eff=0.5)))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="result_0/node_0.txt",
        got="conversion efficiency 0.5",
        expected="0.7 to 1",
    )
    assert found.verdict == "valid"


@pytest.mark.parametrize("efficiency", [1.01, 1.7, 0.0, -1.0])
def test_fail_efficiency_that_no_supply_has(tmp_path: Path, efficiency: float) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(conversion_eff=efficiency)))
    got = f"conversion efficiency {efficiency:g}, in 1 logs"
    b.assert_found(
        found, RULE, "fail", where="result_2/node_0.txt", got=got, expected="from 0.7 to 1"
    )
