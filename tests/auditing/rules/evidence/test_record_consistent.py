"""record-consistent: a live run's record contradicts neither itself nor journals nor workload."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import native

RULE = "record-consistent"


def test_pass_as_recorded(recorded: Path) -> None:
    b.assert_pass(b.report(recorded), RULE)
    b.assert_pass(b.report(recorded / "run-2"), RULE)


def test_fail_the_other_direction_is_called_better(recorded: Path) -> None:
    """An accuracy of 0.5 reaches a target of 0.97 where less is better."""
    native.each(recorded, lambda c: c["quality"].update(better="lower"))
    native.restate(recorded)
    b.assert_found(
        b.report(recorded),
        RULE,
        "fail",
        where="run-1/run.json",
        got="lower test_accuracy is better",
        expected="higher, as the workload says",
    )


def several_trainings(folder: Path, count: float, logged: float) -> None:
    """Each run did several trainings, as its log counts them; the record may say otherwise."""

    def restate(content: dict[str, Any]) -> None:
        content["facts"]["trainings"] = logged
        content["work"]["count"] = count
        content["performance"]["value"] = native.WORK_S / 60 / logged

    native.each(folder, restate)


def test_pass_a_run_of_two_trainings_has_the_time_of_one(recorded: Path) -> None:
    several_trainings(recorded, 2.0, 2.0)
    b.assert_pass(b.report(recorded), RULE)


def test_fail_more_work_than_the_log_counts_trainings(recorded: Path) -> None:
    several_trainings(recorded, 3.0, 2.0)
    b.assert_found(
        b.report(recorded),
        RULE,
        "fail",
        where="run-1/run.json",
        got="3 runs of work",
        expected="2, as the log counts them",
    )
    assert b.of(b.report(recorded), "record-matches-log"), "the log counts one"


def test_pass_workload_that_we_do_not_ship_may_ask_for_less(recorded: Path) -> None:
    native.each(recorded, lambda c: c["entry"].update(benchmark="our own"))
    native.target_lowered(recorded)
    b.assert_pass(b.report(recorded), RULE)


@pytest.mark.parametrize(
    ("tamper", "where", "got", "expected"),
    [
        (native.duration_lowered, "run-1/run.json", "20 s", "24 s, the length of its window"),
        (native.time_to_train_lowered, "run-1/run.json", "0.36 min to train", "0.4"),
        (native.target_lowered, "run-1/run.json", "a target of 0.9", "0.97, as the workload asks"),
        (native.work_raised, "run-1/run.json", "2 runs of work", "1"),
        (native.scaling_planted, "result", "scaling factor of 0.5", "none"),
        (native.bad_run_called_ranging, "run-2", "role ranging", "timed"),
        (
            native.incomplete_run_called_complete,
            "run-1/run.json",
            "not complete",
            "incomplete.json",
        ),
        (native.channel_and_journal_removed, "run-1/samples", "no journal of meter", "each meter"),
        (
            native.samples_deleted,
            "run-1/run.json",
            "reads of meter: 121",
            "91, as its journal holds",
        ),
        (native.played_trace_called_real, "run-1/run.json", "not simulated", "as meter.csv says"),
        (native.clock_step_forgotten, "run-1/run.json", "no clock-step", "that its journal shows"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_fail_record_contradicts(
    recorded: Path, tamper: Callable[[Path], None], where: str, got: str, expected: str
) -> None:
    tamper(recorded)
    native.restate(recorded)
    b.assert_found(b.report(recorded), RULE, "fail", where=where, got=got, expected=expected)


def test_warn_run_left_out(recorded: Path) -> None:
    native.run_left_out(recorded)
    found = b.report(recorded)
    b.assert_found(
        found, RULE, "warn", where="run-2", got="1 of 3 runs are not here", expected="each run"
    )
    assert found.verdict == "valid", "a run may be left out for a reason"


def test_warn_rest_outside_the_journal(recorded: Path) -> None:
    span = {"start_ns": native.T0_NS, "stop_ns": native.T0_NS + native.NS}
    native.each(recorded, lambda c: c["facts"].update(idle={"before": span}))
    b.assert_found(
        b.report(recorded),
        RULE,
        "warn",
        where="run",
        got="idle time before the run outside",
        expected="it",
    )


def test_skip_no_live_run() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606)))))
    b.assert_found(found, RULE, "skip", where="result", got="no live run", expected="record")
