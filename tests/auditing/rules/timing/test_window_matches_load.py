"""window-matches-load: the window is where the work was done."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.auditing.rules.timing import window_matches_load
from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "window-matches-load"


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E", "two_analyzers"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


def test_warn_long_rest_in_the_window(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.long_rest_in_the_window)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="mlperf_log_detail.txt",
        got="of the window near the",
        expected="at most 5",
    )


def test_warn_work_before_the_window(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.work_before_the_window)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="mlperf_log_detail.txt",
        got="before the window",
        expected="at most 30",
    )


def test_skip_no_session() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606))), round=b.INFERENCE))
    b.assert_found(
        found, RULE, "skip", where="result", got="no files of a power session", expected="logs"
    )


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0])
)
def test_levels_are_quantiles(value: list[float], share: float) -> None:
    assert window_matches_load._quantile(share, np.array(value)) == pytest.approx(
        float(np.quantile(value, share)), abs=1e-9
    )
