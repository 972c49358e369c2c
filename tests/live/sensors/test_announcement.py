"""What a run prints about its sensors before it begins."""

from __future__ import annotations

from collections.abc import Callable

from harness.live.sensors.announcement import announcement
from harness.meters.topology import Subject
from harness.traces.channel import Channel


def sensors(channel: Callable[..., Channel], *parts: tuple[str, str]) -> list[Channel]:
    return [
        channel("mean", id=f"{part}-{name}", boundary=part, extra=Subject(part, name).header())
        for part, name in parts
    ]


def test_a_sum_names_its_channels_and_what_it_lacks(channel: Callable[..., Channel]) -> None:
    channels = sensors(channel, ("package", "0"), ("core", "0"), ("dram", "0"))
    total, missing = announcement(channels)
    assert total == "sum: package-0 + dram-0"
    assert missing.endswith("fans, storage, network and losses of the supply: not measured")
    assert "memory" not in missing


def test_a_node_meter_lacks_nothing(channel: Callable[..., Channel]) -> None:
    assert list(announcement(sensors(channel, ("node", "a"), ("package", "0")))) == ["sum: node-a"]


def test_many_channels_are_counted(channel: Callable[..., Channel]) -> None:
    total, *_ = announcement(sensors(channel, *(("package", str(n)) for n in range(10))))
    assert total.endswith("package-7 + 2 more")


def test_an_open_pair_is_said(channel: Callable[..., Channel]) -> None:
    _, unknown, *_ = announcement(sensors(channel, ("psys", "0"), ("board", "a")))
    assert unknown == "nobody knows whether psys-0 and board-a contain one another: both are added"
