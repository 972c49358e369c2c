"""MLPerf inference results of several rounds: local time, inferred scenarios, missing counts."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lab_simulator import PERFECT, Truth, write_inference

from harness import api
from harness.formats.base import Entry
from harness.formats.discovery import Found
from harness.formats.load import import_tree
from harness.formats.mlperf.inference import FORMAT
from harness.formats.run_directory import FORMAT as NATIVE
from harness.scoring.score import score
from harness.traces.time_zone import shifted
from harness.traces.trace import T_MAX_NS
from tests.auditing.rules import builders as b

PLACE = "closed/Lab/results/sim-1/resnet50"
V1_0 = ".5a1 @ ebcf131dc8"
HOUR_NS = 3600 * 10**9


def simulated(tree: Path, scenario: str, **given: Any) -> tuple[Path, Truth]:
    fixed = {
        "submitter": "Lab",
        "system": "sim-1",
        "benchmark": "resnet50",
        "seed": 7,
        "errors": [PERFECT],
    }
    truth = write_inference(tree, scenario=scenario, **(fixed | given))
    return tree / PLACE / scenario, truth


def read(folder: Path) -> Entry:
    return Found(FORMAT, folder, "it").read()


def edit(path: Path, pattern: str, new: Any) -> None:
    before = path.read_text("utf-8")
    after = re.sub(pattern, new, before)
    assert after != before
    path.write_text(after, "utf-8")


def details(folder: Path) -> list[Path]:
    return [
        folder / "performance" / name / "mlperf_log_detail.txt" for name in ("ranging", "run_1")
    ]


def say(folder: Path, key: str, value: object) -> None:
    """Put another value of a key into the testing run's log."""
    line = f':::MLLOG {{"key": "{key}", "value": {json.dumps(value)}, "time_ms": 1}}\n'
    log = details(folder)[1]
    log.write_text(log.read_text("utf-8") + line, "utf-8")


def told(entry: Entry) -> list[tuple[str, str]]:
    return [(defect.code, defect.got) for defect in entry.defects]


class TestRound:
    """The tree tells, then LoadGen."""

    @pytest.mark.parametrize(
        ("tree", "version", "name", "differs"),
        [
            ("inference_results_v1.0", V1_0, "v1.0", False),
            ("mlperf-inference-v4.1", "4.1", "v4.1", False),
            ("mlperf_inference_results_v5.0", "5.0.0 @ abc", "v5.0", False),
            ("x", V1_0, "v1.0", False),
            ("inference_results_v3.1", "3.0 @ da9b4d54bd", "v3.1", True),
            ("x", "3.0 @ da9b4d54bd", "v3.0", False),
            ("inference_results_v4.1", "", "v4.1", False),
            ("training_results_v4.0", "3.0", "v3.0", False),
            ("inference_results_v3.1/inference-v4.0", "4.0", "v4.0", False),
        ],
    )
    def test_round_of_a_tree(
        self, tree: str, version: str, name: str, differs: bool, tmp_path: Path
    ) -> None:
        folder, _ = simulated(tmp_path / tree, "Offline")
        say(folder, "loadgen_version", version)
        entry = read(folder)
        assert entry.round == f"mlperf-inference-{name}"
        assert [code for code, _ in told(entry)] == ["round-differs"] * differs
        if differs:
            assert (
                "LoadGen is of mlperf-inference-v3.0, the tree of mlperf-inference-v3.1"
                in score(entry).notes
            )

    @pytest.mark.parametrize("inside", ["system", "submitter", "benchmark"])
    def test_a_submitter_cannot_choose_an_older_round_by_a_name(
        self, inside: str, tmp_path: Path
    ) -> None:
        name = "inference_results_v1.0"
        truth = {"submitter": "Lab", "system": "sim-1", "benchmark": "resnet50"} | {inside: name}
        write_inference(tmp_path, scenario="Offline", seed=7, **truth)
        (place,) = api.read(tmp_path).entries
        assert place.round == "mlperf-inference-v4.1"


def local(folder: Path, hours: int, timezone: object) -> None:
    """Stamps as round v1.0 wrote them: logs in local time, phases in UTC."""

    def earlier(match: re.Match[str]) -> str:
        stamp = datetime.strptime(match[0], "%m-%d-%Y %H:%M:%S.%f") - timedelta(hours=hours)
        return stamp.strftime("%m-%d-%Y %H:%M:%S.%f")[:-3]

    for log in details(folder):
        edit(log, r"\d\d-\d\d-\d{4} [\d:.]{12}", earlier)
        edit(log.with_name("spl.txt"), r"\d\d-\d\d-\d{4} [\d:.]{12}", earlier)
    server = folder / "performance" / "power" / "server.json"
    server.write_text(
        json.dumps(json.loads(server.read_text("utf-8")) | {"timezone": timezone}), "utf-8"
    )


