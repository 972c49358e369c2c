"""The window of a run covers the work of all ranks, and says who worked outside."""

from __future__ import annotations

from typing import Any

import pytest

from harness.core.timestamps import NS
from harness.live.distributed.rank_windows import (
    LIFE,
    MARKS,
    common_window,
    edge_bounds,
    rank_span_facts,
    read_span,
    seconds_outside,
)
from harness.traces.trace import Window

T = 1_700_000_000 * NS


def span(start_s: float, stop_s: float) -> dict[str, int]:
    return {"start_ns": T + round(start_s * NS), "stop_ns": T + round(stop_s * NS)}


def rank(
    number: int,
    window: tuple[float, float],
    life: tuple[float, float] | None = None,
    *,
    limit_s: float = 0.0,
    **more: Any,
) -> dict[str, Any]:
    clock = {"limit_s": limit_s} if limit_s else None
    facts = {"number": number, "node": f"node-{number}", "clock": clock, "window": span(*window)}
    facts |= {"window_from": MARKS if life else LIFE, "life": span(*(life or window))}
    return facts | more


def seconds(window: Window | None) -> tuple[float, float]:
    assert window is not None
    return (window.start_ns - T) / NS, (window.stop_ns - T) / NS


def test_without_marks_it_goes_from_the_first_start_to_the_last_end() -> None:
    assert seconds(common_window([rank(0, (1, 5)), rank(1, (2, 10)), rank(2, (0.5, 4))])) == (
        0.5,
        10,
    )


def test_marks_of_several_ranks_are_united_and_helpers_do_not_move_them() -> None:
    ranks = [rank(0, (3, 8), (0, 9)), rank(1, (4, 11), (0, 12)), rank(2, (0, 12))]
    window = common_window(ranks)
    assert seconds(window) == (3, 11)
    assert window is not None
    assert seconds_outside(ranks, window) == {}


def test_a_helper_that_outlives_the_programs_with_marks_is_named() -> None:
    ranks = [rank(0, (3, 8), (0, 9)), rank(1, (0, 14))]
    window = common_window(ranks)
    assert window is not None
    assert seconds_outside(ranks, window) == {1: 5}


def test_a_rank_whose_marks_lie_outside_an_edited_window_is_named() -> None:
    ranks = [rank(0, (3, 8), (0, 9)), rank(1, (3, 9), (0, 9))]
    assert seconds_outside(ranks, Window(T + 3 * NS, T + 8 * NS)) == {1: 1}


def test_records_without_windows_make_none() -> None:
    assert common_window([{"number": 0, "node": "node-0"}]) is None
    assert common_window([]) is None


def test_the_life_of_a_program_is_no_mark() -> None:
    life, marked = Window(T, T + 9), Window(T + 1, T + 8)
    assert rank_span_facts(life, life)["window_from"] == LIFE
    facts = rank_span_facts(marked, life)
    assert facts["window_from"] == MARKS
    assert (read_span(facts["window"]), read_span(facts["life"])) == (marked, life)


@pytest.mark.parametrize(
    "document", [None, 3, {}, {"start_ns": 1}, {"start_ns": 1.0, "stop_ns": 2}]
)
def test_what_is_no_span_is_none(document: object) -> None:
    assert read_span(document) is None


def test_an_edge_is_exact_for_the_machine_that_set_it_and_off_by_both_clocks_for_the_others() -> (
    None
):
    ranks = [rank(0, (1, 5)), rank(1, (2, 9), limit_s=0.1), rank(2, (2, 4), limit_s=0.01)]
    bounds = edge_bounds(ranks)
    assert bounds["node-0"] == pytest.approx((0.0, 0.1))
    assert bounds["node-1"] == pytest.approx((0.1, 0.0))
    assert bounds["node-2"] == pytest.approx((0.01, 0.11))
    inside = [rank(0, (1, 9)), rank(1, (2, 8), limit_s=0.1)]
    assert edge_bounds(inside) == {"node-0": (0.0, 0.0), "node-1": (0.1, 0.1)}
