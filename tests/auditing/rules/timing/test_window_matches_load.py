"""window-matches-load: the window is where the work was done."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.auditing.rules.timing import window_matches_load
from tests.auditing.rules import builders as b
from tests.tampers import inference as t
from tests.tampers import tiny

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


def resting(share: float) -> tiny.Tamper:
    """The board rests for a share of the first window of a Tiny result."""

    def change(samples: list[float]) -> list[float]:
        begin = round(tiny.MARKERS[1] * tiny.RATE)
        count = round(share * 2500)
        samples[begin + 100 : begin + 100 + count] = [tiny.IDLE_UJ] * count
        return samples

    return lambda folder: tiny.retrace(folder, change)


def test_pass_a_board_that_rests_outside_its_windows(tmp_path: Path) -> None:
    b.assert_pass(tiny.judged(tmp_path, resting(0.009)), RULE)


def test_warn_a_board_that_rests_inside_a_window(tmp_path: Path) -> None:
    (found,) = b.of(tiny.judged(tmp_path, resting(0.02)), RULE)
    assert b.outcome(found) == "warn"
    assert found.location is not None
    assert found.location.run == "window-2"
    assert found.got == "2.0 % of the window near the 0.001 W of idle"
    assert found.expected == "at most 1"
