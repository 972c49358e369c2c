"""ptd-uncertainty-check: the PTDaemon checks its uncertainty from before the ranging run."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-uncertainty-check"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_uncertainty_check_off(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.uncertainty_check_off)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="ptd_logs.txt",
        got="no line that uncertainty checking",
        expected="one",
    )


def test_fail_check_off_in_a_round_that_only_warned_of_uncertain_readings(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        t.of_round(folder, "2.1", "1.9.2")
        t.uncertainty_check_off(folder)

    found = t.judged(tmp_path, edit)
    assert found.round == "mlperf-inference-v2.1"
    b.assert_found(found, RULE, "fail", where="ptd_logs.txt", got="no line", expected="one")
