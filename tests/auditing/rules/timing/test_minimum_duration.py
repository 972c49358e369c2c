"""minimum-duration: the timed part is long enough to be measured."""

from pathlib import Path

import pytest
from lab_simulator import TrainingForm

from tests.auditing.rules import builders as b

RULE = "minimum-duration"


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Server", "Offline"])
def test_pass_exactly_600_seconds_in_each_scenario(tmp_path: Path, scenario: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, scenario=scenario)), RULE)


def test_pass_a_short_training_run_with_enough_readings(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_fail_a_millisecond_short() -> None:
    run = b.run(b.trace(range(-5, 606)), window=b.window(0, 599.999))
    found = b.judge(b.entry(run), round_name=b.INFERENCE)
    hit = b.assert_found(
        found, RULE, "fail", where="run.json", got="599.999", expected="at least 600"
    )
    assert hit.unit == "s"


def test_fail_four_minutes(tmp_path: Path) -> None:
    found = b.report(b.inference(tmp_path, duration_s=240.0))
    b.assert_found(
        found, RULE, "fail", where="mlperf_log_detail.txt", got="240.000", expected="at least 600"
    )


def test_fail_window_moved_to_idle_before_the_load(tmp_path: Path) -> None:
    """62 s of idle instead of the load: too short a window gives it away."""
    folder = b.inference(tmp_path)
    b.edit_lines(
        b.detail(folder),
        lambda _, line: b.set_mllog(line, value="01-01-2026 00:00:05.000"),
        '"power_begin"',
    )
    b.edit_lines(
        b.detail(folder),
        lambda _, line: b.set_mllog(line, value="01-01-2026 00:01:07.000"),
        '"power_end"',
    )
    b.rehash(folder)
    b.assert_found(
        b.report(folder), RULE, "fail", where="mlperf_log_detail.txt", got="62.000", expected="600"
    )


def test_warn_few_readings_are_a_warning(tmp_path: Path) -> None:
    found = b.report(
        b.training(tmp_path, TrainingForm(interconnect_power_w=9.0), nodes=2, duration_s=40.0)
    )
    hit = b.assert_found(
        found, RULE, "warn", where="power/result_0/", got="in 2 channels", expected="at least 60"
    )
    assert hit.unit == "readings"
    assert found.verdict == "valid"
