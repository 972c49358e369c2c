"""Training to a target, and any program: seeds, windows, quality, and logs without a result."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import api
from harness.core.errors import UsageError
from harness.live.measure import RecordedRun, measure
from harness.live.plan import Settings, plan_command, plan_workload
from harness.live.recording import RunFailed
from harness.runners.workload import find_workload

FAKES = Path(__file__).resolve().parents[1] / "fakes" / "workloads"
DIGITS = Path(__file__).resolve().parents[2] / "workloads" / "digits-training"


def settings(out: Path, repeat: int = 1, **options: str) -> Settings:
    return Settings(
        out=out,
        meters=["estimator"],
        interval_s=0.02,
        idle_s=(0.1, 0.1),
        repeat=repeat,
        options=options,
    )


def train(out: Path, **options: str) -> RecordedRun:
    (done,) = measure(
        plan_workload(find_workload(str(FAKES / "stopping")), settings(out, **options))
    )
    return done


def test_each_run_has_its_seed_and_its_window(tmp_path: Path) -> None:
    runs = list(
        measure(plan_workload(find_workload(str(FAKES / "stopping")), settings(tmp_path, repeat=3)))
    )
    assert [done.run.evidence.recording.logged["seed"] for done in runs] == [1, 2, 3]
    for done in runs:
        assert done.run.window.seconds == pytest.approx(0.3, abs=0.15)
        assert done.run.success is True
        assert (done.run.quality.value, done.run.quality.target) == (0.95, 0.9)
        assert done.outcome.advice == ()


def test_a_target_that_was_not_reached_is_said(tmp_path: Path) -> None:
    aborted, poor = train(tmp_path / "a", how="aborted"), train(tmp_path / "b", how="poor")
    assert aborted.run.success is False
    assert "not reached" in aborted.outcome.advice[0]
    assert "misses the target of 0.9" in poor.outcome.advice[0]
    for folder in ("a", "b"):
        (report,) = api.audit(api.read(tmp_path / folder)).entries
        assert any(finding.rule == "result-valid" for finding in report.findings)
    unjudged = train(tmp_path / "c", how="unjudged")
    assert unjudged.run.quality is None
    assert "states no final quality" in unjudged.outcome.advice[0]


@pytest.mark.parametrize(
    ("how", "word"), [("unstarted", "mark no window"), ("unstopped", "mark no window")]
)
def test_a_log_without_a_window_is_no_run(how: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match=word):
        train(tmp_path, how=how)


def test_only_settings_of_the_workload_are_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such setting.*learning_rate.*how"):
        train(tmp_path, learning_rate="1")


def test_a_program_is_timed_by_the_lines_it_prints(tmp_path: Path) -> None:
    code = (
        "import json, time\n"
        "def line(key, **m):\n"
        "    print(':::MLLOG ' + json.dumps({'key': key, 'time_ms': time.time() * 1000, "
        "'metadata': m}))\n"
        "time.sleep(0.4); line('run_start'); time.sleep(0.3); line('run_stop', "
        "status='success'); time.sleep(0.4)"
    )
    (done,) = measure(plan_command([sys.executable, "-c", code], settings(tmp_path), name="marked"))
    assert done.run.window.seconds == pytest.approx(0.3, abs=0.15)
    assert done.run.evidence.recording.window_from == "run_start and run_stop"
    (whole,) = measure(
        plan_command([sys.executable, "-c", "import time; time.sleep(0.5)"], settings(tmp_path))
    )
    assert whole.run.window.seconds == pytest.approx(0.55, abs=0.25)
    assert whole.run.evidence.recording.window_from == "the life of the program"


def test_a_program_finds_seed_and_log_folder_and_its_own_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere/of/the/user")
    code = (
        "import os; print(os.environ['JOULEMARK_SEED'], os.environ['JOULEMARK_LOG'], "
        "os.environ['PYTHONPATH'])"
    )
    (done,) = measure(plan_command([sys.executable, "-c", code], settings(tmp_path)))
    said = (done.folder / "log" / "output.txt").read_text().split()
    assert said == ["1", str(done.folder / "log"), "/somewhere/of/the/user"]


def digits(folder: Path, *arguments: str) -> list[dict]:
    """The lines of a training of one member, which need not read quite as much as in the
    workload."""
    folder.mkdir()
    command = [sys.executable, str(DIGITS / "train.py"), "--result", str(folder / "r.txt")]
    command += ["--members", "1", "--target", "0.97"]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    subprocess.run([*command, *arguments], check=True, timeout=60, env=os.environ | one_thread)
    return result_lines(folder)


def result_lines(folder: Path) -> list[dict]:
    """Return the lines of the result log of a training."""
    return [
        json.loads(line.removeprefix(":::MLLOG "))
        for line in (folder / "r.txt").read_text().splitlines()
    ]


def value(lines: list[dict], key: str) -> object:
    return next(line["value"] for line in lines if line["key"] == key)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one training: its result log `r.txt` and its checkpoint `c.npz`."""
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("digits") / "a"
    digits(folder, "--seed", "1", "--checkpoint", str(folder / "c.npz"))
    return folder


def test_digits_training_reaches_its_target_and_repeats_with_its_seed(
    trained: Path, tmp_path: Path
) -> None:
    first = result_lines(trained)
    again = digits(tmp_path / "b", "--seed", "1", "--checkpoint", str(tmp_path / "b" / "c.npz"))
    other = digits(tmp_path / "c", "--seed", "2")
    assert (
        value(first, "test_accuracy") >= 0.9
    )  # one member; the committee of the workload reads 98 %
    assert value(first, "samples_to_target") == value(first, "epochs_to_target") * 1077
    assert value(first, "checkpoint_sha256") == value(again, "checkpoint_sha256")
    assert [line["value"] for line in other if line["key"] == "eval_accuracy"] != [
        line["value"] for line in first if line["key"] == "eval_accuracy"
    ]
    keys = [line["key"] for line in first]
    assert keys.index("test_accuracy") > keys.index(
        "run_stop"
    )  # the test is looked at once, after the training


def test_mlperfs_own_parser_reads_the_result_log(trained: Path) -> None:
    parser = pytest.importorskip("mlperf_logging.compliance_checker.mlp_parser")
    lines, errors = parser.parse_file(str(trained / "r.txt"), ruleset="4.0.0")
    assert errors == []
    assert {"run_start", "run_stop", "seed", "eval_accuracy", "block_start"} <= {
        line.key for line in lines
    }


def test_a_checkpoint_that_is_not_the_one_that_was_made_is_refused(trained: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from model import Model; "
        "Model(sys.argv[2], 'ab' * 32)"
    )
    folder = DIGITS.with_name("image-classification")
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(trained / "c.npz")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the checkpoint has SHA-256" in done.stderr
