"""Sums of several machines against a true energy that is known by construction."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness import api
from harness.auditing.report import EntryReport
from harness.formats.base import Entry, Run
from harness.formats.run_directory import FORMAT
from harness.formats.run_directory_writer import write_run
from harness.live.merge_ranks import machine_count, merge
from harness.live.sensors.shared_equipment import shared_channel
from harness.scoring.result import Result
from harness.traces.trace import Trace
from tests.live.distributed.true_energy import Machine, readings, true_energy, write_ranks

Scored = Callable[..., tuple[Run, Result, EntryReport]]


@pytest.fixture
def scored(tmp_path: Path, entry_of: Callable[..., Entry]) -> Scored:
    """Merge the ranks of some machines, score and audit the run."""

    def make(machines: Sequence[Machine], shared: Sequence[Trace] = ()) -> tuple:
        folder = tmp_path / "work" / "run-1"
        (tmp_path / "work").mkdir()
        description = {"schema_version": "1.0", "number_of_nodes": len(machines)}
        (tmp_path / "work" / "system.json").write_text(json.dumps(description))
        run = merge(
            write_ranks(folder, entry_of(round="joulemark-2026", task="training"), machines, shared)
        )
        tree = api.read(tmp_path / "work")
        (result,) = api.score(tree)
        (report,) = api.audit(tree).entries
        return run, result, report

    return make


def fleet(count: int) -> list[Machine]:
    """Machines that differ in power, working time and clock."""
    return [
        Machine(
            idle_w=40.0 + 3 * number,
            busy_w=180.0 + 17 * number,
            work=(0.05 * number, 14.0 + 0.4 * (number % 5)),
            ahead_s=(-1) ** number * 1.7 * number,
        )
        for number in range(count)
    ]


def findings(report: EntryReport, rule: str) -> list[str]:
    return [f"{item.status}: {item.got}" for item in report.findings if item.rule == rule]


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_the_sum_of_machines_is_their_true_energy(count: int, scored: Scored) -> None:
    machines = fleet(count)
    truth = true_energy(machines)
    _, result, _ = scored(machines)
    assert result.energy.value == pytest.approx(truth, rel=0.003)
    assert result.energy.low <= truth <= result.energy.high
    assert (result.energy.high - result.energy.low) / truth < 0.02


def test_a_rank_that_works_longer_counts_to_its_end(scored: Scored) -> None:
    machines = [Machine(50, 300, (0, 4)), Machine(50, 300, (0, 9))]
    truth = true_energy(machines)
    run, result, report = scored(machines)
    assert run.window is not None
    assert run.window.seconds == pytest.approx(9, abs=1e-3)
    assert result.energy.value == pytest.approx(truth, rel=0.003)
    ranks = run.evidence.recording.ranks
    assert [(item["window"]["stop_ns"] - item["window"]["start_ns"]) / 1e9 for item in ranks] == [
        4,
        9,
    ]
    assert not findings(report, "rank-windows")


def test_marks_of_rank_0_are_the_common_ones_of_helpers_that_end_with_it(scored: Scored) -> None:
    machines = [Machine(50, 300, (0, 14), marks=(2, 13.5)), Machine(60, 310, (0, 14.5))]
    run, result, report = scored(machines)
    assert run.window is not None
    assert run.window.seconds == pytest.approx(11.5, abs=1e-3)
    assert result.energy.value == pytest.approx(true_energy(machines), rel=0.003)
    assert not findings(report, "rank-windows")


@pytest.mark.parametrize("shares_out", [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("ends_last", [0, 1])
def test_the_interval_holds_the_truth_whatever_the_way_of_a_long_round_trip(
    shares_out: tuple[float, float], ends_last: int, scored: Scored
) -> None:
    stops = [14.0, 14.0]
    stops[ends_last] += 3.0
    machines = [
        Machine(50, 800, (0.0, stops[0])),
        Machine(50, 900, (1.0, stops[1]), round_trip_s=0.6, shares_out=shares_out, ahead_s=9.0),
    ]
    truth = true_energy(machines)
    _, result, _ = scored(machines)
    assert result.energy.low <= truth <= result.energy.high
    assert (result.energy.high - result.energy.low) / truth < 0.06


def test_drift_between_both_comparisons_is_undone_and_in_the_bound(scored: Scored) -> None:
    machines = [Machine(50, 800, (0, 14)), Machine(50, 900, (0.5, 15), drift_s=0.2)]
    run, result, _ = scored(machines)
    assert run.traces[0].channel.edge_bounds_s == pytest.approx((0, 0.2001), rel=1e-3)
    assert run.traces[1].channel.edge_bounds_s == pytest.approx((0.2001, 0), rel=1e-3)
    clock = next(row for row in result.rows if row.term == "clocks of the machines")
    assert clock.share > 0.5
    truth = true_energy(machines)
    assert result.energy.value == pytest.approx(truth, rel=0.003)
    assert result.energy.low <= truth <= result.energy.high


def counter(**more: object) -> dict:
    return {"kind": "counter", "id": "package-0", "boundary": "package"} | more


class VaryingMachine(Machine):
    """A load that varies: steady powers are equal by chance."""

    def energy(self, start_s: float, stop_s: float) -> float:
        return 300 * (stop_s - start_s) + 50 * (np.cos(start_s) - np.cos(stop_s))


@pytest.mark.parametrize(
    "machine",
    [Machine(50, 300, (0, 14), channel=counter()), VaryingMachine(50, 300, (0, 14))],
    ids=["counter", "power"],
)
def test_one_instrument_on_two_machines_counts_once(
    machine: Machine, tmp_path: Path, entry_of: Callable[..., Entry]
) -> None:
    folder = write_ranks(tmp_path / "work" / "run-1", entry_of(), [machine, machine])
    part = folder / "ranks" / "1"
    (run,) = FORMAT.read(part, "rank 1").runs
    read_by_rank_0 = readings(machine, 0)
    later = read_by_rank_0.slice(3, len(read_by_rank_0) - 2)  # another sampler, begun later
    shutil.rmtree(part)
    entry = entry_of(directory=folder.parent, format="joulemark")
    write_run(entry, replace(run, traces=(later,)), part)

    merged = merge(folder)
    assert [trace.channel.part_of for trace in merged.traces] == [
        None,
        merged.traces[0].channel.id,
    ]
    assert machine_count(merged) == 1
    assert [item.code for item in FORMAT.read(folder, "e").defects] == ["counter-twice"]
    (result,) = api.score(api.read(folder))
    assert result.energy.value == pytest.approx(machine.energy(0, 14), rel=0.004)


def test_counters_of_two_machines_with_one_load_are_two(scored: Scored) -> None:
    machines = [Machine(50, 300, (0, 14), channel=counter(calibration_id=f"c{n}")) for n in (0, 1)]
    run, result, _ = scored(machines)
    assert machine_count(run) == 2
    assert result.energy.value == pytest.approx(true_energy(machines), rel=0.004)


def test_a_model_beside_a_measured_machine_has_a_wide_limit_and_the_class_says_so(
    scored: Scored,
) -> None:
    model = {"kind": "estimate", "boundary": "package", "meter": "declared-model"}
    measured = Machine(40, 110, (0, 14))
    modelled = Machine(4, 13, (0, 14), channel=model)  # a model of the processors alone
    truly = Machine(90, 207, (0, 14))  # what the machine with the model really drew
    truth = true_energy([measured, truly])
    _, result, _ = scored([measured, modelled])
    assert result.measurement_class == "modelled"
    assert result.energy.low <= truth <= result.energy.high
    assert "node-1 is modelled, not measured: its part of the interval is wide" in result.notes
    assert result.estimated_share > 0.05


def test_machines_that_are_all_modelled_keep_the_limits_of_their_models(scored: Scored) -> None:
    model = {"kind": "estimate", "meter": "declared-model"}
    machines = [Machine(40, 110, (0, 14), channel=model) for _ in (0, 1)]
    _, result, _ = scored(machines)
    assert not [row for row in result.rows if row.term == "modelled nodes"]
    assert result.energy.value == pytest.approx(true_energy(machines), rel=0.01)


def switch(boundary: str, power_w: float) -> Trace:
    """The trace of shared equipment, as rank 0 records it."""
    machine = Machine(power_w, power_w, (0, 14), channel={"boundary": boundary})
    trace = readings(machine, 9)
    return replace(trace, channel=shared_channel(trace.channel))


def test_a_shared_switch_stands_beside_the_machines(scored: Scored) -> None:
    machines = fleet(3)
    run, result, report = scored(machines, [switch("interconnect", 120.0)])
    assert run.window is not None
    truth = true_energy(machines) + 120.0 * run.window.seconds
    assert result.energy.value == pytest.approx(truth, rel=0.003)
    assert run.traces[1].channel.id == "shared-wall"
    assert run.traces[1].channel.node is None
    assert not findings(report, "interconnect-declared")


def test_a_shared_distributor_contains_the_machines(scored: Scored) -> None:
    machines = fleet(2)
    run, result, report = scored(machines, [switch("pdu", 900.0)])
    assert run.window is not None
    assert result.energy.value == pytest.approx(900.0 * run.window.seconds, rel=0.003)
    assert {trace.channel.part_of for trace in run.traces} == {None, "shared-wall"}
    assert not findings(report, "node-count")


def test_a_rank_with_privileges_measures_what_the_first_rank_only_models(
    tmp_path: Path, entry_of: Callable[..., Entry]
) -> None:
    model = {"kind": "estimate", "boundary": "package", "id": "processors"}
    machines = [
        Machine(5, 20, (0, 14), channel=model),
        Machine(50, 300, (0, 14), channel=counter(update_interval_s=0.001)),
    ]
    folder = tmp_path / "work" / "run-1"
    run = merge(write_ranks(folder, entry_of(), machines, nodes=[0, 0]))
    assert {trace.channel.id: trace.channel.part_of for trace in run.traces} == {
        "node-0-processors": "node-0-package-0",
        "node-0-package-0": None,
    }
    assert machine_count(run) == 1
    (result,) = api.score(api.read(folder))
    assert result.measurement_class == "sensor"
    assert result.energy.value == pytest.approx(14 * 300, rel=0.003)


def test_boards_that_each_rank_sees_alone_are_summed_under_names_of_their_own(
    tmp_path: Path, entry_of: Callable[..., Entry]
) -> None:
    machines = []
    for number in (0, 1):
        subject = {"part": "board", "instance": f"0000:0{number}:00.0", "driver": "nvml"}
        board = {"id": "gpu-0", "boundary": "board", "extra": {"subject": subject}}
        machines.append(Machine(50 + number, 300 + 40 * number, (0, 14), channel=board))
    folder = tmp_path / "work" / "run-1"
    run = merge(write_ranks(folder, entry_of(), machines, nodes=[0, 0]))
    assert [trace.channel.id for trace in run.traces] == ["node-0-gpu-0", "node-0-rank-1-gpu-0"]
    (result,) = api.score(api.read(folder))
    assert result.energy.value == pytest.approx(14 * 640, rel=0.003)
