"""power-log-date: the power log was recorded during the run."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "power-log-date"
YEAR_S = 365 * 86400


def test_pass_a_log_of_the_run(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_pass_a_time_zone_is_told_by_another_rule(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    for run in range(3):
        b.shift_log(b.node(folder, run), -5 * 3600)
    found = b.report(folder)
    b.assert_pass(found, RULE)
    assert len(b.of(found, "clock-zone")) == 3


@pytest.mark.parametrize(
    ("shift_s", "said"), [(-YEAR_S, "-365.000 days"), (YEAR_S, "+365.000 days"), (500, "+49")]
)
def test_fail_a_log_of_another_time(tmp_path: Path, shift_s: float, said: str) -> None:
    folder = b.training(tmp_path)
    b.shift_log(b.node(folder, 1), shift_s)
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="result_1/node_0.txt",
        got=said,
        expected="readings between",
    )


def test_fail_a_switch_log_of_last_year(tmp_path: Path) -> None:
    form = TrainingForm(switch_power_w=691.0, switch_clock_s=-float(YEAR_S))
    found = b.report(b.training(tmp_path, form, nodes=2))
    b.assert_found(
        found, RULE, "fail", where="result_0/sw_0.txt", got="in 1 of 3 logs", expected="between"
    )
