"""window-present: the timed window is stated, and it ends after it begins."""

from pathlib import Path

from tests.auditing.rules import builders as b

RULE = "window-present"


def test_pass_both_stamps(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


def test_pass_first_start_and_last_stop_of_a_training_log(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_fail_detail_log_truncated_before_power_end(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit(b.detail(folder), lambda text: text[: text.index('"power_end"')])
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/mlperf_log_detail.txt",
        got="no start and stop",
        expected="stamps",
    )
    assert b.of(found, "coverage") == [], "no window, so nothing to cover: one finding says it"


def test_fail_power_begin_is_no_time(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(
        b.detail(folder), lambda _, line: b.set_mllog(line, value="yesterday"), '"power_begin"'
    )
    found = b.report(folder)
    b.assert_found(
        found, RULE, "fail", where="mlperf_log_detail.txt", got="no start and stop", expected="both"
    )
    b.assert_found(
        found,
        "evidence-readable",
        "fail",
        where="mlperf_log_detail.txt",
        got="yesterday",
        expected="file",
    )


def test_fail_run_stop_missing_from_one_training_log(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(folder / "result_1.txt", lambda *_: None, '"run_stop"')
    found = b.report(folder)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="result_1.txt",
        got="no start and stop",
        expected="log of the same run",
    )
    assert len(b.of(found, RULE)) == 1


def test_fail_stop_before_start() -> None:
    run = b.run(b.trace(range(-5, 605)), window=b.window(600, 0))
    b.assert_found(
        b.judge(b.entry(run)), RULE, "fail", where="run.json", got="-600", expected="above 0"
    )
