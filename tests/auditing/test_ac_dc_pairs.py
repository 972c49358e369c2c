"""Runs measured before the power supplies and behind them: which readings are compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.auditing.ac_dc_pairs import ac_dc_pairs
from harness.auditing.cross_entry import AcDcPair
from harness.auditing.relations import in_memory
from harness.formats.base import Entry, Run
from harness.traces.trace import Trace
from tests.auditing.rules import builders as b

TIMES_S = (0.0, 1.0, 2.0, 3.0)


def node(name: str, *power_w: float, times_s: tuple[float, ...] = TIMES_S, **given: Any) -> Trace:
    fixed = {"id": name, "boundary": "node", "node": name}
    return b.trace(times_s, power_w, **(fixed | given))


def measured(name: str, *traces: Trace, **given: Any) -> Entry:
    run = b.run(*traces, window=b.window(0, 3))
    return b.entry(run, **({"id": name, "submitter": name, "benchmark": "bert"} | given))


AC = measured("Lab-ac-power", node("n1", 100, 200, 300, 400), node("n2", 10, 20, 30, 40))
DC = measured("Lab-dc-power", node("n1", 90, 201, 290, 402), node("n2", 11, 19, 30, 39))


def only(*entries: Entry) -> AcDcPair:
    ((pair,),) = ac_dc_pairs(*in_memory(entries)).values()
    return pair


def test_readings_of_each_node_are_counted_by_hand() -> None:
    """Above are 201 and 402 W of the first node, 11 W of the second; 30 W are equal."""
    assert ac_dc_pairs(*in_memory([AC, DC])).keys() == {"Lab-dc-power"}
    pair = only(AC, DC)
    assert (pair.run, pair.ac_entry) == ("run_1", "Lab-ac-power")
    assert (pair.readings_above, pair.readings_compared) == (3, 8)
    assert pair.mean_ratio == pytest.approx((983 + 99) / (1000 + 100))


def test_only_nodes_are_compared() -> None:
    """A switch is measured by both too; what it draws passes no supply of a node."""
    switch = b.trace(TIMES_S, 50.0, id="switch", boundary="interconnect", node="n3")
    more = replace(switch, value=switch.value * 2)
    with_switch = [
        measured(entry.id, *entry.runs[0].traces, extra)
        for entry, extra in ((AC, switch), (DC, more))
    ]
    assert only(*with_switch) == only(AC, DC)


def test_only_readings_of_one_stamp_are_compared() -> None:
    late = measured("Lab-dc-power", node("n1", 99, 999, times_s=(1.0, 2.5)))
    pair = only(AC, late)
    assert (pair.readings_above, pair.readings_compared) == (0, 1)
    assert pair.mean_ratio == pytest.approx(99 / 200)


def test_nodes_of_other_names_give_a_pair_without_readings() -> None:
    pair = only(AC, measured("Lab-dc-power", node("n9", 1, 2, 3, 4)))
    assert (pair.readings_above, pair.readings_compared, pair.mean_ratio) == (0, 0, 0.0)


@pytest.mark.parametrize(
    "change",
    [
        {"benchmark": "ssd"},
        {"runs": (replace(DC.runs[0], window=b.window(0, 2)),)},
        {"runs": (replace(DC.runs[0], window=b.window(1, 3)),)},
        {"runs": (replace(DC.runs[0], window=None),)},
        {"submitter": "Lab", "id": "Lab"},
        {"submitter": "Lab-ac-dc"},
    ],
    ids=str,
)
def test_what_is_not_the_same_run_makes_no_pair(change: dict[str, Any]) -> None:
    assert ac_dc_pairs(*in_memory([AC, replace(DC, **change)])) == {}


def test_what_the_logs_state_counts_more_than_names() -> None:
    def stated(entry: Entry, current: str) -> Entry:
        traces = (
            replace(trace, channel=replace(trace.channel, current=current))
            for trace in entry.runs[0].traces
        )
        return replace(entry, runs=(replace(entry.runs[0], traces=tuple(traces)),))

    swapped = ac_dc_pairs(*in_memory([stated(AC, "dc"), stated(DC, "ac")]))
    assert swapped.keys() == {"Lab-ac-power"}
    unnamed = [
        replace(stated(entry, current), submitter="Lab", id=current)
        for entry, current in ((AC, "ac"), (DC, "dc"))
    ]
    assert ac_dc_pairs(*in_memory(unnamed)).keys() == {"dc"}


@pytest.mark.parametrize("field", ["submitter", "system", "description"])
def test_the_current_is_a_word_of_a_name(field: str) -> None:
    def named(entry: Entry, name: str) -> Entry:
        plain = replace(entry, submitter="Lab", system="s", id=name)
        if field == "description":
            return replace(plain, system_description={"system_name": name})
        return replace(plain, **{field: name})

    pairs = ac_dc_pairs(*in_memory([named(AC, "Big_AC power"), named(DC, "Big-DC")]))
    assert pairs.keys() == {"Big-DC"}
    assert ac_dc_pairs(*in_memory([named(AC, "Macbook"), named(DC, "Big-DC")])) == {}


def test_of_two_trees_the_nearer_one_is_compared() -> None:
    first, second = (replace(AC, id=f"{tree}/Lab-ac-power/bert") for tree in ("one", "two"))
    behind = replace(DC, id="two/Lab-dc-power/bert")
    for order in ([first, second, behind], [behind, second, first]):
        assert only(*order).ac_entry == "two/Lab-ac-power/bert"


def test_pairs_are_in_the_order_of_their_runs() -> None:
    def two(entry: Entry) -> Entry:
        runs: tuple[Run, ...] = tuple(
            replace(entry.runs[0], id=f"run_{n}", window=b.window(0, n)) for n in (2, 1)
        )
        return replace(entry, runs=runs)

    pairs = ac_dc_pairs(*in_memory([two(AC), two(DC)]))["Lab-dc-power"]
    assert [pair.run for pair in pairs] == ["run_1", "run_2"]
