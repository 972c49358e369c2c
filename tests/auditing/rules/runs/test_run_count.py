"""run-count: as many runs are submitted as the benchmark asks for."""

from pathlib import Path

import pytest

from tests.auditing.rules import builders as b

RULE = "run-count"


def test_pass_five_runs_of_ssd(tmp_path: Path) -> None:
    found = b.report(b.submitted(tmp_path))
    b.assert_pass(found, RULE)
    assert found.verdict == "valid"


@pytest.mark.parametrize("benchmark", ["own", "gpt_oss_20b"])
def test_warn_a_benchmark_that_nobody_knows(tmp_path: Path, benchmark: str) -> None:
    found = b.report(b.submitted(tmp_path, benchmark=benchmark, runs=1))
    b.assert_found(
        found,
        RULE,
        "warn",
        where=benchmark,
        got="nothing is known",
        expected="runs the training rules",
    )


def test_pass_a_training_of_ones_own() -> None:
    run = b.run(b.trace(range(-5, 606)))
    b.assert_pass(b.judge(b.entry(run, task="training"), round_name=b.TRAINING), RULE)


@pytest.mark.parametrize(
    ("benchmark", "runs", "needed"),
    [
        ("ssd", 4, 5),
        ("bert", 5, 10),
        ("gpt3", 2, 3),
        ("rgat", 5, 10),
        ("llama31_8b", 2, 10),
        ("flux1", 2, 10),
        ("deepseekv3_671b", 2, 3),
        ("dlrm", 4, 5),
        ("rnnt", 5, 10),
        ("maskrcnn", 4, 5),
        ("minigo", 5, 10),
    ],
)
def test_fail_runs_left_out(tmp_path: Path, benchmark: str, runs: int, needed: int) -> None:
    found = b.report(b.submitted(tmp_path, benchmark=benchmark, runs=runs))
    b.assert_found(
        found,
        RULE,
        "fail",
        where=benchmark,
        got=f"{runs} runs",
        expected=f"{needed} runs of {benchmark}",
    )


def test_warn_a_run_too_many(tmp_path: Path) -> None:
    found = b.report(b.submitted(tmp_path, runs=6))
    b.assert_found(found, RULE, "warn", where="ssd", got="6 runs", expected="5 runs")
    assert found.verdict == "valid"


def test_skip_a_simulation(tmp_path: Path) -> None:
    b.assert_found(
        b.report(b.training(tmp_path)), RULE, "skip", where="bert", got="3 runs", expected="10 runs"
    )
