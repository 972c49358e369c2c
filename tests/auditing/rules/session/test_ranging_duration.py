"""ranging-duration: ranging and testing took the same time."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import inference as t

RULE = "ranging-duration"


def ranging_of(share: float, round_number: str = "4.1") -> Callable[[Path], None]:
    """A ranging run whose window is a share of what it was; the testing run stays."""

    def edit(folder: Path) -> None:
        if round_number != "4.1":
            t.of_round(folder, round_number, "1.9.2" if round_number < "3" else "1.10.0")
        begin, end = t.window(folder, "ranging")
        duration = timedelta(seconds=(end - begin).total_seconds() * share)
        b.edit_lines(
            t.detail(folder, "ranging"),
            lambda _, line: b.set_mllog(line, value=t.stamp(begin + duration)),
            '"power_end"',
        )

    return edit


@pytest.mark.parametrize("analyzers", ["WT210", "WT333E"])
def test_pass_a_clean_session(tmp_path: Path, analyzers: str) -> None:
    b.assert_pass(b.report(b.inference(tmp_path, analyzers=analyzers)), RULE)


@pytest.mark.parametrize("number", ["1.1", "2.0", "2.1", "3.0"])
@pytest.mark.parametrize("share", [0.952, 0.999])
def test_pass_within_five_percent(share: float, number: str, tmp_path: Path) -> None:
    b.assert_pass(t.judged(tmp_path, ranging_of(share, number)), RULE)


@pytest.mark.parametrize("number", ["1.1", "2.0", "2.1", "3.0"])
def test_fail_more_than_five_percent_up_to_v3_0(number: str, tmp_path: Path) -> None:
    found = t.judged(tmp_path, ranging_of(0.94, number))
    assert found.round == f"mlperf-inference-v{number}"
    b.assert_found(
        found,
        RULE,
        "fail",
        where="run_1/mlperf_log_detail.txt",
        got="differ by 6.0",
        expected="at most 5 % of the longer run",
    )


def test_pass_any_longer_testing_run_since_v3_1(tmp_path: Path) -> None:
    b.assert_pass(t.judged(tmp_path, ranging_of(0.3)), RULE)


def test_warn_testing_run_shorter_by_half_since_v3_1(tmp_path: Path) -> None:
    found = t.judged(tmp_path, t.short_and_halved)
    b.assert_found(
        found,
        RULE,
        "warn",
        where="run_1/mlperf_log_detail.txt",
        got="testing 240.0",
        expected="at most 50 %",
    )