class TestLocalTime:
    """Round v1.0: `timezone` 28800 in March, where UTC was seven hours away."""

    @pytest.mark.parametrize(
        ("hours", "timezone"), [(7, 28800), (8, 28800), (-2, -3600), (-1, -3600), (0, 0)]
    )
    def test_window_and_readings_are_in_utc(
        self, hours: int, timezone: int, tmp_path: Path
    ) -> None:
        folder, truth = simulated(tmp_path / "inference_results_v1.0", "Server")
        say(folder, "loadgen_version", V1_0)
        untouched = read(folder).runs[0]
        if hours:
            local(folder, hours, timezone)
        entry = read(folder)
        run = entry.runs[0]
        assert run.window is not None
        assert abs(run.window.start_ns - truth.t0_ns) < 10**6
        assert np.array_equal(run.traces[0].t_ns, untouched.traces[0].t_ns)
        assert (
            run.evidence.session.utc_shift_ns
            == run.evidence.inference.utc_shift_ns
            == hours * HOUR_NS
        )
        assert told(entry) == [("local-time", f"stamps in local time, {hours:+d} h to UTC")] * bool(
            hours
        )
        assert score(entry, draws=10_000).energy.value == pytest.approx(truth.energy_j, rel=5e-4)
        assert entry.ranging is not None
        assert entry.ranging.window is not None
        assert (
            entry.ranging.window.stop_ns
            < run.window.start_ns
            < entry.ranging.window.stop_ns + HOUR_NS
        )

    @pytest.mark.parametrize(
        "timezone", [25200 - 900, 0, "x", None, 10**9, 7 * 3600 + 1, float("inf"), 14400]
    )
    def test_another_hour_is_not_excused(self, timezone: object, tmp_path: Path) -> None:
        folder, truth = simulated(tmp_path / "inference_results_v1.0", "Server")
        say(folder, "loadgen_version", V1_0)
        local(folder, 7, timezone)
        entry = read(folder)
        assert "local-time" not in dict(told(entry))
        assert entry.runs[0].window is not None
        assert entry.runs[0].window.start_ns < truth.t0_ns - 6 * HOUR_NS

    def test_no_later_round_is_in_local_time(self, tmp_path: Path) -> None:
        folder, _ = simulated(tmp_path / "inference_results_v1.1", "Server")
        say(folder, "loadgen_version", "1.1")
        local(folder, 7, 28800)
        report = b.report(folder)
        assert report.verdict == "invalid"
        assert "phases-and-clocks" in {
            finding.rule for finding in report.findings if finding.status == "fail"
        }

    def test_what_was_dropped_moves_with_the_rest_and_no_trace_leaves_its_century(self) -> None:
        made = b.trace([0, 1, 1, 2, 3], [5.0, 6.0, 6.5, -1.0, 7.0])
        moved = shifted(made, 900 * 10**9)
        assert [
            m - t for m, t in zip(moved.source_order()[0], made.source_order()[0], strict=True)
        ] == [900 * 10**9] * 5
        assert shifted(made, T_MAX_NS) is made


