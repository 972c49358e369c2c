"""loadgen-summary: LoadGen's logs agree with each other."""

import json
import re
from pathlib import Path

import pytest

from harness.formats.mlperf.loadgen_log import read_detail
from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "loadgen-summary"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_summary_says_invalid(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.summary_says_invalid)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_summary.txt",
        got="Result is INVALID",
        expected="VALID",
    )


def test_fail_window_into_idle(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.window_into_idle)
    b.assert_found(
        found, RULE, "fail", where="mlperf_log_detail.txt", got="an end 61.9", expected="within 10"
    )


def test_fail_window_longer_than_the_work(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.window_longer_than_the_work)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_detail.txt",
        got="a window of 604",
        expected="by LoadGen's own count",
    )


def test_fail_faster_in_the_summary(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.faster_in_the_summary)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_summary.txt",
        got="Samples per second 9",
        expected="as the detail log has it",
    )


def test_fail_faster_in_both(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.faster_in_both)
    b.assert_found(
        found, RULE, "fail", where="mlperf_log_detail.txt", got="a window of 600", expected="300"
    )


def test_fail_accuracy_run_for_power(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.accuracy_run_for_power)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_summary.txt",
        got="Mode AccuracyOnly",
        expected="PerformanceOnly",
    )


def test_fail_other_scenario(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.other_scenario)
    b.assert_found(
        found,
        RULE,
        "fail",
        where="mlperf_log_summary.txt",
        got="Scenario Server",
        expected="Offline",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


def last_answers(seconds: float, longest_s: float) -> t.Edit:
    """A server's rate as of a run whose window is some seconds longer, and its longest latency."""

    def edit(folder: Path) -> None:
        for run in ("ranging", "run_1"):
            begin, end = t.window(folder, run)
            share = (end - begin).total_seconds() / ((end - begin).total_seconds() - seconds)
            for key in ("result_completed_samples_per_sec",):
                b.edit_lines(
                    t.detail(folder, run), lambda _, line, s=share: scaled(line, s), f'"{key}"'
                )
            b.edit(
                t.summary(folder, run),
                lambda text, s=share: re.sub(
                    r"(Completed samples per second *: *)([\d.]+)",
                    lambda m: f"{m[1]}{float(m[2]) * s:.2f}",
                    text,
                ),
            )
            line = (
                f':::MLLOG {{"key": "result_max_latency_ns", "value": '
                f'{round(longest_s * 1e9)}, "time_ms": 1}}\n'
            )
            b.edit(t.detail(folder, run), lambda text, more=line: text + more)
            b.edit(t.summary(folder, run), lambda text: re.sub(r"Max latency.*\n", "", text) + "\n")

    return edit


def scaled(line: str, share: float) -> str:
    return b.set_mllog(line, value=json.loads(line.partition(":::MLLOG ")[2])["value"] * share)


def test_pass_window_ends_with_the_last_answer_of_a_server(tmp_path: Path) -> None:
    """The rate counts to the last query that was given, and the last answers came 23.6 s later."""
    b.assert_pass(t.judged(tmp_path, last_answers(23.617, 112.869), scenario="Server"), RULE)


@pytest.mark.parametrize(
    ("seconds", "longest_s"), [(23.617, 0.2), (130.0, 112.869), (-20.0, 112.869)]
)
def test_fail_window_that_latency_does_not_explain(
    tmp_path: Path, seconds: float, longest_s: float
) -> None:
    found = t.judged(tmp_path, last_answers(seconds, longest_s), scenario="Server")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/mlperf_log_detail.txt",
        got="a window of",
        expected="by LoadGen",
    )


def test_fail_longest_latency_of_the_detail_log_only(tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        last_answers(23.617, 112.869)(folder)
        b.edit(
            t.summary(folder), lambda text: text + "Max latency (ns)                : 200000000\n"
        )

    found = t.judged(tmp_path, edit, scenario="Server")
    b.assert_found(
        found,
        RULE,
        "fail",
        where="summary.txt",
        got="Max latency (ns) 200000000",
        expected="1.12869e+11",
    )


@pytest.mark.parametrize("name", ["90th", "90.0th"])
@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_fail_percentile_in_either_spelling(tmp_path: Path, name: str, factor: float) -> None:
    def edit(folder: Path) -> None:
        values = read_detail(t.detail(folder).read_bytes())[0]
        stated = (
            f"{name} percentile latency (ns) : "
            f"{round(values['result_90.00_percentile_latency_ns'] * factor)}\n"
        )
        b.edit(
            t.summary(folder),
            lambda text: re.sub(r"90th percentile latency.*\n", "", text) + stated,
        )

    found = t.judged(tmp_path, edit, scenario="SingleStream")
    if factor == 1.0:
        b.assert_pass(found, RULE)
    else:
        b.assert_found(
            found,
            RULE,
            "fail",
            where="summary.txt",
            got=f"{name} percentile",
            expected="detail log",
        )
