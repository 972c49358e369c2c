"""reading-values: readings inside the window are numbers above zero."""

from pathlib import Path

import pytest
from lab_simulator import FAILURE_TEXTS, Faults, TrainingForm

from tests.auditing.rules import builders as b

RULE = "reading-values"


def test_pass_all_positive(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


def test_pass_failures_while_ranging(tmp_path: Path) -> None:
    """All real dirt is in the ranging run, which nothing counts."""
    faults = Faults(fail={20 + k: text for k, text in enumerate(FAILURE_TEXTS)})
    found = b.report(b.inference(tmp_path, ranging_faults=faults))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


def test_pass_failure_before_the_window(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, faults=Faults(fail={0: "-1"}))), RULE)


def test_pass_text_that_is_a_number(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, TrainingForm(string_values=True)))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


@pytest.mark.parametrize("text", FAILURE_TEXTS)
def test_fail_a_single_failed_read_is_a_warning(tmp_path: Path, text: str) -> None:
    found = b.report(b.inference(tmp_path, faults=Faults(fail={300: text})))
    hit = b.assert_found(
        found, RULE, "warn", where="run_1/spl.txt", got="reading 301 of the file", expected="none"
    )
    assert f"first: {float(text):.1f}"[:30] in hit.got
    assert {f.rule for f in found.findings if f.status == "fail"} == {"ptd-errors"}, (
        "the PTDaemon complains too"
    )


def test_fail_peaks_replaced_by_minus_one(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(
        b.spl(folder),
        lambda _, line: b.set_watts(line, "-1.000000") if b.watts(line) > 440 else line,
        "Time,",
    )
    b.rehash(folder)
    b.assert_found(
        b.report(folder), RULE, "fail", where="spl.txt", got="negative", expected="at most 0.01"
    )


def test_fail_every_third_reading_negative(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    b.edit_lines(
        b.node(folder),
        lambda n, line: line if n % 3 else b.set_mllog(line, value=-5),
        "power_reading",
    )
    found = b.report(folder)
    hit = b.assert_found(
        found, RULE, "fail", where="result_0/node_0.txt", got="negative (first: -5", expected="none"
    )
    assert int(hit.got.split()[0]) in range(28, 32), "a third of 90 s"


def test_question_zeros_and_words(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    bad = {20: 0, 21: "n/a", 22: None}
    b.edit_lines(
        b.node(folder),
        lambda n, line: b.set_mllog(line, value=bad[n]) if n in bad else line,
        "power_reading",
    )
    b.assert_found(
        b.report(folder),
        RULE,
        "question",
        where="node_0.txt",
        got="2 not a number, 1 zero",
        expected="none",
    )


def test_fail_share_is_of_the_window_and_not_of_a_long_log() -> None:
    value = [400.0] * 2000
    value[1000:1007] = [-1.0] * 7
    run = b.run(b.trace([k - 700.5 for k in range(2000)], value))
    b.assert_found(
        b.judge(b.entry(run)),
        RULE,
        "fail",
        where="total.csv",
        got="7 negative",
        expected="at most 0.01",
    )


def test_fail_counter_that_begins_anew() -> None:
    count = [400.0 * t for t in range(605)]
    count[300:] = [value - count[300] for value in count[300:]]
    trace = b.trace(range(-2, 603), count, "counter", quantity="energy", unit="J")
    b.assert_found(
        b.judge(b.entry(b.run(trace))),
        RULE,
        "fail",
        where="total",
        got="began anew 1 times",
        expected="only rises",
    )


def test_pass_counter_that_wraps_at_its_modulus() -> None:
    count = [(400.0 * t) % 100_000 for t in range(605)]
    trace = b.trace(
        range(-2, 603), count, "counter", quantity="energy", unit="J", counter_modulus_j=100_000.0
    )
    b.assert_pass(b.judge(b.entry(b.run(trace))), RULE)
