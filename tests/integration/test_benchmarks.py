"""The machinery of the benchmarks, on tiny data; no time is asserted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import audit_speed, data, sampler, scale_speed, table, trace_speed


def test_a_ratio_is_the_median_of_pairs_and_meets_its_bar_from_the_right_side() -> None:
    row = table.Row("ours", 2.0, "peer", 1.0, (1.0, 2.0, 9.0), bar=2)
    assert row.ratio == 2.0
    assert row.met is True
    assert table.Row("ours", 2.0, "peer", 1.0, (1.0, 2.0, 9.0), bar=3, at_least=True).met is False
    assert table.Row("ours", 2.0, "peer", 1.0, (1.0,)).met is None


def test_calls_alternate_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []
    row = table.compare(
        "ours",
        lambda: calls.append("a"),
        "peer",
        lambda: calls.append("b"),
        pairs=2,
        before=lambda: calls.append("-"),
    )
    assert calls == ["-", "a", "b"] * 3
    assert len(row.ratios) == 2


def test_the_table_shows_ratio_range_and_verdict() -> None:
    text = table.show([table.Row("audit", 0.5, "hashes", 0.25, (1.5, 2.0, 4.0), bar=1)])
    assert "2 (1.5 .. 4)" in text
    assert "NO" in text
    assert "500 ms" in text


def test_an_audit_of_simulated_results_gives_a_row(tmp_path: Path) -> None:
    found = data.prepare(tmp_path, small=True)
    assert "simulated" in found.source
    (row,) = audit_speed.rows(found.inference, pairs=1)
    assert row.ratio > 0
    assert data.one_benchmark(found.training, tmp_path / "peer") is None


def test_a_written_trace_has_the_energy_of_its_readings(tmp_path: Path) -> None:
    columns = trace_speed.write(tmp_path, 5_000)
    mean_w = trace_speed.whole(trace_speed.trace_of(columns)) / 2.999
    assert mean_w == pytest.approx(400.0, rel=0.01)


def test_copies_are_audited_by_one_and_by_two_processes(tmp_path: Path) -> None:
    tree = data.prepare(tmp_path / "data", small=True).inference
    copies, jobs = scale_speed.rows(tree, tmp_path / "copies", copies=2, pairs=1)
    assert copies.ratio > 0
    assert jobs.at_least


def test_time_with_and_without_sampling_comes_in_pairs(tmp_path: Path) -> None:
    times = sampler.slowdown(tmp_path, 10, pairs=2)
    assert len(times) == 2
    assert all(0 < time < 60 for pair in times for time in pair)


def test_an_interval_of_a_median_comes_from_ranks() -> None:
    assert sampler.interval([float(k) for k in range(1, 21)]) == (6.0, 15.0)
    assert sampler.interval([1.0, 1.0, 1.0, 99.0]) == (1.0, 99.0)
