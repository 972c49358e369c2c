"""result-valid: the benchmark itself calls the run valid, and it reached its quality target."""

import math
from pathlib import Path

import pytest

from harness.formats.base import Quality
from tests.auditing.rules import builders as b

RULE = "result-valid"


def abort(folder: Path, run: int) -> None:
    b.edit(
        folder / f"result_{run}.txt",
        lambda text: text.replace('"status": "success"', '"status": "aborted"'),
    )


def test_pass_valid_and_above_target(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.inference(tmp_path)), RULE)


def test_pass_exactly_at_the_target(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit(folder / "accuracy/accuracy.txt", lambda text: text.replace("76.076", "75.6954"))
    b.assert_pass(b.report(folder), RULE)


def test_pass_loss_at_or_below_target() -> None:
    run = b.run(b.trace(range(-5, 606)), quality=Quality("eval_loss", 0.925, 0.925))
    b.assert_pass(b.judge(b.entry(run, task="training", benchmark="llama2_70b_lora")), RULE)


def test_fail_loss_above_target() -> None:
    run = b.run(b.trace(range(-5, 606)), quality=Quality("eval_loss", 0.9251, 0.925))
    found = b.judge(b.entry(run, task="training", benchmark="llama2_70b_lora"))
    b.assert_found(
        found, RULE, "fail", where="run.json", got="eval_loss 0.9251", expected="target 0.925"
    )


@pytest.mark.parametrize(("value", "passes"), [(2.0, True), (2.0001, False), (math.nan, False)])
def test_own_workload_says_which_way_is_better(value: float, passes: bool) -> None:
    quality = Quality("bits_per_byte", value, 2.0, better="lower")
    run = b.run(b.trace(range(-5, 606)), quality=quality)
    found = b.judge(b.entry(run, task="training", benchmark="bytes-dense"))
    assert (b.of(found, RULE) == []) is passes


@pytest.mark.parametrize("division", ["open", "closed", ""])
def test_pass_below_the_target_in_the_open_division_alone(division: str) -> None:
    run = b.run(b.trace(range(-5, 606)), quality=Quality("accuracy", 70.1, 75.6954))
    found = b.judge(b.entry(run, task="inference", benchmark="resnet50", division=division))
    if division == "open":
        b.assert_pass(found, RULE)
    else:
        b.assert_found(
            found, RULE, "fail", where="run.json", got="accuracy 70.1", expected="target 75.6954"
        )


@pytest.mark.parametrize("value", ["75.6953", "12.0"])
def test_fail_accuracy_below_target(tmp_path: Path, value: str) -> None:
    folder = b.inference(tmp_path)
    b.edit(folder / "accuracy/accuracy.txt", lambda text: text.replace("76.076", value))
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="run_1/",
        got=f"accuracy {float(value):g}",
        expected="target 75.6954",
    )


def test_fail_loadgen_says_invalid(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(
        b.detail(folder), lambda _, line: b.set_mllog(line, value="INVALID"), '"result_validity"'
    )
    b.rehash(folder)
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="mlperf_log_detail.txt",
        got="INVALID",
        expected="VALID",
    )


def test_warn_loadgen_says_nothing(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    b.edit_lines(b.detail(folder), lambda *_: None, '"result_validity"')
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="detail.txt",
        got="does not say",
        expected="result_validity",
    )


def test_warn_accuracy_log_missing(tmp_path: Path) -> None:
    folder = b.inference(tmp_path)
    (folder / "accuracy/accuracy.txt").unlink()
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="run_1/",
        got="no quality",
        expected="accuracy, target 75.69",
    )


def test_warn_one_aborted_run_is_borne_by_olympic_scoring(tmp_path: Path) -> None:
    folder = b.training(tmp_path, runs=10)
    abort(folder, 4)
    found = b.report(folder)
    b.assert_found(found, RULE, "warn", where="result_4.txt", got="aborted", expected="success")
    assert found.verdict == "valid"


@pytest.mark.parametrize(("runs", "aborted"), [(10, 2), (2, 1), (1, 1)])
def test_fail_more_aborted_runs_than_are_dropped(tmp_path: Path, runs: int, aborted: int) -> None:
    folder = b.training(tmp_path, runs=runs)
    for run in range(aborted):
        abort(folder, run)
    b.assert_found(
        b.report(folder), RULE, "fail", where="result_0.txt", got="aborted", expected="success"
    )


