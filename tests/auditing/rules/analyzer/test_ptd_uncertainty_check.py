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


def test_fail_check_that_is_activated_after_the_ranging_run_began(tmp_path: Path) -> None:
    """The line stands behind the first Go, so the ranging run was not checked."""

    def edit(folder: Path) -> None:
        path = t.power(folder, "ptd_logs.txt")
        lines = path.read_text("utf-8").splitlines(keepends=True)
        moved = [line for line in lines if line.rstrip().endswith("is activated")]
        kept = [line for line in lines if line not in moved]
        path.write_text("".join([*kept, *moved]), "utf-8")

    found = t.judged(tmp_path, edit)
    b.assert_found(found, RULE, "fail", where="ptd_logs.txt", got="no line", expected="one")


def test_fail_log_without_a_ranging_run(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        path = t.power(folder, "ptd_logs.txt")
        path.write_text(path.read_text("utf-8").replace("_ranging'", "_testing'"), "utf-8")

    found = t.judged(tmp_path, edit)
    b.assert_found(
        found, RULE, "fail", where="ptd_logs.txt", got="no Go of the ranging", expected="a Go"
    )


def test_fail_check_that_was_switched_off(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        path = t.power(folder, "ptd_logs.txt")
        path.write_text(path.read_text("utf-8").replace("is activated", "is deactivated"), "utf-8")

    found = t.judged(tmp_path, edit)
    b.assert_found(found, RULE, "fail", where="ptd_logs.txt", got="no line", expected="one")
