"""trace-matches-log: trace and log are of one session."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.auditing.report import Finding
from tests.auditing.rules import builders as b
from tests.tampers import tiny

RULE = "trace-matches-log"


def findings(root: Path, tamper: tiny.Tamper) -> list[Finding]:
    return b.of(tiny.judged(root, tamper), RULE)


def late(seconds: float) -> tiny.Tamper:
    """Each command is noted so long after its window began."""
    return lambda folder: (folder / "energy" / "log.txt").write_text(tiny.log_text(seconds))


@pytest.mark.parametrize("late_s", [-0.24, 0.0, 0.24])
def test_pass_a_log_that_is_a_little_late(late_s: float, tmp_path: Path) -> None:
    b.assert_pass(tiny.judged(tmp_path, late(late_s)), RULE)


@pytest.mark.parametrize("late_s", [-0.26, 0.26, 3.0])
def test_question_windows_that_begin_at_other_times(late_s: float, tmp_path: Path) -> None:
    found = findings(tmp_path, late(late_s))
    assert {b.outcome(item) for item in found} == {"question"}
    runs = [item.location.run for item in found if item.location]
    assert runs == [f"window-{2 * k + 2}" for k in range(5)]
    assert f"begins {-late_s:+.3f} s from" in found[0].got
    assert found[0].expected == "within 0.25 s"


@pytest.mark.parametrize(("longer_s", "count"), [(0.14, 0), (-0.14, 0), (0.16, 1), (-0.16, 1)])
def test_question_a_command_that_took_longer_or_shorter(
    longer_s: float, count: int, tmp_path: Path
) -> None:
    done_s = tiny.TRACE_ON_S + tiny.MARKERS[2] + 0.02

    def tamper(folder: Path) -> None:
        old, new = f"{done_s:09.3f} io: [dut]: m-infer-done", f"{done_s + longer_s:09.3f}"
        tiny.edit(folder, "log.txt", old, f"{new} io: [dut]: m-infer-done")

    found = findings(tmp_path, tamper)
    assert len(found) == count
    for item in found:
        assert item.got == f"a window of 2.500 s, {-longer_s:+.3f} s of its command in the log"


def test_question_samples_that_the_log_does_not_count(tmp_path: Path) -> None:
    def tamper(change: Callable[[Path], None]) -> tiny.Tamper:
        def both(folder: Path) -> None:
            tiny.trials(folder)
            change(folder)

        return both

    b.assert_pass(tiny.judged(tmp_path / "clean", tamper(lambda _: None)), RULE)
    (found,) = findings(
        tmp_path / "other",
        tamper(lambda folder: tiny.edit(folder, "log.txt", "samples:4500", "samples:4501", 1)),
    )
    assert (found.got, found.expected) == ("4500 samples", "4501, as the log counts")


def test_skip_a_log_without_times(tmp_path: Path) -> None:
    found = tiny.judged(tmp_path, lambda folder: tiny.edit(folder, "log.txt", "m-infer", "m-x"))
    b.assert_found(
        found, RULE, "skip", where="energy/log.txt", got="no times", expected="each window"
    )
