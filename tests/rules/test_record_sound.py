"""record-sound: the record of a live run does not contradict itself, its journals, or its workload."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.rules import builders as b
from tests.tampers import native

RULE = "record-sound"


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return native.record(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    shutil.copytree(clean, tmp_path / "work")
    return tmp_path / "work"


def test_pass_as_recorded(folder: Path) -> None:
    b.assert_pass(b.report(folder), RULE)
    b.assert_pass(b.report(folder / "run-2"), RULE)


def test_pass_workload_that_we_do_not_ship_may_ask_for_less(folder: Path) -> None:
    native.each(folder, lambda c: c["entry"].update(benchmark="our own"))
    native.target_lowered(folder)
    b.assert_pass(b.report(folder), RULE)


@pytest.mark.parametrize(
    ("tamper", "where", "got", "expected"),
    [
        (native.duration_lowered, "run-1/run.json", "20 s", "24 s, the length of its window"),
        (native.time_to_train_lowered, "run-1/run.json", "0.36 min to train", "0.4"),
        (native.target_lowered, "run-1/run.json", "a target of 0.9", "0.97, as the workload asks"),
        (native.work_raised, "run-1/run.json", "2 runs of work", "1"),
        (native.scaling_planted, "result", "scaling factor of 0.5", "none"),
        (native.bad_run_called_ranging, "run-2", "role ranging", "timed"),
        (native.incomplete_run_called_complete, "run-1/run.json", "not complete", "incomplete.json"),
        (native.channel_and_journal_removed, "run-1/samples", "no journal of meter", "each meter"),
        (native.samples_deleted, "run-1/run.json", "reads of meter: 121", "91, as its journal holds"),
        (native.played_trace_called_real, "run-1/run.json", "not simulated", "as meter.csv says"),
        (native.clock_step_forgotten, "run-1/run.json", "no clock-step", "that its journal shows"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_fail_record_contradicts(
    folder: Path, tamper: Callable[[Path], None], where: str, got: str, expected: str
) -> None:
    tamper(folder)
    native.restate(folder)
    b.assert_found(b.report(folder), RULE, "fail", where=where, got=got, expected=expected)


def test_fail_run_left_out_is_a_warning(folder: Path) -> None:
    native.run_left_out(folder)
    found = b.report(folder)
    b.assert_found(found, RULE, "warn", where="run-2", got="1 of 3 runs are not here", expected="each run")
    assert found.verdict == "valid", "a run may be left out for a reason"


def test_fail_rest_outside_the_journal_is_a_warning(folder: Path) -> None:
    span = {"start_ns": native.T0_NS, "stop_ns": native.T0_NS + native.NS}
    native.each(folder, lambda c: c["facts"].update(idle={"before": span}))
    b.assert_found(b.report(folder), RULE, "warn", where="run", got="idle time before the run outside", expected="it")


def test_fail_no_live_run_is_a_skip() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606)))))
    b.assert_found(found, RULE, "skip", where="result", got="no live run", expected="record")