class TestInferred:
    """One SingleStream session in three folders."""

    def tree(self, root: Path) -> Path:
        folder, _ = simulated(root / "inference_results_v4.1", "SingleStream", duration_s=600.0)
        for name in ("offline", "multistream"):
            shutil.copytree(folder, folder.with_name(name))
        for accuracy in folder.parent.glob("*/accuracy/accuracy.txt"):
            accuracy.write_text("accuracy=75.920%, good=37960, total=50000\n")
        return folder.parent

    def test_it_is_ranked_once_in_each_scenario(self, tmp_path: Path) -> None:
        tables = api.rank(self.tree(tmp_path))
        assert [(t.scenario, t.unit, len(t.rows), t.rows[0].result.inferred) for t in tables] == [
            ("MultiStream", "J/query", 1, True),
            ("Offline", "J/sample", 1, True),
            ("SingleStream", "J/query", 1, False),
        ]
        assert [row.reasons for table in tables for row in table.rows if row.rank is None] == []

    def test_a_multistream_query_takes_eight_times_the_energy_and_the_time(
        self, tmp_path: Path
    ) -> None:
        single, multi, offline = api.score(self.tree(tmp_path), draws=10_000)
        value = single.energy_per_unit.value
        assert (multi.entry.scenario, offline.entry.scenario) == ("MultiStream", "Offline")
        assert (multi.energy_per_unit.value, offline.energy_per_unit.value) == pytest.approx(
            (8 * value, value)
        )
        correct = [item.per_correct.value for item in (multi, offline, single)]
        assert correct == pytest.approx([value / 0.7592] * 3)
        peers = [item.compat["mlperf_inference"] for item in (multi, offline, single)]
        assert [peer["unit"] for peer in peers] == ["mJ", "W", "mJ"]
        assert peers[0]["value"] == pytest.approx(8 * peers[2]["value"])
        assert peers[1]["value"] == pytest.approx(single.mean_power.value, rel=0.01)
        assert offline.performance.value == pytest.approx(
            single.entry.runs[0].work.count / 600.0, rel=1e-3
        )
        assert "inferred from a SingleStream run" in multi.notes

    def test_an_imported_run_is_still_inferred(self, tmp_path: Path) -> None:
        import_tree(self.tree(tmp_path), out=tmp_path / "out")
        entry = NATIVE.read(tmp_path / "out" / "multistream", "it")
        result = score(entry, draws=10_000)
        assert (entry.scenario, result.inferred) == ("MultiStream", True)
        assert result.per_correct.value == pytest.approx(result.energy_per_unit.value / 8 / 0.7592)

    def test_a_server_run_in_a_folder_offline_stays_one_and_it_is_said(
        self, tmp_path: Path
    ) -> None:
        folder, _ = simulated(tmp_path, "Server")
        entry = read(folder.rename(folder.with_name("Offline")))
        assert entry.scenario == "Server"
        assert told(entry) == [("scenario-differs", "a Server run in a folder Offline")]


class TestCount:
    """Queries where the log does not count them."""

    def uncounted(self, tree: Path, version: str) -> Path:
        folder, _ = simulated(tree, "SingleStream", duration_s=600.0)
        log = details(folder)[1]
        edit(log, r'.*"result_query_count".*\n', "")
        say(folder, "generated_query_count", 99999999)
        say(folder, "loadgen_version", version)
        return folder

    def test_a_planned_count_is_not_what_was_done(self, tmp_path: Path) -> None:
        folder, truth = simulated(tmp_path / "a", "SingleStream", duration_s=600.0)
        found = score(read(self.uncounted(tmp_path / "b", V1_0)), draws=10_000)
        assert found.entry.runs[0].work.count == pytest.approx(truth.queries, rel=1e-4)
        (note,) = (defect for defect in found.entry.defects if defect.code == "count-derived")
        assert note.got in found.notes
        peer = score(read(folder), draws=10_000).compat["mlperf_inference"]["value"]
        assert found.compat["mlperf_inference"]["value"] == pytest.approx(peer, rel=1e-4)

    @pytest.mark.parametrize("version", ["2.0", "4.1", ""])
    def test_of_a_later_round_it_is_missing(self, version: str, tmp_path: Path) -> None:
        folder = self.uncounted(tmp_path, version)
        assert "count-missing" in dict(told(read(folder)))
        failed = {
            f.rule
            for f in b.report(folder).findings
            if f.status == "fail" and "count-missing" in f.got
        }
        assert failed == {"evidence-readable"}

    def test_mlperfs_number_says_why_there_is_none(self, tmp_path: Path) -> None:
        folder = self.uncounted(tmp_path, V1_0)
        edit(details(folder)[1], r'.*"(result_qps_with|result_mean_latency).*\n', "")
        found = score(read(folder), draws=10_000).compat["mlperf_inference"]
        assert found == {
            "value": None,
            "unit": "mJ",
            "note": "the log does not say how many queries were done",
        }

    def test_a_count_in_quotes_counts(self, tmp_path: Path) -> None:
        folder, _ = simulated(tmp_path, "SingleStream", duration_s=600.0)
        value = score(read(folder), draws=10_000).compat["mlperf_inference"]["value"]
        edit(details(folder)[1], r'("result_query_count", "value": )(\d+)', r'\1"\2"')
        assert score(read(folder), draws=10_000).compat["mlperf_inference"]["value"] == value


def test_a_correct_answer_of_multistream_is_an_eighth_of_a_query(tmp_path: Path) -> None:
    folder, _ = simulated(tmp_path, "MultiStream")
    (folder / "accuracy" / "accuracy.txt").write_text("accuracy=75.912%, good=37956, total=50000\n")
    result = score(read(folder), draws=10_000)
    assert result.per_correct is not None
    assert result.per_correct.value == pytest.approx(result.energy_per_unit.value / 8 / 0.75912)
