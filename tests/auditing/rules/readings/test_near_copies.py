"""near-copies: no trace is another one moved in time, thinned, cut or scaled."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lab_simulator import NODE_METER, TrainingForm

from harness import api
from tests.auditing.rules import builders as b

RULE = "near-copies"
SWITCH = TrainingForm(interconnect_power_w=500.0)


def readings(path: Path) -> list[str]:
    return [
        line
        for line in path.read_text("utf-8").splitlines(keepends=True)
        if "power_reading" in line
    ]


def moved(folder: Path, source: int, target: int, share: float = 1.0) -> None:
    """The log of one run serves another: moved to its time, maybe scaled."""
    old = b.first_ms(b.node(folder, target))
    shutil.copy(b.node(folder, source), b.node(folder, target))
    b.shift_log(b.node(folder, target), (old - b.first_ms(b.node(folder, target))) / 1000, share)


def test_pass_runs_and_nodes_of_their_own(tmp_path: Path) -> None:
    b.assert_pass(b.report(b.training(tmp_path, SWITCH, nodes=4)), RULE)


def test_pass_logs_that_overlap_in_time(tmp_path: Path) -> None:
    """The same meter at the same time, as in the back-to-back runs of a real package."""
    folder = b.training(tmp_path, runs=2)
    both = readings(b.node(folder, 0)) + readings(b.node(folder, 1))
    for run in (0, 1):
        b.node(folder, run).write_text("".join(both if run == 0 else both[40:]), "utf-8")
    b.assert_pass(b.report(folder), RULE)


def test_pass_whole_copies_are_told_by_another_rule(tmp_path: Path) -> None:
    found = b.report(b.training(tmp_path, replace(SWITCH, copied_nodes=True), nodes=2))
    b.assert_pass(found, RULE)
    assert b.of(found, "duplicate-traces")


def test_pass_machines_at_rest_alike(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    for run in range(3):
        b.edit_lines(
            b.node(folder, run),
            lambda k, line: b.set_mllog(line, value=2200 + k % 3),
            "power_reading",
        )
    assert not [
        f for f in b.of(b.report(folder), RULE) if f.status == "fail" and "one for" in f.got
    ]


def test_pass_real_submissions(real_data: Path) -> None:
    for found in api.audit(real_data / "mlperf-training-v4.0").entries:
        b.assert_pass(found, RULE)


@pytest.mark.parametrize("seed", range(4))
def test_pass_no_false_alarm_in_the_simulator(tmp_path: Path, seed: int) -> None:
    """Six runs on six nodes: 630 pairs of traces for each seed."""
    b.assert_pass(
        b.report(b.training(tmp_path, SWITCH, nodes=6, runs=6, seed=seed, duration_s=70.0)), RULE
    )


def test_fail_one_log_moved_to_all_runs(tmp_path: Path) -> None:
    folder = b.training(tmp_path)
    for target in (1, 2):
        moved(folder, 0, target)
    found = b.report(folder)
    hit = b.assert_found(
        found, RULE, "fail", where="/node_0.txt", got="3 traces of this kind", expected="each node"
    )
    assert "s later (100% of the shorter log)" in hit.got


def test_fail_half_a_log_from_another_run(tmp_path: Path) -> None:
    folder = b.training(tmp_path, runs=2)
    lines, given = readings(b.node(folder, 1)), readings(b.node(folder, 0))
    half = [
        b.set_mllog(line, value=json.loads(other.split(":::MLLOG ")[1])["value"])
        for line, other in zip(lines[20:95], given[10:85], strict=True)
    ]
    b.node(folder, 1).write_text("".join(lines[:20] + half + lines[95:]), "utf-8")
    b.assert_found(
        b.report(folder), RULE, "fail", where="/node_0.txt", got="readings of", expected="each"
    )


def test_fail_thinned_to_every_second_reading(tmp_path: Path) -> None:
    folder = b.training(
        tmp_path, runs=2, duration_s=180.0, meter=replace(NODE_METER, interval_s=0.5)
    )
    given = readings(b.node(folder, 0))[::2]
    last = b.first_ms(b.node(folder, 1))
    lines = [b.set_mllog(line, time_ms=last + 1000 * k) for k, line in enumerate(given)]
    b.node(folder, 1).write_text("".join(lines), "utf-8")
    b.assert_found(
        b.report(folder), RULE, "fail", where="/node_0.txt", got="one for", expected="each node"
    )


@pytest.mark.parametrize("share", [0.97, 1.1, 0.5])
def test_fail_scaled_and_rounded_is_a_warning(tmp_path: Path, share: float) -> None:
    folder = b.training(tmp_path)
    moved(folder, 0, 2, share)
    found = b.report(folder)
    hit = b.assert_found(
        found, RULE, "warn", where="result_", got="correlation of the steps", expected="each"
    )
    factor = float(hit.got.split("times ")[1].split()[0])
    assert min(abs(factor - share), abs(factor - 1 / share)) < 0.01
    assert not [f for f in b.of(found, RULE) if f.status == "fail"]


def test_warn_one_node_scaled_to_another(tmp_path: Path) -> None:
    folder = b.training(tmp_path, SWITCH, nodes=2, runs=1)
    shutil.copy(b.node(folder, 0, 0), b.node(folder, 0, 1))
    b.shift_log(b.node(folder, 0, 1), 0.003, 1.013)
    b.assert_found(
        b.report(folder),
        RULE,
        "warn",
        where="result_0/node_",
        got="result_0/node_",
        expected="each node",
    )


def test_fail_between_entries(tmp_path: Path) -> None:
    one, two = (
        b.training(tmp_path / "a", runs=1),
        b.training(tmp_path / "b", runs=1, submitter="Other", seed=9),
    )
    old = b.first_ms(b.node(two))
    shutil.copy(b.node(one), b.node(two))
    b.shift_log(b.node(two), (old - b.first_ms(b.node(two))) / 1000 + 1)
    found = api.audit([tmp_path / "a", tmp_path / "b"]).entries
    assert [report.verdict for report in found] == ["invalid", "invalid"]
    b.assert_found(
        found[0],
        RULE,
        "fail",
        where="node_0.txt",
        got="/Other/results/sim-1/bert/power/",
        expected="each",
    )


def test_fail_does_not_depend_on_order() -> None:
    noise = np.random.default_rng(1)
    one = b.trace(range(-5, 606), 400 + noise.normal(0, 20, 611).round(1))
    entries = [b.entry(b.run(one), id="e1"), b.entry(b.run(b.shifted(one, 7.0)), id="e2")]
    forward = {f.got for f in b.of(b.judge(*entries), RULE)}
    assert forward == {f.got for f in b.of(b.judge(*entries[::-1][::-1]), RULE)}
    backward = b.judge(*entries[::-1])
    assert [f.status for f in b.of(backward, RULE)] == ["fail"]
    assert "+7.000 s later" in b.of(backward, RULE)[0].got


def test_warn_copy_with_noise_at_another_time() -> None:
    load = np.random.default_rng(3)
    course = 400 + load.normal(0, 20, 611)
    one = b.trace(range(-5, 606), course.round(1))
    noisy = b.trace(range(-5, 606), (course * (1 + load.normal(0, 0.01, 611))).round(1))
    entries = [b.entry(b.run(one), id="e1"), b.entry(b.run(b.shifted(noisy, 7000.0)), id="e2")]
    (finding,) = b.of(b.judge(*entries), RULE)
    assert finding.status == "warn"
    assert "nearly the course of" in finding.got


def test_pass_alike_at_the_same_time() -> None:
    """Nodes that run together are alike; only another time makes a copy of them."""
    load = np.random.default_rng(3)
    course = 400 + load.normal(0, 20, 611)
    one = b.trace(range(-5, 606), course.round(1))
    noisy = b.trace(range(-5, 606), (course * (1 + load.normal(0, 0.01, 611))).round(1))
    entries = [b.entry(b.run(one), id="e1"), b.entry(b.run(noisy), id="e2")]
    assert [f.status for f in b.of(b.judge(*entries), RULE)] == []
