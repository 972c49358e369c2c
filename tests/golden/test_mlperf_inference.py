"""Published power metrics of MLPerf inference v4.1 are reproduced from the raw logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import harness
from harness.formats.discovery import Found, find
from harness.scoring.result import Result
from harness.scoring.score import score

Rows = Callable[[str], list[dict[str, str]]]
UNITS = {"Watts": "W", "millijoules": "mJ"}


@pytest.fixture(scope="module")
def results(real_data: Path) -> dict[tuple[str, str, str, str], Result]:
    """All results, by (submitter, system, model, scenario)."""
    found = {}
    for place in find(real_data / "mlperf-inference-v4.1"):
        assert isinstance(place, Found), place
        entry = place.read()
        found[entry.submitter, entry.system, entry.benchmark, entry.scenario.lower()] = score(
            entry, draws=10_000
        )
    return found


def _key(row: dict[str, str]) -> tuple[str, str, str, str]:
    return row["submitter"], row["system"], row["model"], row["scenario"].lower()


def test_every_published_result_is_found_and_no_other(results: dict, expected: Rows) -> None:
    assert set(results) == {_key(row) for row in expected("mlperf-inference-v4.1")}


def test_the_power_metric_equals_the_published_one(results: dict, expected: Rows) -> None:
    for row in expected("mlperf-inference-v4.1"):
        ours = results[_key(row)].compat["mlperf_inference"]
        assert ours["unit"] == UNITS[row["published_power_units"]], row
        assert ours["value"] == pytest.approx(float(row["published_power"]), rel=1e-8), row


def test_the_performance_metric_equals_the_published_one(results: dict, expected: Rows) -> None:
    units = {"Latency (ms)": "ms"}
    for row in expected("mlperf-inference-v4.1"):
        ours = results[_key(row)].performance
        assert ours.unit == units.get(row["published_perf_units"], row["published_perf_units"]), row
        assert ours.value == pytest.approx(float(row["published_perf"]), rel=1e-5), row


def test_window_and_readings_are_those_of_the_log(results: dict, expected: Rows) -> None:
    for row in expected("mlperf-inference-v4.1"):
        run = results[_key(row)].runs[0]
        assert run.run.window.seconds == pytest.approx(float(row["duration_s"]), abs=5e-4), row
        trace = run.readings[0].trace
        assert len(trace) + len(trace.dropped) == int(row["n_samples_total"]), row
        assert len(trace.window(run.run.window)) == int(row["n_samples_window"]), row


def test_our_energy_lies_within_a_tenth_of_a_percent_of_mean_times_duration(
    results: dict, expected: Rows
) -> None:
    """Reading is clean and the window long: the methods part by edges only (method, section 2)."""
    for row in expected("mlperf-inference-v4.1"):
        ours = results[_key(row)].energy
        assert ours.value == pytest.approx(float(row["energy_J_mean_x_dur"]), rel=1e-3), row
        assert ours.low < ours.value < ours.high
        assert (ours.high - ours.low) / ours.value < 0.02, (
            row
        )  # an analyzer: half a percent either way, not five


def test_phases_are_not_added_to_the_total(results: dict) -> None:
    phased = [r for r in results.values() if any(t.channel.part_of for t in r.entry.runs[0].traces)]
    assert phased
    for result in phased:
        assert len(result.runs[0].readings) == 1
        total, *parts = result.entry.runs[0].traces
        total_of_parts = sum(part.value for part in parts if len(part) == len(total))
        assert total_of_parts == pytest.approx(total.value, abs=1e-3)


def test_dirt_of_the_ranging_run_is_kept_as_evidence(results: dict) -> None:
    """Real ranging runs hold -1 rows; they are dropped with their reason, and the testing runs
    are clean."""
    reasons = {d.reason for r in results.values() for d in r.entry.ranging.traces[0].dropped}
    assert "negative" in reasons
    assert all(not r.entry.runs[0].traces[0].dropped for r in results.values())


def test_limits_of_meters_are_not_below_what_ptdaemon_states(real_data: Path) -> None:
    """The first method lay below PTDaemon's own reply in all sessions, by up to a third."""
    checked = 0
    for entry in harness.read(real_data / "mlperf-inference-v4.1").entries:
        run = entry.runs[0]
        assert run.window is not None
        channel = run.outer[0].channel
        mean_w = float(run.outer[0].window(run.window).value.mean())
        whole = channel.accuracy.gain_mpe + channel.accuracy.range_limit_w / mean_w
        server = json.loads((entry.directory / "performance/power/server.json").read_text("utf-8"))
        replies = [
            message["reply"]
            for message in server["ptd_messages"]
            if message["cmd"] == "Uncertainty"
        ]
        checked += 1
        assert whole >= float(replies[-1].split(",")[1]), entry.id
    assert checked == 8
