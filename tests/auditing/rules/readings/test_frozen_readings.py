"""frozen-readings: readings change and do not recur."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "frozen-readings"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_warn_frozen_meter(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.frozen_meter)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="spl.txt, line 201",
        got="30 readings in a row",
        expected="at most 12",
    )


def test_warn_repeat_low_readings(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.repeat_low_readings)
    b.assert_found(
        found, RULE, "warn", where="spl.txt, line", got="that came before", expected="at most 3"
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )
