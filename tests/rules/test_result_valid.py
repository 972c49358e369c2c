"""result-valid: the benchmark itself calls the run valid, and it reached its quality target."""

from pathlib import Path

import pytest

from harness.formats.base import Quality
from tests.rules import builders as b

RULE = "result-valid"


def abort(folder: Path, run: int) -> None:
    b.edit(folder / f"result_{run}.txt", lambda text: text.replace('"status": "success"', '"status": "aborted"'))


def test_pass_valid_and_above_target(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


def test_pass_exactly_at_the_target(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit(folder / "accuracy/accuracy.txt", lambda text: text.replace("76.076", "75.6954"))
    b.assert_pass(b.report(folder), RULE)


def test_pass_loss_at_or_below_target() -> None:
    run = b.run(b.trace(range(-5, 606)), quality=Quality("eval_loss", 0.925, 0.925))
    b.assert_pass(b.judge(b.entry(run, task="training", benchmark="llama2_70b_lora")), RULE)


def test_fail_loss_above_target() -> None:
    run = b.run(b.trace(range(-5, 606)), quality=Quality("eval_loss", 0.9251, 0.925))
    found = b.judge(b.entry(run, task="training", benchmark="llama2_70b_lora"))
    b.assert_found(found, RULE, "fail", where="run.json", got="eval_loss 0.9251", expected="target 0.925")


@pytest.mark.parametrize("value", ["75.6953", "12.0"])
def test_fail_accuracy_below_target(tmp_path: Path, value: str) -> None:
    folder = b.inference(tmp_path)
    b.edit(folder / "accuracy/accuracy.txt", lambda text: text.replace("76.076", value))
    b.assert_found(
        b.report(folder), RULE, "fail", where="run_1/", got=f"accuracy {float(value):g}", expected="target 75.6954"
    )


def test_fail_loadgen_says_invalid(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.detail(folder), lambda _, line: b.set_mllog(line, value="INVALID"), '"result_validity"')
    b.rehash(folder)
    b.assert_found(b.report(folder), RULE, "fail", where="mlperf_log_detail.txt", got="INVALID", expected="VALID")


def test_fail_loadgen_says_nothing_is_a_warning(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.detail(folder), lambda *_: None, '"result_validity"')
    b.assert_found(b.report(folder), RULE, "warn", where="detail.txt", got="does not say", expected="result_validity")


def test_fail_accuracy_log_missing_is_a_warning(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    (folder / "accuracy/accuracy.txt").unlink()
    b.assert_found(b.report(folder), RULE, "warn", where="run_1/", got="no quality", expected="accuracy, target 75.69")


def test_fail_one_aborted_run_is_borne_by_olympic_scoring(tmp_path: Path) -> None:
    folder = b.training(tmp_path, runs=10)
    abort(folder, 4)
    found = b.report(folder)
    b.assert_found(found, RULE, "warn", where="result_4.txt", got="aborted", expected="success")
    assert found.verdict == "valid"


@pytest.mark.parametrize(("runs", "aborted"), [(10, 2), (2, 1), (1, 1)])
def test_fail_more_aborted_runs_than_are_dropped(tmp_path: Path, runs: int, aborted: int) -> None:
    folder = b.training(tmp_path, runs=runs)
    for run in range(aborted):
        abort(folder, run)
    b.assert_found(b.report(folder), RULE, "fail", where="result_0.txt", got="aborted", expected="success")


def test_fail_native_runs_have_no_olympic_scoring() -> None:
    runs = [b.run(b.trace(range(-5, 606), 400.0 + k), id=f"r{k}", success=k > 0) for k in range(5)]
    found = b.judge(b.entry(*runs, task="training", benchmark="bert"))
    b.assert_found(found, RULE, "fail", where="run.json", got="aborted", expected="success")
