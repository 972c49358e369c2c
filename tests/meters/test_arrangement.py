"""Channels as a tree: what lies inside another is not added again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.meters.arrangement import arrange
from harness.meters.topology import Relation, Subject
from harness.traces.channel import Channel


@pytest.mark.parametrize(
    ("parts", "holders"),
    [
        ([("wall", "mean"), ("package", "counter")], [None, "wall-0"]),
        ([("package", "counter"), ("board", "counter")], [None, None]),
        ([("package", "counter"), ("package", "estimate")], [None, "package-0"]),
        ([("package", "estimate"), ("board", "counter")], [None, None]),
        ([("psu", "instant"), ("psu", "instant"), ("board", "counter")], [None, None, "psu-0"]),
        ([("node", "mean"), ("package", "estimate")], [None, "node-0"]),
        ([("package", "estimate")], [None]),
    ],
)
def test_what_lies_inside_another_is_not_added_again(
    parts: list[tuple[str, str]], holders: list[str | None], channel: Callable
) -> None:
    made = [
        channel(kind, id=f"{where}-{n}", boundary=where) for n, (where, kind) in enumerate(parts)
    ]
    assert list(arrange(made).parents.values()) == holders


def _sensor(channel: Callable[..., Channel], kind: str, id_: str, subject: Subject) -> Channel:
    return channel(kind, id=id_, boundary=subject.boundary, extra=subject.header())


def test_of_two_sensors_of_one_part_the_counter_counts(channel: Callable[..., Channel]) -> None:
    socket = Subject("package", "0")
    arrangement = arrange(
        [
            _sensor(channel, "instant", "a-power", socket),
            _sensor(channel, "counter", "b-energy", socket),
        ]
    )
    assert arrangement.parents == {"a-power": "b-energy", "b-energy": None}
    assert arrangement.duplicates == [("b-energy", "a-power")]
    assert arrangement.top == ["b-energy"]


def test_a_part_names_its_innermost_whole(channel: Callable[..., Channel]) -> None:
    subjects = {
        "core": Subject("core", "0"),
        "node": Subject("node", "h"),
        "psys": Subject("psys"),
        "package": Subject("package", "0"),
    }
    channels = [_sensor(channel, "counter", id_, subject) for id_, subject in subjects.items()]
    assert arrange(channels).parents == {
        "core": "package",
        "node": None,
        "psys": "node",
        "package": "psys",
    }


def test_unknown_pairs_are_named_only_where_both_are_summed(
    channel: Callable[..., Channel],
) -> None:
    rails = [_sensor(channel, "instant", f"rail-{n}", Subject("unknown", str(n))) for n in (1, 2)]
    assert arrange(rails).unknown == [("rail-1", "rail-2")]
    node = _sensor(channel, "mean", "node", Subject("node", "h"))
    assert arrange([*rails, node]).unknown == []
    assert arrange([*rails, node]).top == ["node"]


def test_what_the_data_shows_stands_above_the_table(channel: Callable[..., Channel]) -> None:
    platform = _sensor(channel, "counter", "psys", Subject("psys"))
    board = _sensor(channel, "counter", "gpu", Subject("board", "a"))
    assert arrange([platform, board]).unknown == [("psys", "gpu")]
    contained = arrange([platform, board], {("psys", "gpu"): Relation.CONTAINS})
    assert contained.parents == {"psys": None, "gpu": "psys"}
    assert contained.unknown == []
    apart = arrange([board, platform], {("psys", "gpu"): Relation.APART})
    assert apart.top == ["gpu", "psys"]


def test_a_parent_that_a_meter_states_itself_stays(channel: Callable[..., Channel]) -> None:
    total = channel("mean", id="total", boundary="pdu")
    phase = channel("mean", id="phase", boundary="phase", part_of="total")
    assert arrange([total, phase]).parents == {"total": None, "phase": "total"}
