"""plan-kept: runs that are missing, added or of another plan are noticed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from tests.auditing.rules import builders as b
from tests.signing import live

RULE = "plan-kept"


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(
        out=tmp_path_factory.mktemp("planned"), meters=("estimator",), idle_s=(0, 0), repeat=3
    )
    plan = plan_command((sys.executable, "-c", "pass"), settings, name="work")
    list(measure(plan))
    return plan.entry.directory


@pytest.fixture
def entry(planned: Path, tmp_path: Path) -> Path:
    shutil.copytree(planned, tmp_path / "work")
    return tmp_path / "work"


def test_pass_the_planned_runs(entry: Path) -> None:
    b.assert_pass(b.report(entry), RULE)
    b.assert_pass(b.report(entry / "run-1"), RULE)


def test_skip_runs_without_a_plan(tmp_path: Path) -> None:
    report = b.report(live.record(tmp_path / "live").parent)
    b.assert_found(report, RULE, "skip", where="result", got="no plan", expected="before")


@pytest.mark.parametrize("worst", ["run-1", "run-3"])
def test_fail_a_run_that_was_dropped(worst: str, entry: Path) -> None:
    shutil.rmtree(entry / worst)
    b.assert_found(
        b.report(entry), RULE, "fail", where="plan.json", got="2 runs", expected="3 that were"
    )


def test_fail_a_run_that_was_added(entry: Path) -> None:
    shutil.copytree(entry / "run-3", entry / "run-4")
    b.assert_found(
        b.report(entry), RULE, "fail", where="plan.json", got="4 runs", expected="3 that were"
    )


def test_fail_a_plan_that_was_changed_afterwards(entry: Path) -> None:
    shutil.rmtree(entry / "run-3")
    plan = json.loads((entry / "plan.json").read_bytes())
    (entry / "plan.json").write_text(json.dumps(plan | {"runs": 2}))
    b.assert_found(b.report(entry), RULE, "fail", where="run-1", got="plan", expected="lies there")


def test_fail_a_plan_that_is_gone(entry: Path) -> None:
    (entry / "plan.json").unlink()
    b.assert_found(b.report(entry), RULE, "fail", where="plan.json", got="", expected="the runs")
