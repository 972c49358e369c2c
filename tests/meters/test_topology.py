"""What each driver's label measures, and which sensors lie in others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.meters.topology import Relation, Subject, arrange, classify, relation, table
from harness.traces.channel import Channel


def test_every_row_states_its_source() -> None:
    for row in table():
        assert len(row.source) > 10, row


@pytest.mark.parametrize(
    ("driver", "label", "part", "instance"),
    [
        ("powercap", "package-1", "package", "1"),
        ("powercap", "package-1-die-0", "package", "1:die-0"),
        ("powercap", "dram", "dram", "d"),
        ("powercap", "psys", "psys", ""),
        ("amd_energy", "Esocket1", "package", "1"),
        ("zenergy", "Esocket0", "package", "0"),
        ("amd_energy", "Ecore017", "core", ""),
        ("amdgpu", "PPT", "board", "0000:41:00.0"),
        ("amdgpu", "", "board", "0000:41:00.0"),
        ("amdgpu", "slowPPT", "package", "0"),
        ("amdgpu-apu", "PPT", "package", "0"),
        ("xe", "card", "board", "0000:41:00.0"),
        ("xe", "pkg", "gpu", "0000:41:00.0"),
        ("i915", "", "board", "0000:41:00.0"),
        ("i915_gt1", "", "gpu", "0000:41:00.0:gt1"),
        ("power_meter", "", "node", "d"),
        ("power_meter", "Module Power Socket 2", "module", "2"),
        ("power_meter", "Grace Power Socket 2", "package", "2"),
        ("power_meter", "CPU Power Socket 2", "core", "2"),
        ("power_meter", "SysIO Power Socket 2", "uncore", "2"),
        ("power_meter", "GPU Power Socket 0", "unknown", "d:gpu power socket 0"),
        ("power_meter", "Dell Inc.", "node", "d"),
        ("power_meter-battery", "", "battery", "d"),
        ("ibmpowernv", "System", "node", "d"),
        ("ibmpowernv", "Chip 8 ", "package", "8"),
        ("ibmpowernv", "Chip 8 Vdd Remote Sense", "core", "8"),
        ("occ", "0_system", "node", "d"),
        ("occ", "2_proc", "package", "d"),
        ("apm_xgene", "CPU power", "package", "d:cpu"),
        ("apm_xgene", "IO power", "package", "d:io"),
        ("corsairpsu", "power total", "psu-output", "d"),
        ("corsairpsu", "power +12v", "psu-rail", "d:power +12v"),
        ("pmbus", "pin", "psu", "d"),
        ("pmbus", "pout1", "psu-output", "d:pout1"),
        ("cffps2", "pin", "psu", "d"),
        ("dps920ab", "pout1", "psu-output", "d:pout1"),
        ("ina3221", "VDD_IN", "module", "jetson"),
        ("ina3221", "VDD_GPU_SOC", "rail", "jetson:vdd_gpu_soc"),
        ("ina238", "VIN", "module", "jetson"),
        ("ina226", "", "unknown", "d:"),
        ("mp2975", "pin", "unknown", "d:pin"),
        ("adm1278", "pin", "unknown", "d:pin"),
        ("BAT0", "", "battery", "d"),
        ("newdriver", "what", "unknown", "d:what"),
        ("powermetrics", "cpu", "core", "0"),
    ],
)
def test_a_label_measures(driver: str, label: str, part: str, instance: str) -> None:
    subject = classify(driver, label, device="d", pci="0000:41:00.0")
    assert (subject.part, subject.instance) == (part, instance)


def test_a_driver_without_a_pci_address_is_told_apart_by_its_device() -> None:
    assert classify("amdgpu", "PPT", device="hwmon4").instance == "hwmon4"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (Subject("package", "0"), Subject("core", "0"), Relation.CONTAINS),
        (Subject("package", "0"), Subject("core", "1"), Relation.APART),
        (Subject("package", "0"), Subject("core"), Relation.CONTAINS),
        (Subject("package", "0"), Subject("core", "0:die-1"), Relation.CONTAINS),
        (Subject("package", "0"), Subject("dram", "0"), Relation.APART),
        (Subject("package", "0"), Subject("board", "x"), Relation.APART),
        (Subject("package", "0"), Subject("package", "0"), Relation.SAME),
        (Subject("package", "0"), Subject("package", "1"), Relation.APART),
        (Subject("package", "0"), Subject("package", "0:die-1"), Relation.CONTAINS),
        (Subject("package", "1"), Subject("package", "10"), Relation.APART),
        (Subject("board", "a"), Subject("gpu", "a"), Relation.CONTAINS),
        (Subject("board", "a"), Subject("gpu", "a:gt1"), Relation.CONTAINS),
        (Subject("board", "a"), Subject("gpu", "b"), Relation.APART),
        (Subject("psys"), Subject("package", "1"), Relation.CONTAINS),
        (Subject("psys"), Subject("dram", "0"), Relation.CONTAINS),
        (Subject("psys"), Subject("board", "a"), Relation.UNKNOWN),
        (Subject("module", "0"), Subject("package", "0"), Relation.CONTAINS),
        (Subject("module", "0"), Subject("package", "1"), Relation.APART),
        (Subject("module", "0"), Subject("board", "a"), Relation.CONTAINS),
        (Subject("module", "jetson"), Subject("rail", "jetson:gpu"), Relation.CONTAINS),
        (Subject("psu", "5"), Subject("psu-output", "5:pout1"), Relation.CONTAINS),
        (Subject("psu", "5"), Subject("psu-output", "6:pout1"), Relation.APART),
        (Subject("psu", "5"), Subject("psu", "6"), Relation.APART),
        (Subject("psu", "5"), Subject("board", "a"), Relation.CONTAINS),
        (Subject("psu-output", "5"), Subject("psu-rail", "5:+12v"), Relation.CONTAINS),
        (Subject("psu-rail", "5:+12v"), Subject("package", "0"), Relation.UNKNOWN),
        (Subject("node", "1"), Subject("psu", "5"), Relation.CONTAINS),
        (Subject("node", "1"), Subject("node", "2"), Relation.UNKNOWN),
        (Subject("wall"), Subject("node", "1"), Relation.CONTAINS),
        (Subject("wall"), Subject("wall"), Relation.APART),
        (Subject("rack"), Subject("wall"), Relation.CONTAINS),
        (Subject("node", "1"), Subject("unknown", "x"), Relation.CONTAINS),
        (Subject("package", "0"), Subject("unknown", "x"), Relation.UNKNOWN),
        (Subject("unknown", "x"), Subject("unknown", "y"), Relation.UNKNOWN),
        (Subject("battery", "1"), Subject("package", "0"), Relation.UNKNOWN),
    ],
)
def test_the_relation_of_two_parts_is_the_same_from_both_sides(
    first: Subject, second: Subject, expected: Relation
) -> None:
    opposite = {Relation.CONTAINS: Relation.WITHIN, Relation.WITHIN: Relation.CONTAINS}
    assert relation(first, second) is expected
    assert relation(second, first) is opposite.get(expected, expected)


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
