"""Real tables: an order with what shows it, and a tie where the evidence leaves it open."""

from __future__ import annotations

from pathlib import Path

from harness import api


def test_resnet50_offline_of_v4_1_holds_by_the_scatter_of_its_pairs(real_data: Path) -> None:
    tables = api.rank(real_data / "mlperf-inference-v4.1")
    table = next(
        table for table in tables if (table.benchmark, table.scenario) == ("resnet50", "Offline")
    )
    first, second = table.rows
    assert [(row.rank.low, row.rank.high) for row in (first, second) if row.rank] == [
        (1, 1),
        (2, 2),
    ]
    for row in (first, second):
        assert row.result.scatter is not None
        assert row.result.scatter.source == "ranging pair"
        assert row.result.scatter.cv is not None
        assert row.result.scatter.cv < 0.02


def test_one_training_measured_as_ac_and_as_dc_is_tied(real_data: Path) -> None:
    tables = api.rank(real_data / "mlperf-training-v4.0")
    table = next(table for table in tables if table.benchmark == "llama2_70b_lora")
    ranked = [row.rank for row in table.rows if row.rank is not None]
    assert [(rank.low, rank.high) for rank in ranked] == [(1, 2), (1, 2)]
