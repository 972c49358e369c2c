"""ptd-commands: the analyzer was asked what the power workflow asks."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "ptd-commands"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_ranges_by_hand(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.ranges_by_hand)
    b.assert_found(found, RULE, "fail", where="server.json", got="A range asked for testing: 1.0", expected="1.1 times")


def test_fail_slow_sampling(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.slow_sampling)
    b.assert_found(found, RULE, "fail", where="server.json", got="Go,5000", expected="Go,1000")


def test_fail_refused_range(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.refused_range)
    b.assert_found(
        found, RULE, "fail", where="server.json", got="Error: range not available", expected="Range V changed"
    )


def test_fail_second_go(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.second_go)
    b.assert_found(found, RULE, "fail", where="server.json", got="_testing, Go", expected="_ranging")


def test_fail_ranges_not_restored(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.ranges_not_restored)
    b.assert_found(found, RULE, "warn", where="server.json", got="SR,A,5", expected="SR,A,Auto")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
