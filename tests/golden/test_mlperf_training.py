"""MLPerf training v4.0: published joules to the joule, with our window energy beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.formats.discovery import Found, find
from harness.scoring.result import Result
from harness.scoring.score import score

Rows = Callable[[str], list[dict[str, str]]]
TABLE, PER_RUN = "mlperf-training-v4.0", "mlperf-training-v4.0-per-run"


@pytest.fixture(scope="module")
def results(real_data: Path) -> dict[tuple[str, str, str], Result]:
    """All results, by (submission, system, benchmark)."""
    found = {}
    for place in find(real_data / "mlperf-training-v4.0"):
        assert isinstance(place, Found), place
        entry = place.read()
        found[entry.submitter, entry.system, entry.benchmark] = score(entry, draws=10_000)
    return found


def _key(row: dict[str, str]) -> tuple[str, str, str]:
    return row["submission"], row["system"], row["benchmark"]


def test_every_package_is_found_and_no_other(results: dict, expected: Rows) -> None:
    assert set(results) == {_key(row) for row in expected(TABLE)}


def test_v4_0_code_is_met_to_the_joule(results: dict, expected: Rows) -> None:
    for row in expected(TABLE):
        ours = results[_key(row)].compat["mlperf_training_v4.0"]
        assert ours["unit"] == "J"
        assert abs(ours["value"] - float(row["peer_v4.0_code_olympic_scaled_J"])) < 1, row
        if row["published_J"]:
            assert round(ours["value"]) == int(row["published_J"]), row


def test_current_code_is_met_and_its_crash_is_told(results: dict, expected: Rows) -> None:
    crashes = 0
    for row in expected(TABLE):
        ours = results[_key(row)].compat["mlperf_training_current"]
        if row["peer_current_code"] == "ZeroDivisionError":
            crashes += 1
            assert ours["value"] is None, row
            assert "fails on" in ours["note"]
        else:
            assert abs(ours["value"] - float(row["peer_current_code"])) < 1, row
    assert 0 < crashes < len(expected(TABLE))  # both branches are met


def test_window_energy_is_the_trapezoid_where_readings_cover_the_window(
    results: dict, expected: Rows
) -> None:
    rows = [row for row in expected(TABLE) if float(row["coverage_of_run_window_min"]) == 1.0]
    assert rows
    for row in rows:
        ours = results[_key(row)].compat["window_olympic_scaled"]["value"]
        assert ours == pytest.approx(float(row["window_trapezoid_olympic_scaled_J"]), rel=2e-3), row


def test_coverage_is_that_of_the_table_and_what_is_missing_is_noted(
    results: dict, expected: Rows
) -> None:
    partly = 0
    for row in expected(TABLE):
        result, share = results[_key(row)], float(row["coverage_of_run_window_min"])
        assert round(result.coverage, 4) == share, row
        noted = [note for note in result.notes if "of the window in the worst run" in note]
        assert len(noted) == (share < 1), result.notes
        if share < 1:
            partly += 1
            assert f"{share:.2%}" in noted[0]
    assert partly


def test_uncovered_ends_are_filled_and_not_dropped(results: dict, expected: Rows) -> None:
    """The table's trapezoid stops at the last reading; ours speaks of the whole window, so it is
    larger."""
    row = next(row for row in expected(TABLE) if float(row["coverage_of_run_window_min"]) < 1)
    ours = results[_key(row)].compat["window_olympic_scaled"]["value"]
    theirs = float(row["window_trapezoid_olympic_scaled_J"])
    assert theirs < ours < theirs * 1.03


def test_shape_of_the_package(results: dict, expected: Rows) -> None:
    for row in expected(TABLE):
        result = results[_key(row)]
        assert result.n_runs == int(row["runs"])
        assert result.distinct_runs == int(row["distinct_runs"])
        for run in result.runs:
            assert run.nodes == (int(row["nodes_per_run"]),) * 2
            assert sum(part.power_w for part in run.run.rated) == float(row["switch_estimate_W"])
        assert (result.entry.scaling_factor or 1.0) == pytest.approx(
            float(row["scaling_factor"]), abs=5e-7
        )


def test_each_run_lies_near_its_own_trapezoid(results: dict, expected: Rows) -> None:
    checked = 0
    for row in expected(PER_RUN):
        run = next(r for r in results[_key(row)].runs if r.run.id == row["run"])
        assert run.run.seconds == pytest.approx(float(row["ttt_s"]), abs=5e-4)
        if float(row["coverage_min"]) < 1 or run.largest_gap_s > 10:
            continue
        checked += 1
        theirs = float(row["window_trapezoid_J"])  # holds the switch estimate, like ours
        assert run.energy_j == pytest.approx(theirs, rel=5e-3), row
    assert checked >= 20


def test_negative_and_zero_readings_are_dropped_with_their_reason(results: dict) -> None:
    """8x ssd: five nodes read -43..63 W for about 50 s."""
    result = results["smc-ac-power", "8xSMC-H100-SXM-80GB", "ssd"]
    dropped = [d for run in result.entry.runs for trace in run.traces for d in trace.dropped]
    assert {"negative"} <= {d.reason for d in dropped}
    assert all(float(d.raw) <= 0 for d in dropped if d.reason in ("negative", "zero"))