def reached(root: Path, benchmark: str, value: float, **lines: object) -> Path:
    """A training result whose last evaluation has a value; lines: further ones of the result
    log, by key."""
    folder = b.submitted(root, benchmark=benchmark, runs=3, duration_s=40.0)
    for run in range(3):
        path = folder / f"result_{run}.txt"
        b.edit_lines(path, lambda _, line: b.set_mllog(line, value=value), '"eval_accuracy"')
        more = "".join(
            b.set_mllog(':::MLLOG {"time_ms": 1}', key=key, value=said)
            for key, said in lines.items()
        )
        b.edit(path, lambda text, more=more: text + (more or "\n"))
    return folder


@pytest.mark.parametrize(
    ("benchmark", "good", "bad"),
    [
        ("rgat", 0.72, 0.65),
        ("llama31_8b", 3.3, 3.9),
        ("flux1", 0.586, 0.6),
        ("gpt_oss_20b", 3.34, 3.4),
        ("dlrm", 0.8025, 0.8),
        ("rnnt", 0.058, 0.06),
        ("minigo", 0.5, 0.4),
    ],
)
def test_fail_a_benchmark_of_another_round_below_its_target(
    tmp_path: Path, benchmark: str, good: float, bad: float
) -> None:
    b.assert_pass(b.report(reached(tmp_path / "good", benchmark, good)), RULE)
    found = b.report(reached(tmp_path / "bad", benchmark, bad))
    b.assert_found(
        found, RULE, "fail", where="result_0.txt", got=f"{bad:g}", expected=f"target {good:g}"
    )


def test_fail_the_target_of_the_log_where_no_rules_state_one(tmp_path: Path) -> None:
    b.assert_pass(
        b.report(reached(tmp_path / "good", "deepseekv3_671b", 3.5, target_accuracy=3.6)), RULE
    )
    found = b.report(reached(tmp_path / "bad", "deepseekv3_671b", 3.7, target_accuracy=3.6))
    b.assert_found(
        found, RULE, "fail", where="result_0.txt", got="log_perplexity 3.7", expected="target 3.6"
    )


def test_fail_a_log_does_not_lower_the_target_of_the_rules(tmp_path: Path) -> None:
    found = b.report(reached(tmp_path, "llama31_8b", 3.9, target_accuracy=4.0))
    b.assert_found(
        found, RULE, "fail", where="result_0.txt", got="log_perplexity 3.9", expected="target 3.3"
    )


@pytest.mark.parametrize("benchmark", ["own", "deepseekv3_671b"])
def test_warn_a_benchmark_that_nobody_knows(tmp_path: Path, benchmark: str) -> None:
    found = b.report(reached(tmp_path, benchmark, 0.1))
    b.assert_found(
        found,
        RULE,
        "warn",
        where=benchmark,
        got="nothing is known of its target",
        expected="a benchmark",
    )


@pytest.mark.parametrize(
    ("fid", "clip", "missed"),
    [(84.2, 0.166, ""), (90, 0.15, ""), (120, 0.166, "FID 120"), (84.2, 0.05, "CLIP 0.05")],
)
def test_fail_either_metric_of_stable_diffusion(
    tmp_path: Path, fid: float, clip: float, missed: str
) -> None:
    folder = reached(tmp_path, "stable_diffusion", 0.5)
    for run in range(3):
        b.edit_lines(
            folder / f"result_{run}.txt",
            lambda nth, line: both(nth, line, fid, clip),
            '"eval_accuracy"',
        )
    found = b.report(folder)
    if missed:
        target = "target 90" if "FID" in missed else "target 0.15"
        b.assert_found(found, RULE, "fail", where="result_0.txt", got=missed, expected=target)
    else:
        b.assert_pass(found, RULE)


def test_warn_stable_diffusion_without_one_of_its_metrics(tmp_path: Path) -> None:
    folder = reached(tmp_path, "stable_diffusion", 0.5)
    for run in range(3):
        b.edit_lines(
            folder / f"result_{run}.txt",
            lambda _, line: b.set_mllog(
                line, value=84.2, metadata={"metric": "FID", "samples_count": 2048000}
            ),
            '"eval_accuracy"',
        )
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="result_0.txt",
        got="no quality",
        expected="CLIP, target 0.15",
    )


def both(nth: int, line: str, fid: float, clip: float) -> str | None:
    """Two evaluations in place of the first, as its two metrics; none in place of the others."""
    values = {"FID": fid, "CLIP": clip}
    lines = [
        b.set_mllog(line, value=value, metadata={"metric": metric, "samples_count": 2048000})
        for metric, value in values.items()
    ]
    return None if nth else "".join(lines)


def test_fail_native_runs_have_no_olympic_scoring() -> None:
    runs = [b.run(b.trace(range(-5, 606), 400.0 + k), id=f"r{k}", success=k > 0) for k in range(5)]
    found = b.judge(b.entry(*runs, task="training", benchmark="bert"))
    b.assert_found(found, RULE, "fail", where="run.json", got="aborted", expected="success")
