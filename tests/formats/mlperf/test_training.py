"""MLPerf training power packages, as the lab simulator and hand-made logs give them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lab_simulator import PERFECT, MeterModel, TrainingForm, write_training

from harness.formats.base import Entry
from harness.formats.discovery import Found, Skipped, find
from harness.formats.mlperf.training import FORMAT
from harness.scoring.result import Result
from harness.scoring.score import score

PERFECT_METER = MeterModel(kind="mean", resolution=0.0)
MS0 = 1_767_225_600_000
"""2026-01-01 00:00:00 UTC [ms]."""


def simulated(
    folder: Path, *, nodes: int = 1, runs: int = 3, **given: Any
) -> tuple[Path, tuple[Any, ...]]:
    """A benchmark folder and the truth of its runs."""
    fixed = {
        "submitter": "lab",
        "system": "sim",
        "benchmark": "bert",
        "seed": 1,
        "meter": PERFECT_METER,
    }
    truths = write_training(
        folder, nodes=nodes, runs=runs, errors=[PERFECT] * nodes, **(fixed | given)
    )
    return folder / "lab" / "results" / "sim" / "bert", truths


def read(folder: Path) -> Entry:
    return Found(FORMAT, folder, "it").read()


def quick(entry: Entry) -> Result:
    return score(entry, draws=10_000)


EDGES = 1e-2
"""Each edge of an instant sensor that is read each second is known to half a second, of ninety."""


def near_truth(
    result: Result, truths: tuple[Any, ...], rel: float = EDGES, others_than: int | None = None
) -> None:
    known = {f"result_{i}": truth.energy_j for i, truth in enumerate(truths) if i != others_than}
    found = {run.run.id: run.energy_j for run in result.runs if run.run.id in known}
    assert found == pytest.approx(known, rel=rel)


def edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def codes(entry: Entry) -> set[str]:
    return {defect.code for defect in entry.defects}


def line(t_ms: object, key: str, value: object, metadata: object = "") -> str:
    event = {"time_ms": t_ms, "key": key, "value": value, "metadata": metadata}
    return f":::MLLOG {json.dumps(event)}\n"


def hand_made(folder: Path, rows: str, *, seconds: int = 10, name: str = "node_0.txt") -> Path:
    """One run of `seconds` with one power log."""
    power = folder / "power" / "result_0"
    power.mkdir(parents=True)
    log = line(MS0, "run_start", None) + line(
        MS0 + seconds * 1000, "run_stop", None, {"status": "success"}
    )
    (folder / "result_0.txt").write_text(log)
    (power / name).write_text(rows)
    return folder


def readings(values: list[Any], first_ms: int = MS0 - 1000) -> str:
    return "".join(
        line(first_ms + 1000 * i, "power_reading", value) for i, value in enumerate(values)
    )


def test_a_clean_package(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path, nodes=2, form=TrainingForm(scaling_factor=1.25))
    entry = read(folder)
    assert entry.defects == ()
    assert entry.simulated
    assert (entry.submitter, entry.system, entry.benchmark, entry.scaling_factor) == (
        "lab",
        "sim",
        "bert",
        1.25,
    )
    near_truth(quick(entry), truths)
    assert quick(entry).n_runs == quick(entry).distinct_runs == 3
    assert all(run.success for run in entry.runs)
    assert [run.quality.target for run in entry.runs] == [0.72] * 3


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (TrainingForm(rank_prefix=True), None),
        (TrainingForm(string_values=True), "value-is-text"),
        (TrainingForm(stop="start"), None),
        (TrainingForm(stop="missing"), None),
        (TrainingForm(png_files=True), "file-ignored"),
        (TrainingForm(equal_stamps=7), None),
        (TrainingForm(backward_stamps=5), None),
        (TrainingForm(padding_s=45.0), None),
    ],
    ids=[
        "prefix",
        "strings",
        "stop at start",
        "no stop",
        "png",
        "equal stamps",
        "backward stamps",
        "padding",
    ],
)
def test_oddities_of_real_packages_leave_the_energy_alone(
    form: TrainingForm, code: str | None, tmp_path: Path
) -> None:
    folder, truths = simulated(tmp_path, nodes=2, form=form)
    entry = read(folder)
    assert codes(entry) == ({code} if code else set())
    near_truth(quick(entry), truths)


def test_stop_at_start_breaks_the_current_code_only(tmp_path: Path) -> None:
    found = quick(read(simulated(tmp_path, form=TrainingForm(stop="start"))[0])).compat
    assert found["mlperf_training_v4.0"]["value"] > 0
    assert found["mlperf_training_current"]["value"] is None
    assert "fails on" in found["mlperf_training_current"]["note"]


def test_equal_stamps_are_dropped_and_the_peer_still_counts_them(tmp_path: Path) -> None:
    entry = read(simulated(tmp_path, form=TrainingForm(equal_stamps=7))[0])
    dropped = [d for run in entry.runs for trace in run.traces for d in trace.dropped]
    assert {d.reason for d in dropped} == {"same time as another reading"}
    trace = entry.runs[0].traces[0]
    assert len(trace.source_order()[0]) == len(trace) + len(trace.dropped)


def test_a_measured_switch_five_hours_behind_is_moved_and_noted(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path, nodes=2, form=TrainingForm(switch_power_w=690.0))
    assert all(truth.interconnect_energy_j > 0 for truth in truths)
    entry = read(folder)
    noted = [d for d in entry.defects if d.code == "zone-shift"]
    assert len(noted) == 3
    assert all(d.got.startswith("+5 h") and d.where.endswith("sw_0.txt") for d in noted)
    near_truth(quick(entry), truths)
    switch = entry.runs[0].traces[-1].channel
    assert (switch.boundary, switch.extra["zone_shift_ns"]) == ("interconnect", 5 * 3600 * 10**9)


def test_an_estimated_switch_is_rated_power_and_never_measured(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path, nodes=2, form=TrainingForm(interconnect_power_w=700.0))
    result = quick(read(folder))
    assert [p.power_w for run in result.runs for p in run.run.rated] == [700.0] * 3
    for run, truth in zip(result.runs, truths, strict=True):
        assert run.energy_j == pytest.approx(truth.energy_j + 700.0 * truth.duration_s, rel=EDGES)
        assert run.estimated_j == pytest.approx(700.0 * truth.duration_s)
    assert "part of the energy is estimated, not measured" in result.notes


def test_conversion_efficiency_is_applied_and_named(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path, form=TrainingForm(conversion_eff=0.94))
    result = quick(read(folder))
    assert [r.energy_j for r in result.runs] == pytest.approx(
        [0.94 * t.energy_j for t in truths], rel=EDGES
    )
    assert result.entry.runs[0].traces[0].channel.current == "ac"
    assert any(row.term == "conversion efficiency" for row in result.rows)


def test_the_same_run_entered_twice_counts_once(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path)
    for number in range(3):
        shutil.copy(folder / f"result_{number}.txt", folder / f"result_raw_{number}.txt")
        shutil.copytree(
            folder / "power" / f"result_{number}", folder / "power" / f"result_raw_{number}"
        )
    result = quick(read(folder))
    assert (result.n_runs, result.distinct_runs) == (6, 3)
    assert result.energy.value == pytest.approx(np.mean([t.energy_j for t in truths]), rel=EDGES)
    assert any("copy of another run" in note for note in result.notes)


def test_a_node_without_a_log_is_filled_and_told(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path, nodes=4)
    for number in range(3):
        (folder / "power" / f"result_{number}" / "node_2.txt").unlink()
    result = quick(read(folder))
    assert [run.nodes for run in result.runs] == [(3, 4)] * 3
    near_truth(result, truths, rel=2e-2)
    assert any(row.term == "missing nodes" for row in result.rows)


def test_failed_reads_inside_a_run_are_a_gap(tmp_path: Path) -> None:
    values = [100, 100, 100, -43, 0, 9.91e37, "nan", None, True, 100, 100, 100, 100]
    entry = read(hand_made(tmp_path / "bench", readings(values)))
    trace = entry.runs[0].traces[0]
    assert [d.position for d in trace.dropped] == [3, 4, 5, 6, 7, 8]
    assert quick(entry).runs[0].energy_j == pytest.approx(1000)
    assert quick(entry).runs[0].gap_share == pytest.approx(0.6)


@pytest.mark.parametrize(
    "t_ms",
    [
        2**62,
        10**30,
        -(2**62),
        -5,
        1e300,
        "soon",
        None,
        [1],
        True,
        9_007_199_254_740_000,
        18_446_744_073_709_551_615,
    ],
)
def test_stamps_that_are_no_times_cost_their_reading(t_ms: Any, tmp_path: Path) -> None:
    odd = line(t_ms, "power_reading", 9000)
    markers = line(t_ms, "power_measurement_start", None) + line(
        t_ms, "power_measurement_stop", None
    )
    entry = read(hand_made(tmp_path / "bench", markers + readings([100] * 13) + odd))
    result = quick(entry)
    assert result.runs[0].energy_j == pytest.approx(1000)
    assert entry.runs[0].traces[0].dropped[0].reason == "no valid time"


@pytest.mark.parametrize("value", [10**400, "1e999", [5], {"a": 1}, "watt"])
def test_values_that_are_no_numbers_cost_their_reading(value: Any, tmp_path: Path) -> None:
    entry = read(hand_made(tmp_path / "bench", readings([100, 100, value] + [100] * 10)))
    assert quick(entry).runs[0].energy_j == pytest.approx(1000)
    assert len(entry.runs[0].traces[0].dropped) == 1


def test_broken_lines_are_counted(tmp_path: Path) -> None:
    rows = readings([100] * 13)
    half = rows[: len(rows) // 2] + "\n:::MLLOG {\n" + rows[len(rows) // 2 :]
    entry = read(hand_made(tmp_path / "bench", half + ':::MLLOG {"time_ms": 17'))
    assert [(d.code, d.count) for d in entry.defects if d.code == "mllog-line-broken"] == [
        ("mllog-line-broken", 3)
    ]
    assert quick(entry).runs[0].energy_j == pytest.approx(1000)


@pytest.mark.parametrize("prefix", ["", "0: ", "[gpu-1] "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_power_logs_with_a_prefix_and_crlf(prefix: str, end: str, tmp_path: Path) -> None:
    rows = "".join(prefix + row + end for row in readings(list(range(100, 113))).splitlines())
    folder = hand_made(tmp_path / "bench", "")
    (folder / "power" / "result_0" / "node_0.txt").write_bytes(rows.encode())
    entry = read(folder)
    assert entry.runs[0].traces[0].value.tolist() == list(range(100, 113))
    assert not codes(entry)


def test_a_line_of_880_kilobytes(tmp_path: Path) -> None:
    entry = read(
        hand_made(tmp_path / "bench", readings([100] * 13) + line(MS0, "note", "x" * 880_000))
    )
    assert quick(entry).runs[0].energy_j == pytest.approx(1000)
    assert not codes(entry)


def test_a_switch_log_with_neither_estimate_nor_reading_is_noted(tmp_path: Path) -> None:
    entry = read(hand_made(tmp_path / "bench", line(MS0, "other", 1), name="sw_0.txt"))
    assert "trace-unreadable" in codes(entry)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"scaling_factor": "x"}',
        '{"scaling_factor": -1}',
        '{"scaling_factor": 1e9}',
        "\0",
    ],
)
def test_a_scaling_file_that_says_nothing_is_noted(text: str, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path, form=TrainingForm(scaling_factor=1.1))
    (folder / "scaling.json").write_text(text)
    entry = read(folder)
    assert entry.scaling_factor is None
    assert "scaling-unreadable" in codes(entry)


def test_a_run_without_its_stop_has_no_energy_and_the_others_do(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    edit(folder / "result_1.txt", lambda content: content.replace(b"run_stop", b"run_halt"))
    result = quick(read(folder))
    assert [run.energy_j is None for run in result.runs] == [False, True, False]
    assert result.distinct_runs == 2
    assert any("1 of 3 runs do not count" in note for note in result.notes)


@pytest.mark.parametrize(
    "name", ["result_1.txt", "power/result_1/node_0.txt", "power/result_1/sw_0.txt"]
)
@pytest.mark.parametrize("how", ["emptied", "a folder", "noise", "a link", "half"])
def test_what_is_lost_with_a_file_is_a_defect_and_the_other_runs_stand(
    name: str, how: str, harm: Callable, tmp_path: Path
) -> None:
    folder, truths = simulated(tmp_path / "tree", nodes=2, form=TrainingForm(switch_power_w=690.0))
    harm(how, folder / name)
    (place,) = find(tmp_path / "tree")
    entry = place.read()
    told = [
        d.code for d in entry.defects if d.where == str(folder / name) and d.code != "zone-shift"
    ]
    result = quick(entry)
    assert told or (how == "half" and result.coverage < 0.9)
    near_truth(result, truths, others_than=1)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("result_1.txt", "result-log-missing"),
        ("power/result_1/node_0.txt", None),
        ("power/result_1/node_1.txt", None),
    ],
)
def test_a_file_that_is_not_there(name: str, code: str | None, tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path, nodes=2)
    (folder / name).unlink()
    entry = read(folder)
    assert codes(entry) == ({code} if code else set())
    result = quick(entry)
    if code is None:
        assert [run.nodes for run in result.runs] == [(2, 2), (1, 2), (2, 2)]
    else:
        assert [run.run.id for run in result.runs] == ["result_0", "result_2"]
    near_truth(result, truths, others_than=1)


@pytest.mark.parametrize("name", ["power", "power/result_1"])
def test_a_folder_that_is_a_link_is_not_followed(name: str, tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path / "tree")
    (folder / name).rename(tmp_path / "away")
    (folder / name).symlink_to(tmp_path / "away", target_is_directory=True)
    found = list(find(tmp_path / "tree"))
    if name == "power":
        assert found == [Skipped("lab/results/sim/bert", "power is no folder")]
        return
    entry = found[0].read()
    assert "power-folder-missing" in codes(entry)
    assert quick(entry).runs[1].energy_j is None


def test_a_result_without_power_is_passed_over_with_a_reason(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    shutil.rmtree(folder / "power")
    assert list(find(tmp_path)) == [Skipped("lab/results/sim/bert", "no power was measured")]


def test_a_file_that_is_named_like_a_result_hides_no_entry(tmp_path: Path) -> None:
    simulated(tmp_path)
    (tmp_path / "lab" / "results" / "sim" / "result_notes.txt").write_text("ours")
    (tmp_path / "lab" / "result_notes.txt").write_text("ours")
    assert [type(item) for item in find(tmp_path)] == [Found]


def test_a_run_without_a_power_folder_is_noted(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path)
    shutil.rmtree(folder / "power" / "result_2")
    entry = read(folder)
    assert "power-folder-missing" in codes(entry)
    assert quick(entry).runs[2].energy_j is None


def test_without_a_system_description_the_entry_is_read(tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path)
    (tmp_path / "lab" / "systems" / "sim.json").unlink()
    entry = read(folder)
    assert "file-unreadable" in codes(entry)
    near_truth(quick(entry), truths)


@pytest.mark.parametrize("nodes", ["four", -3, 1e999, None, [1], "9" * 5000])
def test_odd_node_counts_of_a_system_description(nodes: Any, tmp_path: Path) -> None:
    folder, truths = simulated(tmp_path)
    (tmp_path / "lab" / "systems" / "sim.json").write_text(
        json.dumps({"number_of_nodes": nodes, "hw_notes": 5})
    )
    near_truth(quick(read(folder)), truths)


def test_runs_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    (folder / "power").mkdir(parents=True)
    for number in range(200):
        (folder / f"result_{number}.txt").write_text(line(MS0, "run_start", None))
    assert [run.id for run in read(folder).runs] == [f"result_{number}" for number in range(200)]


def test_mlperfs_own_sums_are_the_same_where_a_log_is_read_line_by_line(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path / "numbers")
    strings, _ = simulated(tmp_path / "strings", form=TrainingForm(string_values=True))
    before, found = quick(read(folder)).compat, quick(read(strings)).compat
    for name in ("mlperf_training_v4.0", "mlperf_training_current"):
        assert found[name]["value"] == pytest.approx(before[name]["value"])
        assert found[name]["value"] > 0
