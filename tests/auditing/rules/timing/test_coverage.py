"""coverage: the readings cover the window, in every run."""

import shutil
from pathlib import Path

from tests.auditing.rules import builders as b

RULE = "coverage"


def test_pass_whole_window(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path)), RULE)


def test_pass_exactly_the_least_share() -> None:
    run = b.run(b.trace(range(571)), window=b.window(0, 600))
    assert b.of(b.judge(b.entry(run)), RULE) == []


def test_fail_one_reading_less_than_the_least_share() -> None:
    run = b.run(b.trace(range(570)), window=b.window(0, 600))
    hit = b.assert_found(
        b.judge(b.entry(run)),
        RULE,
        "fail",
        where="total.csv",
        got="94.8",
        expected="at least 95",
    )
    assert hit.unit == "% of the window"


def test_fail_log_of_another_hour() -> None:
    run = b.run(b.trace(range(5000, 5601)))
    b.assert_found(
        b.judge(b.entry(run)), RULE, "fail", where="total.csv", got="0.00 %", expected="at least"
    )


def test_fail_only_the_first_reading_kept(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(b.node(folder), lambda n, line: line if n == 0 else None, "power_reading")
    b.assert_found(
        b.report(folder), RULE, "fail", where="result_0/node_0.txt", got="0.00 %", expected="95"
    )


def test_fail_run_without_power_folder(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    shutil.rmtree(folder / "power" / "result_1")
    found = b.report(folder)
    b.assert_found(
        found, RULE, "fail", where="result_1.txt", got="no power trace", expected="one for each run"
    )
    b.assert_found(
        found,
        "evidence-readable",
        "fail",
        where="power/result_1",
        got="power-folder-missing",
        expected="file",
    )


def test_fail_all_stamps_a_year_off(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    year_ms = 365 * 24 * 3600 * 1000
    for run in range(3):
        b.edit(b.node(folder, run), lambda text: _moved(text, -year_ms))
    found = b.report(folder)
    hits = b.of(found, RULE)
    assert [hit.got for hit in hits] == ["0.00 %"] * 3
    assert b.of(found, "clock-zone") == [], "a year is no time zone"
    assert found.verdict == "invalid"


def _moved(text: str, by_ms: int) -> str:
    import json

    lines = []
    for line in text.splitlines():
        time_ms = json.loads(line.removeprefix(":::MLLOG "))["time_ms"]
        lines.append(b.set_mllog(line, time_ms=time_ms + by_ms))
    return "".join(lines)
