"""An experiment from its design to its page, on tiny workloads and a fake machine with RAPL."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from harness.cli import cli
from harness.core.documents import read_document
from harness.formats.load import read
from tests.cases.machine import Machine
from tests.experiments import tiny

PACKAGE_W, DRAM_W, CORE_W = 30.0, 5.0, 22.0


@dataclass(frozen=True)
class Experiment:
    """The design, the folder of its runs, what the command printed, and its document."""

    design: Path
    out: Path
    output: str
    code: int
    document: dict[str, Any]


def command(design: Path, out: Path, *arguments: str) -> Result:
    words = ["experiment", str(design), "--out", str(out), *arguments]
    return CliRunner().invoke(cli, words, standalone_mode=False)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """All runs of a tiny experiment, measured by RAPL: package and DRAM, and the cores inside."""
    root = tmp_path_factory.mktemp("experiment")
    machine = Machine(root / "sys")
    machine.zone("intel-rapl:0", "package-0", PACKAGE_W)
    machine.zone("intel-rapl:0:0", "core", CORE_W)
    machine.zone("intel-rapl:0:1", "dram", DRAM_W)
    machine.put(0.0, 0.0)
    stop = threading.Event()

    def keep_up() -> None:
        begin = last = time.monotonic()
        while not stop.wait(0.02):
            now = time.monotonic()
            machine.put(now - begin, now - last)
            last = now

    thread = threading.Thread(target=keep_up)
    thread.start()
    design, out = tiny.make(root), root / "out"
    grids = [f"--hourly={_grid(root, zone, factor)}" for zone, factor in (("A", 1), ("B", 3))]
    meter = f"--meter=rapl:root={machine.root}"
    try:
        done = command(design, out, meter, "--interval=0.05", "--idle=0.1", *grids)
    finally:
        stop.set()
        thread.join()
    assert done.exception is None, (done.exception, done.output)
    document = read_document("experiment", out / "experiment.json")
    return Experiment(design, out, done.output, done.return_value, document)


def _grid(root: Path, zone: str, factor: int) -> Path:
    """Two days of a series: 10 g/kWh in the first hour of a day, 20 in the second ..., times a
    factor."""
    rows = [
        f"2026-01-0{day}T{hour:02}:00Z,{10 * (hour + 1) * factor}"
        for day in (1, 2)
        for hour in range(24)
    ]
    (root / f"{zone}.csv").write_text("t,v\n" + "\n".join(rows) + "\n", "utf-8")
    about = {
        "schema_version": "1.0",
        "zone": zone,
        "unit": "g/kWh",
        "time_zone": "UTC",
        "kind": "average",
        "basis": "production",
        "source": "made for a test",
        "date": "2026",
        "licence": "none",
        "columns": {"time": "t", "value": "v"},
        "stamps": "begin",
    }
    (root / f"{zone}.grid.yaml").write_text(yaml.safe_dump(about), "utf-8")
    return root / f"{zone}.csv"


def side(experiment: Experiment, name: str, role: str = "main") -> dict[str, Any]:
    (found,) = [s for s in experiment.document["sides"] if (s["name"], s["role"]) == (name, role)]
    return found


def test_sides_run_in_alternation_and_each_round_begins_with_another(
    experiment: Experiment,
) -> None:
    starts = {}
    for kind in ("dense", "sparse"):
        (entry,) = read(experiment.out / "main" / f"tiny-{kind}" / "time-to-train").entries
        starts |= {run.window.start_ns: f"{kind} {run.id}" for run in entry.runs}  # type: ignore[union-attr]
    assert [starts[start] for start in sorted(starts)] == [
        "dense run-1",
        "sparse run-1",
        "sparse run-2",
        "dense run-2",
        "dense run-3",
        "sparse run-3",
    ]


def test_energy_of_a_training_is_that_of_package_and_dram(experiment: Experiment) -> None:
    """Cores are part of the package; a run of two trainings counts each of them once."""
    for kind, trainings in (("dense", 1), ("sparse", 2)):
        (entry,) = read(experiment.out / "main" / f"tiny-{kind}" / "time-to-train").entries
        for run, stated in zip(entry.runs, side(experiment, kind)["runs"], strict=True):
            assert run.window is not None
            seconds = run.window.seconds / trainings
            assert stated["seconds"] == pytest.approx(seconds)
            assert stated["energy_j"] == pytest.approx((PACKAGE_W + DRAM_W) * seconds, rel=0.15)


def test_each_training_has_a_seed_of_its_own_and_begins_with_its_process(
    experiment: Experiment,
) -> None:
    (log,) = (experiment.out / "main/tiny-sparse/time-to-train/run-2/log").glob("result_*.txt")
    lines = [json.loads(text.partition(" ")[2]) for text in log.read_text("utf-8").splitlines()]
    blocks = [line for line in lines if line["key"] == "block_start"]
    assert [line["metadata"]["seed"] for line in blocks] == [201, 202]
    keys = [line["key"] for line in lines]
    assert keys.index("run_start") + 1 == keys.index("block_start")
    assert keys.index("init_stop") < keys.index("run_start")
    assert keys.index("run_stop") < keys.index("inference_bytes")


def test_log_states_the_data_and_what_was_reached(experiment: Experiment) -> None:
    (log,) = (experiment.out / "main/tiny-dense/time-to-train/run-1/log").glob("result_*.txt")
    lines = [json.loads(text.partition(" ")[2]) for text in log.read_text("utf-8").splitlines()]
    values = {line["key"]: line["value"] for line in lines}
    assert re.fullmatch(r"[0-9a-f]{64}", values["held_out_sha256"])
    assert values["data_sha256"] != values["held_out_sha256"]
    assert values["eval_samples"] == tiny.AMOUNTS["evaluated"]
    assert values["bits_per_byte"] == values["eval_bits_per_byte"] <= tiny.TARGET
    reached = [line for line in lines if line["key"] == "eval_bits_per_byte"]
    assert values["samples_to_target"] == reached[-1]["metadata"]["bytes"]
    assert all(line["value"] > tiny.TARGET for line in reached[:-1])


def test_ratios_are_those_of_the_runs(experiment: Experiment) -> None:
    dense, sparse = (side(experiment, name)["runs"] for name in ("dense", "sparse"))
    (ratio,) = experiment.document["ratios"]
    product = 1.0
    for a, b in zip(dense, sparse, strict=True):
        product *= a["cpu_s"] / b["cpu_s"]
    assert ratio["cpu_time"]["value"] == pytest.approx(product ** (1 / 3))
    assert ratio["cpu_time"]["low"] < ratio["cpu_time"]["value"] < ratio["cpu_time"]["high"]
    assert ratio["energy"]["value"] == pytest.approx(ratio["paired_energy"]["value"], rel=0.1)
    spread = [ends["high"] / ends["low"] for ends in (ratio["energy"], ratio["paired_energy"])]
    assert spread[0] > spread[1] ** 0.3, "the scatter of both sides adds, it does not cancel"
    assert ratio["cancelled"], "both are measured by one meter"


def test_a_run_that_missed_its_target_is_in_no_ratio(
    experiment: Experiment, tmp_path: Path
) -> None:
    shutil.copytree(experiment.out, tmp_path / "out")
    record = tmp_path / "out/main/tiny-sparse/time-to-train/run-2/run.json"
    run = json.loads(record.read_text("utf-8"))
    run["success"], run["quality"]["value"] = False, 7.0
    record.write_text(json.dumps(run), "utf-8")
    again = command(experiment.design, tmp_path / "out", "--analyse-only", "--json", "-q")
    assert again.exception is None, again.exception
    document = json.loads(again.stdout)
    sparse = document["sides"][1]["runs"]
    assert [run["reached"] for run in sparse] == [True, False, True]
    (ratio,) = document["ratios"]
    assert ratio["cpu_time"]["value"] is ratio["paired_energy"]["value"] is None
    assert ratio["claim"] == "nothing can be said: B misses its target"
    assert "2 of 3" in (tmp_path / "out/index.html").read_text("utf-8")


def test_inference_is_measured_after_the_window(experiment: Experiment) -> None:
    for run in side(experiment, "sparse")["runs"]:
        inference = run["inference"]
        joules = inference["energy_j"] / (PACKAGE_W + DRAM_W)
        assert joules == pytest.approx(tiny.AMOUNTS["inference_s"], rel=0.3)
        assert inference["cpu_s"] <= tiny.AMOUNTS["inference_s"] + 0.1
        assert inference["predicted"] > 0


def test_frontier_has_its_curves(experiment: Experiment) -> None:
    """Each evaluation costs more than the last; the narrower network has fewer parameters."""
    narrow, wide = side(experiment, "dense", "frontier"), side(experiment, "dense")
    assert narrow["settings"] == {"width": "4"}
    assert narrow["costs"]["parameters"] < wide["costs"]["parameters"]
    for run in [*narrow["runs"], *wide["runs"]]:
        costs = [item["cpu_s"] for item in run["evaluations"]]
        assert len(costs) > 1
        assert costs == sorted(costs)
        assert run["cpu_s"] >= costs[-1]


def test_where_and_when_by_the_hour_of_the_start(experiment: Experiment) -> None:
    """The intensity of an hour is ten times its number from 1, and threefold in the other zone."""
    dense, sparse = experiment.document["relocations"]
    assert (dense["side"], sparse["side"]) == ("dense", "sparse")
    a, b = dense["zones"]
    assert (a["zone"], b["zone"]) == ("A", "B")
    assert len(a["by_hour_g"]) == 24
    assert a["by_hour_g"][11] == pytest.approx(12 * a["by_hour_g"][0], rel=1e-4)
    assert b["by_hour_g"][9] == pytest.approx(3 * a["by_hour_g"][9], rel=1e-4)
    for moved in (dense, sparse):
        energy_kwh = side(experiment, moved["side"])["energy"]["value"] / 3.6e6
        first = moved["zones"][0]
        assert first["by_hour_g"][7] == pytest.approx(80 * energy_kwh, rel=0.05)
        assert first["mean_g"] == pytest.approx(125 * energy_kwh, rel=0.05)
        assert first["best_g"] < first["mean_g"] < first["worst_g"]


def test_runs_that_are_too_short_are_said_to_be_invalid(experiment: Experiment) -> None:
    assert experiment.code == 1
    assert {item["verdict"] for item in experiment.document["sides"]} == {"invalid"}


def test_page_loads_nothing_and_escapes_what_is_said(experiment: Experiment) -> None:
    page = (experiment.out / "index.html").read_text("utf-8")
    assert "default-src 'none'; style-src 'sha256-" in page
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=", page)
    assert "Does &lt;b&gt;sparse&lt;/b&gt; need less?" in page
    assert page.count("<svg") == 4
    assert experiment.document["ratios"][0]["claim"] in page


def test_terminal_and_page_say_the_same(experiment: Experiment) -> None:
    claim = experiment.document["ratios"][0]["claim"]
    assert f"dense over sparse\n  {claim}\n" in experiment.output
    assert "Where and when" in experiment.output


def test_analysis_alone_gives_the_same_document(experiment: Experiment, tmp_path: Path) -> None:
    again = command(experiment.design, experiment.out, "--analyse-only", "--json", "-q")
    assert again.return_value == 1
    document = json.loads(again.stdout)
    assert document["ratios"] == experiment.document["ratios"]
    assert document["relocations"] == []
    missing = command(experiment.design, tmp_path, "--analyse-only")
    assert "the runs of dense are missing" in str(missing.exception)


@pytest.mark.parametrize("seeds", [[1, 2, 3, 4], [1, 2, 5]], ids=["one is missing", "others"])
def test_runs_that_are_not_those_of_the_design_are_refused(
    experiment: Experiment, seeds: list[int]
) -> None:
    """Whoever analyses after each run can stop when the ratio pleases."""
    design = experiment.design.with_name("other.yaml")
    document = yaml.safe_load(experiment.design.read_text("utf-8")) | {"seeds": seeds}
    design.write_text(yaml.safe_dump(document), "utf-8")
    refused = command(design, experiment.out, "--analyse-only")
    assert "the runs of dense are not those that were registered" in str(refused.exception)
    assert f"expected seeds {', '.join(map(str, seeds))}" in str(refused.exception)


def test_a_wrong_setting_of_the_frontier_is_found_before_the_first_run(
    experiment: Experiment, tmp_path: Path
) -> None:
    design = experiment.design.with_name("wrong.yaml")
    frontier = [{"side": "dense", "label": "wide", "settings": {"widht": 9}}]
    document = yaml.safe_load(experiment.design.read_text("utf-8")) | {"frontier": frontier}
    design.write_text(yaml.safe_dump(document), "utf-8")
    refused = command(design, tmp_path / "out", "--meter=estimator")
    assert "no such setting; got widht" in str(refused.exception)
    assert not (tmp_path / "out/main").exists()
