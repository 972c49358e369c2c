"""run-count: as many runs are submitted as the benchmark asks for."""

from pathlib import Path

import pytest

from tests.rules import builders as b

RULE = "run-count"


def test_pass_five_runs_of_ssd(tmp_path: Path) -> None:
    found = b.report(b.submitted(tmp_path))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


def test_pass_a_benchmark_that_nobody_knows(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.submitted(tmp_path, benchmark="own", runs=1)), RULE)


@pytest.mark.parametrize(("benchmark", "runs", "needed"), [("ssd", 4, 5), ("bert", 5, 10), ("gpt3", 2, 3)])
def test_fail_runs_left_out(tmp_path: Path, benchmark: str, runs: int, needed: int) -> None:
    found = b.report(b.submitted(tmp_path, benchmark=benchmark, runs=runs))
    b.assert_found(found, RULE, "fail", where=benchmark, got=f"{runs} runs", expected=f"{needed} runs of {benchmark}")


def test_fail_a_run_too_many_is_a_warning(tmp_path: Path) -> None:
    found = b.report(b.submitted(tmp_path, runs=6))
    b.assert_found(found, RULE, "warn", where="ssd", got="6 runs", expected="5 runs")
    assert found.verdict == "valid"


def test_fail_a_simulation_is_a_skip(tmp_path: Path) -> None:
    b.assert_found(b.report(b.training(tmp_path)), RULE, "skip", where="bert", got="3 runs", expected="10 runs")
