"""Laws of a leaderboard: what measures nothing never ranks, and unlike things are never ranked
together, whatever else is in the table.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.formats.base import Entry, Quantity
from harness.ranking.comparison import compare
from harness.ranking.leaderboard import Row, Table
from harness.scoring.score import score
from tests.auditing.rules import builders as b
from tests.ranking.test_leaderboard import WORK, board, result_of

HONEST_W = {"a": 300.0, "b": 400.0, "c": 520.0}
ACPI_ERROR_W = 4_294_967.295
Readings = Callable[[np.ndarray], np.ndarray]
BROKEN: dict[str, tuple[str, Readings]] = {
    "counter that never moves": ("counter", lambda t_s: np.full(len(t_s), 5000.0)),
    "counter that stops": ("counter", lambda t_s: 300.0 * np.minimum(t_s - t_s[0], 5.0)),
    "counter that counts micro-watts": ("counter", lambda t_s: 1e-6 * (t_s - t_s[0])),
    "power of 0": ("mean", lambda t_s: np.zeros(len(t_s))),
    "samples of 0": ("instant", lambda t_s: np.zeros(len(t_s))),
    "error value": ("mean", lambda t_s: np.full(len(t_s), ACPI_ERROR_W)),
    "not a number": ("mean", lambda t_s: np.full(len(t_s), np.nan)),
}
"""What meters return that measure nothing: the kind of reading, and the readings over time."""
ALIKE = {
    "boundary": ("wall", "node", "psu-output", "board", "psys", "package", "rack"),
    "meter": ("yokogawa-wt310e", "unknown-sensor", "declared-model"),
    "scenario": ("Offline", "Server"),
    "division": ("closed", "open"),
    "simulated": (False, True),
}
"""What the entries of a table share."""


def broken(name: str, readings: str, boundary: str) -> Entry:
    """Three runs whose meter measures nothing."""
    kind, values = BROKEN[readings]
    runs = []
    for number in range(3):
        t_s = np.arange(1000.0 * number - 5, 1000.0 * number + 606)
        trace = b.trace(t_s, values(t_s), kind, meter="unknown-sensor", boundary=boundary)
        start_s = 1000.0 * number
        runs.append(
            b.run(
                trace,
                id=f"run_{number + 1}",
                window=b.window(start_s, start_s + 600),
                work=WORK,
                performance=Quantity(10.0, "Samples/s"),
            )
        )
    return b.entry(*runs, id=name, system=name)


@functools.cache
def honest(boundary: str) -> tuple[Entry, ...]:
    return tuple(
        result_of(name, power_w, meter="unknown-sensor", boundary=boundary)
        for name, power_w in HONEST_W.items()
    )


@functools.cache
def alone(boundary: str) -> Table:
    """The table of the honest entries, without any other."""
    (table,) = board(*honest(boundary))
    return table


def rows(tables: tuple[Table, ...]) -> dict[str, Row]:
    return {row.result.entry.id: row for table in tables for row in table.rows}


@settings(deadline=None, max_examples=25)
@given(
    faults=st.lists(st.sampled_from(sorted(BROKEN)), min_size=1, max_size=3),
    boundary=st.sampled_from(["board", "package"]),
    order=st.randoms(use_true_random=False),
)
def test_what_measures_nothing_never_ranks_and_moves_nobody(
    faults: list[str], boundary: str, order: object
) -> None:
    dead = [broken(f"dead-{n}", fault, boundary) for n, fault in enumerate(faults)]
    entries = [*honest(boundary), *dead]
    order.shuffle(entries)  # type: ignore[attr-defined]
    table = rows(board(*entries))
    for entry in dead:
        row = table[entry.id]
        assert row.rank is None
        assert row.reasons
        assert not row.result.energy.value or row.verdict == "invalid"
    for row in alone(boundary).rows:
        beside = table[row.result.entry.id]
        assert (beside.rank, beside.verdict) == (row.rank, row.verdict)


@pytest.mark.parametrize("readings", sorted(BROKEN))
@pytest.mark.parametrize("boundary", ["board", "package", "node"])
def test_no_broken_meter_gives_a_ranked_energy(readings: str, boundary: str) -> None:
    (table,) = board(broken("dead", readings, boundary))
    (row,) = table.rows
    assert row.rank is None
    assert row.verdict == "invalid"


@settings(deadline=None, max_examples=20)
@given(
    drawn=st.lists(
        st.fixed_dictionaries({name: st.sampled_from(values) for name, values in ALIKE.items()}),
        min_size=2,
        max_size=5,
    )
)
def test_entries_of_one_table_share_all_that_makes_them_comparable(drawn: list[dict]) -> None:
    entries = [result_of(f"e{n}", 300.0 + n, **about) for n, about in enumerate(drawn)]
    about_of = {entry.id: about for entry, about in zip(entries, drawn, strict=True)}
    tables = board(*entries)
    assert sorted(rows(tables)) == sorted(about_of)
    for table in tables:
        first, *others = [about_of[row.result.entry.id] for row in table.rows]
        assert all(other == first for other in others)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("boundary", ALIKE["boundary"]),
        ("meter", ("unknown-sensor", "declared-model")),
        ("simulated", ALIKE["simulated"]),
        ("scenario", ALIKE["scenario"]),
    ],
)
def test_unlike_results_do_not_compare(name: str, values: tuple) -> None:
    first, *others = values
    one = score(result_of("one", 300.0, **{name: first}), draws=20_000)
    for other in others:
        two = score(result_of("two", 900.0, **{name: other}), draws=20_000)
        assert compare(one, two, draws=20_000).verdict == "not comparable"
