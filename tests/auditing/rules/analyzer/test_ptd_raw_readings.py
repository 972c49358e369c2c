"""ptd-raw-readings: the trace is what the analyzer sent."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-raw-readings"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


@pytest.mark.parametrize("end", ["\r\r\n", "\r\n\r\n", "\n\n"])
def test_pass_blank_lines_of_a_windows_director(end: str, tmp_path: Path) -> None:
    folder = b.inference(tmp_path, analyzers="WT333E")
    path = t.power(folder, "ptd_logs.txt")
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", end.encode()))
    b.rehash(folder)
    b.assert_pass(b.report(folder), RULE)


@pytest.mark.parametrize("lacks", [1, 2, 40, 130, 4000])
def test_warn_log_that_ends_in_the_last_readings(lacks: int, tmp_path: Path) -> None:
    """The server copied ptd_logs.txt while the PTDaemon held a buffer of it:
    `...PF,0.978200`, `Time,02-25-2025 15:`"""
    found = t.judged(tmp_path, lambda folder: t.cut_log(folder, lacks))
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got="server.log holds all",
        expected="all that was sent",
    )
    assert found.verdict == "valid"
    assert len(b.of(found, RULE)) == 1


def test_pass_log_that_ends_after_the_last_reading(tmp_path: Path) -> None:
    b.assert_pass(t.judged(tmp_path, lambda folder: t.cut_log(folder, 0)), RULE)


@pytest.mark.parametrize("analyzer", [1, 2])
def test_warn_log_of_either_analyzer_may_end_early(analyzer: int, tmp_path: Path) -> None:
    """In the merged file the next analyzer's banner follows in the middle of a line."""
    found = t.judged(
        tmp_path, lambda f: t.cut_log(f, 600, analyzer=analyzer, of=2), analyzers="two_analyzers"
    )
    b.assert_found(
        found,
        RULE,
        "warn",
        where="ptd_logs.txt",
        got=f"of analyzer {analyzer}, ",
        expected="all",
    )
    assert found.verdict == "valid"
    assert [f.status for f in b.of(found, "ptd-replies")] == ["warn"]


def test_fail_log_that_ends_early_and_no_other_that_holds_all(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.cut_without_a_copy)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="never sent",
        expected="as ptd_logs.txt has it",
    )
    assert {f.status for f in b.of(found, RULE)} == {"fail"}


def test_fail_reading_before_the_cut_is_another(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.cut_after_an_edit)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt, line 301",
        got="are in server.log only",
        expected="as ptd_logs.txt",
    )


def test_question_more_lacks_than_a_buffer(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.cut_far_too_early)
    assert found.verdict == "questioned"
    b.assert_found(
        found,
        RULE,
        "question",
        where="ptd_logs.txt",
        got="server.log holds all",
        expected="all that was sent",
    )


@pytest.mark.parametrize(
    ("number", "version"), [("1.1", "1.9.2"), ("2.1", "1.9.2"), ("3.0", "1.10.0")]
)
def test_skip_round_without_a_second_copy(number: str, version: str, tmp_path: Path) -> None:
    found = t.judged(tmp_path, lambda folder: t.of_round(folder, number, version))
    b.assert_found(
        found,
        RULE,
        "skip",
        where="performance/power",
        got="asked for none",
        expected="one to compare",
    )
    assert (found.round, found.verdict) == (f"mlperf-inference-v{number}", "valid")


@pytest.mark.parametrize("number", ["3.1", "4.1", "5.1"])
def test_fail_replies_left_out_in_a_round_that_has_them(number: str, tmp_path: Path) -> None:
    found = t.judged(tmp_path, lambda folder: t.of_round(folder, number))
    for rule, where in ((RULE, "server.log"), ("ptd-replies", "server.json")):
        assert {f.status for f in b.of(found, rule) if where in f.where} == {"fail"}


def test_fail_old_round_stated_of_a_session_that_has_replies(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.other_round_stated)
    assert found.round == "mlperf-inference-v3.0"
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="never sent",
        expected="as ptd_logs.txt has it",
    )


def test_fail_scale_testing_a_little(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.scale_testing_a_little)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/spl.txt",
        got="readings were never sent",
        expected="as ptd_logs.txt has it",
    )


def test_fail_swap_two_readings(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.swap_two_readings)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="spl.txt, line 301",
        got="2 of 619",
        expected="as ptd_logs.txt has it",
    )


def test_fail_cut_the_last_minute(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.cut_the_last_minute)
    b.assert_found(
        found, RULE, "fail", where="run_1/spl.txt", got="no line; 0 of", expected="readings"
    )


def test_fail_raw_reply_left_out(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.raw_reply_left_out)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="power/server.log",
        got="0 replies with the readings of testing",
        expected="1, one from each",
    )


def test_fail_empty_raw_log(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.empty_raw_log)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="power/ptd_logs.txt",
        got="0 replies",
        expected="1, one from each",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


@pytest.mark.parametrize(("fewer", "statuses"), [(2, []), (3, ["fail"])])
def test_spl_txt_of_several_analyzers_lacks_few_unpaired_readings(
    fewer: int, statuses: list[str], tmp_path: Path
) -> None:
    """They are stopped in turn, the first a reading later here: 3 are no finding."""

    def shorten(folder: Path) -> None:
        path = t.spl(folder)
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-fewer]))

    found = t.judged(tmp_path, shorten, analyzers="two_analyzers")
    assert [f.status for f in b.of(found, RULE) if f.status != "pass"][:1] == statuses
