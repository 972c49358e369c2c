"""power-arithmetic: power is voltage times current times power factor."""

from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import inference as t

RULE = "power-arithmetic"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_fail_power_of_a_line_only(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.power_of_a_line_only)
    b.assert_found(found, RULE, "fail", where="spl.txt, line 301", got="1 of", expected="0.01")


def test_fail_halve_both_traces(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.halve_both_traces)
    b.assert_found(found, RULE, "fail", where="ranging/spl.txt", got="against", expected="equal within")


def test_fail_no_session_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(found, RULE, "skip", where="result", got="no files of a power session", expected="logs")
