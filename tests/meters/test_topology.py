"""What each driver's label measures, and which sensors lie in others."""

from __future__ import annotations

import pytest

from harness.meters.topology import Relation, Subject, classify, relation, table


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
