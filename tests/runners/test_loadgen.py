"""Real LoadGen in its child process: four scenarios, accuracy, calibration, every failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.measure import RecordedRun, measure
from harness.live.plan import Settings, plan_workload
from harness.live.recording import RunFailed
from harness.meters.base import Unavailable
from harness.runners.base import WorkloadFailed
from harness.runners.workload import Workload, find_workload

pytest.importorskip("mlperf_loadgen")

FAKES = Path(__file__).resolve().parents[1] / "fakes" / "workloads"


def run(out: Path, fake: str | Workload, scenario: str, **options: str) -> RecordedRun:
    """One run of a fake workload; the estimator samples, with hardly any idle time."""
    chosen = find_workload(str(FAKES / fake)) if isinstance(fake, str) else fake
    settings = Settings(
        out=out, meters=["estimator"], interval_s=0.05, idle_s=(0.1, 0.1), options=options
    )
    (done,) = measure(plan_workload(chosen, settings, scenario=scenario))
    return done


@pytest.mark.parametrize(
    ("scenario", "options", "unit"),
    [
        ("Offline", {"target_qps": "20000"}, ("sample", "Samples/s")),
        ("SingleStream", {}, ("query", "ms")),
        ("MultiStream", {}, ("query", "ms")),
        ("Server", {"target_qps": "900"}, ("query", "Queries/s")),
    ],
)
def test_all_scenarios_are_valid(
    scenario: str, options: dict[str, str], unit: tuple[str, str], tmp_path: Path
) -> None:
    done = run(tmp_path, "echo", scenario, min_duration_s="1", **options)
    if (
        scenario == "Offline" and not done.outcome.success
    ):  # a machine that is faster than the rate we told
        assert "target_qps" in done.outcome.advice[1]
        return
    assert done.outcome.success is True, done.outcome.advice
    assert done.run.window.seconds >= 0.99
    assert done.run.quality.value == 1.0
    assert (done.run.work.unit, done.run.performance.unit) == unit
    assert done.run.work.count > 60
    values = done.run.evidence.loadgen
    assert values["effective_scenario"] == scenario
    settings = done.run.evidence.extra["settings"]
    assert (settings["qsl_rng_seed"], settings["schedule_rng_seed"]) == (1, 3)
    assert done.run.traces[0].window(done.run.window).t_ns.size >= 10


@pytest.mark.parametrize("scenario", ["Offline", "Server"])
def test_a_calibration_finds_the_rate(scenario: str, tmp_path: Path) -> None:
    """The model waits rather than works: its rate is the same on a machine that others load too."""
    echo = find_workload(str(FAKES / "echo"))
    waiting = dict(echo.spec) | {
        "runner": echo.spec["runner"] | {"environment": {"ECHO_WAIT_S": "0.002"}}
    }
    enough = {"min_queries": "600"} if scenario == "Server" else {}
    done = run(tmp_path, Workload(echo.folder, waiting), scenario, **enough)
    assert done.outcome.success is True, done.outcome.advice
    found = json.loads(
        (done.folder.parent / "prepared" / "calibration" / "child.json").read_text()
    )["settings"]
    (name,) = found
    assert 10 < found[name] < 1.2 * 8 / 0.002  # no more than batches of 8 can give
    assert done.run.evidence.extra["settings"][name] == found[name]


def test_invalid_reaches_the_user_with_advice(tmp_path: Path) -> None:
    done = run(tmp_path, "echo", "Offline", target_qps="10")
    assert done.outcome.success is False
    assert done.run.success is False
    reason, remedy = done.outcome.advice
    assert "INVALID" in reason
    assert "Min duration not satisfied" in reason
    assert "--set target_qps=" in remedy
    assert float(remedy.partition("target_qps=")[2].partition(",")[0]) > 10


@pytest.mark.parametrize(
    ("name", "words", "scenario"),
    [
        ("raising", ("status 70", "ValueError: the tensor has the wrong shape"), "SingleStream"),
        ("raising", ("status 70", "ValueError: the tensor has the wrong shape"), "Server"),
        ("crashing", ("SIGSEGV",), "SingleStream"),
    ],
)
def test_a_crash_is_recorded_and_explained(
    name: str, words: tuple[str, ...], scenario: str, tmp_path: Path
) -> None:
    with pytest.raises(RunFailed) as failed:
        run(tmp_path, name, scenario, target_qps="200")
    told = json.loads((tmp_path / name / scenario / "run-1" / "incomplete.json").read_text())[
        "facts"
    ]["incomplete"]
    for word in words:
        assert word in told
        assert word in str(failed.value)


def test_too_few_queries_are_told_as_such(tmp_path: Path) -> None:
    done = run(tmp_path, "echo", "Server", target_qps="100")
    assert done.outcome.success is False
    assert "Early stopping not satisfied" in done.outcome.advice[0]
    assert "min_queries" in done.outcome.advice[1]


def test_a_poor_model_is_refused_before_it_is_measured(tmp_path: Path) -> None:
    with pytest.raises(WorkloadFailed, match=r"misses its quality target.*0\.5000.*at least 0\.9"):
        run(tmp_path, "wrong", "SingleStream")
    assert not (tmp_path / "wrong" / "SingleStream" / "run-1").exists()


def test_another_model_than_the_spec_names_is_refused(tmp_path: Path) -> None:
    echo = find_workload(str(FAKES / "echo"))
    model = {"name": "echo", "source": "tests", "sha256": "cd" * 32}
    plan = plan_workload(
        Workload(echo.folder, dict(echo.spec) | {"model": model}), Settings(out=tmp_path)
    )
    with pytest.raises(WorkloadFailed, match="not the one that the workload names"):
        list(measure(plan))


@pytest.mark.parametrize(
    ("options", "word"),
    [({"speed": "9"}, "no such setting"), ({"target_qps": "fast"}, "a number above 0")],
)
def test_wrong_settings_are_refused(options: dict[str, str], word: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=word):
        run(tmp_path, "echo", "Offline", **options)
    with pytest.raises(UsageError, match=r"no such scenario.*Offline, SingleStream"):
        run(tmp_path, "echo", "Interactive")


def test_packages_that_are_not_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workload, "missing_packages", lambda _: ["mlcommons-loadgen"])
    with pytest.raises(
        Unavailable, match=r"mlcommons-loadgen.*pip install 'joulemark\[workloads\]'"
    ):
        run(tmp_path, "echo", "Offline")


def test_a_model_too_fast_for_memory_is_refused() -> None:
    from harness.runners.loadgen_child import refuse_too_many_samples

    settings = {"offline_expected_qps": 7e7, "min_duration_ms": 10_000}
    with pytest.raises(SystemExit, match=r"takes 7\.7e\+08 samples, at most 16,000,000 fit"):
        refuse_too_many_samples(settings, None)
    refuse_too_many_samples(settings | {"offline_expected_qps": 1e6}, None)
