"""record-matches-log: the record of a live run says what the log of its workload says."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness import api
from harness.formats.base import Entry
from harness.formats.mlperf import loadgen_log
from harness.live.recording import create_run_directory, finalise
from harness.runners.base import Outcome
from harness.traces.trace import Window
from tests.auditing.rules import builders as b
from tests.tampers import native

RULE = "record-matches-log"
BEFORE_NS = 5 * native.NS


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return native.record(tmp_path_factory.mktemp("training"))


@pytest.fixture(scope="module")
def loadgen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run under LoadGen, recorded around the log of a simulated session."""
    root = tmp_path_factory.mktemp("loadgen")
    log = b.detail(b.inference(root / "session", duration_s=24.0))
    values, _ = loadgen_log.read_detail(log.read_bytes())
    window = loadgen_log.window(values, str(log))
    assert window is not None
    entry = Entry(
        id="work",
        directory=root / "work",
        format="joulemark",
        round=b.OWN,
        task="inference",
        submitter="Tree Labs",
        system="box",
        benchmark="own",
        scenario="Offline",
    )
    folder = entry.directory / "run-1"
    create_run_directory(folder, entry)
    (folder / "log").mkdir()
    shutil.copy(log, folder / "log" / log.name)
    native.write_journal(
        folder / "samples" / "meter.csv", native.wall_channel(), window.start_ns - BEFORE_NS, 1
    )
    outcome = Outcome(
        window=window,
        seconds=window.seconds,
        success=True,
        work=loadgen_log.work(values, "Offline", window.seconds),
        performance=loadgen_log.performance(values, "Offline"),
        facts={"values": values},
    )
    finalise(folder, entry, outcome, {})
    return entry.directory


def copy(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to / "work")
    return to / "work"


def test_pass_training_as_recorded(training: Path) -> None:
    b.assert_pass(b.report(training), RULE)


def test_pass_loadgen_as_recorded(loadgen: Path) -> None:
    b.assert_pass(b.report(loadgen), RULE)


def test_pass_program_that_marks_no_window(training: Path, tmp_path: Path) -> None:
    """The life of the program is the window; what it printed says nothing of it."""
    folder = copy(training, tmp_path)
    for run in native.runs(folder):
        (path,) = (run / "log").iterdir()
        path.write_text("done\n")
        path.rename(path.with_name("output.txt"))
        native.document(run, lambda c: c["facts"].update(window_from="the life of the program"))
        native.document(
            run, lambda c: c.update(quality=None, facts={k: c["facts"][k] for k in KEPT})
        )
    b.assert_pass(b.report(folder), RULE)


KEPT = ("sampler", "idle", "window_from")


def test_fail_window_of_the_record_is_shorter(training: Path, tmp_path: Path) -> None:
    folder = copy(training, tmp_path)
    native.window_cut(folder)
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="run-1/run.json",
        got="stop of the window",
        expected="says",
    )


def test_fail_quality_of_the_record_is_better(training: Path, tmp_path: Path) -> None:
    folder = copy(training, tmp_path)
    native.quality_raised(folder)
    found = b.report(folder)
    b.assert_found(
        found, RULE, "fail", where="run-2/run.json", got="test_accuracy 0.999", expected="0.977"
    )


def test_fail_log_is_of_no_run(training: Path, tmp_path: Path) -> None:
    folder = copy(training, tmp_path)
    b.edit(
        folder / "run-1" / "log" / "result_1.txt",
        lambda text: text.replace("run_start", "run_begin"),
    )
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="run-1/log/result_1.txt",
        got="no window",
        expected="this run",
    )


def test_fail_log_removed(training: Path, tmp_path: Path) -> None:
    folder = copy(training, tmp_path)
    native.log_removed(folder)
    native.restate(folder)
    b.assert_found(b.report(folder), RULE, "fail", where="run-1", got="no log", expected="log/")


def test_warn_block_of_python_has_no_log(training: Path, tmp_path: Path) -> None:
    folder = copy(training, tmp_path)
    native.logs_removed_and_called_a_block(folder)
    native.each(folder, lambda content: content["entry"].update(benchmark="my-step"))
    native.restate(folder)
    b.assert_found(b.report(folder), RULE, "warn", where="run-1", got="no log", expected="log/")


@pytest.mark.parametrize(("field", "said"), [("work", "work"), ("performance", "performance")])
def test_fail_record_counts_more_than_loadgen(
    loadgen: Path, tmp_path: Path, field: str, said: str
) -> None:
    folder = copy(loadgen, tmp_path)
    key = "count" if field == "work" else "value"
    native.each(folder, lambda c: c[field].update({key: c[field][key] * 1.1}))
    b.assert_found(
        b.report(folder),
        RULE,
        "fail",
        where="run.json",
        got=f"{said} ",
        expected="mlperf_log_detail.txt",
    )


def test_fail_invalid_run_of_loadgen_called_success(loadgen: Path, tmp_path: Path) -> None:
    folder = copy(loadgen, tmp_path)
    path = folder / "run-1" / "log" / "mlperf_log_detail.txt"
    b.edit_lines(path, lambda _, line: b.set_mllog(line, value="INVALID"), '"result_validity"')
    b.assert_found(
        b.report(folder), RULE, "fail", where="run-1", got="success True", expected="False"
    )


def test_skip_no_live_run() -> None:
    found = b.judge(b.entry(b.run(b.trace(range(-5, 606)))))
    b.assert_found(found, RULE, "skip", where="result", got="no live run", expected="log")


def test_a_live_run_is_judged_by_our_round_whatever_it_states(training: Path) -> None:
    (entry,) = api.read(training).entries
    found = b.judge(replace(entry, round="mlperf-training-v4.0"))
    assert found.round == b.OWN
    assert found.notes == (f"recorded by joulemark; judged by {b.OWN}, whatever round it states",)
    assert b.judge(entry, round_name="mlperf-training-v4.0").round == "mlperf-training-v4.0", (
        "an auditor may ask"
    )
    assert entry.runs[0].window == Window(
        native.T0_NS + 3603 * native.NS, native.T0_NS + 3627 * native.NS
    )
