"""hwmon on odd machines: units, layouts, labels, sensors that do not answer."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from fakes import lay_out, machines

from harness.core.errors import UsageError
from harness.meters.adapters.hwmon import Hwmon
from harness.meters.base import NoteKind, ReadFailed, Unavailable
from harness.meters.topology import subject_of


def stand_in(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Lay out a server's sensors; return the options of a meter that reads them."""
    return {"root": str(lay_out("hwmon/server-two-psus", folder / "hwmon"))}


def hwmon(name: str, folder: Path, **options: str) -> Hwmon:
    return Hwmon(str(lay_out(f"hwmon/{name}", folder / "hwmon")), **options)


SUMMED = {
    "server-two-psus": {"hwmon1-pmbus-pin": 212.0, "hwmon2-pmbus-pin": 208.0},
    "acpi-meter": {"hwmon0-power_meter-power1": 305.0},
    "amd-energy": {"hwmon3-amd_energy-Esocket0": 912.345678},
    "dead-sensor": {"hwmon1-ina3221-VDD_IN": 4.2},
    "intel-arc": {"hwmon2-xe-card": 4321.0, "hwmon3-i915-energy1": 98.765432},
    "grace": {
        "hwmon1-power_meter-Grace_Power_Socket_0": 120.5,
        "hwmon4-power_meter-Grace_Power_Socket_1": 118.25,
    },
    "jetson-thor": {"hwmon4-ina238-VIN": 61.75},
    "jetson-xavier": {
        "hwmon1-ina3221-GPU": 19.0 * 0.25,
        "hwmon1-ina3221-CPU": 19.0 * 0.125,
        "hwmon1-ina3221-SOC": 19.0 * 0.063,
    },
    "altra": {"hwmon0-apm_xgene-CPU_power": 88.0, "hwmon0-apm_xgene-IO_power": 21.5},
    "mi250": {"hwmon5-amdgpu-PPT": 302.0},
    "mi300x": {"hwmon5-amdgpu-PPT": 411.0},
    "laptop-battery": {"hwmon1-BAT0-power1": 9.0, "hwmon2-nouveau-power1": 14.5},
    "old-layout": {"hwmon1-power_meter-node": 350.0},
    "power9": {"hwmon0-ibmpowernv-System": 700.0},
    "occ": {"hwmon7-occ-0_system": 512.0},
}
"""What adds up on each machine, and what it reads [W, J]."""


def test_every_fake_machine_is_tried() -> None:
    assert {*SUMMED, "no-power"} == set(machines("hwmon"))


@pytest.mark.parametrize("name", SUMMED)
def test_each_joule_is_counted_once_and_in_the_right_unit(name: str, tmp_path: Path) -> None:
    meter = hwmon(name, tmp_path)
    summed = {channel.id for channel in meter.probe() if channel.part_of is None}
    readings = {reading.channel: reading for reading in meter.read() if not reading.fault}
    values = {id_: readings[id_].value for id_ in summed & readings.keys()}
    assert values == pytest.approx(SUMMED[name], rel=1e-12)
    assert {reading.t_ns for reading in readings.values()} == {None}


def test_a_node_meter_states_its_own_accuracy_and_averaging(tmp_path: Path) -> None:
    node, board = hwmon("acpi-meter", tmp_path).probe()
    assert (node.kind, node.boundary, node.part_of, node.current) == ("mean", "node", None, "ac")
    assert node.accuracy.reading_limit_pct == pytest.approx(5.0)
    assert not node.accuracy.assumed
    assert node.averaging_s == 1.0
    assert node.clock_error_s == 0.5
    assert (board.boundary, board.part_of, board.current) == ("board", node.id, "dc")


def test_an_occ_states_its_averaging_in_microseconds(tmp_path: Path) -> None:
    system = next(c for c in hwmon("occ", tmp_path).probe() if c.part_of is None)
    assert system.averaging_s == pytest.approx(0.5)


def test_a_counter_is_preferred_to_the_power_of_the_same_number(tmp_path: Path) -> None:
    (channel,) = hwmon("amd-energy", tmp_path).probe()
    assert (channel.kind, channel.quantity, channel.unit) == ("counter", "energy", "J")


def test_a_board_without_averages_is_read_by_its_present_power(tmp_path: Path) -> None:
    """MI300 has a file for the average that cannot be read."""
    channel = next(c for c in hwmon("mi300x", tmp_path).probe() if c.part_of is None)
    assert channel.kind == "instant"


def test_the_second_die_of_a_card_is_no_channel(tmp_path: Path) -> None:
    meter = hwmon("mi250", tmp_path)
    assert [channel.id for channel in meter.probe()] == ["hwmon5-amdgpu-PPT"]
    assert [(note.kind, note.channel) for note in meter.notes] == [
        (NoteKind.REMARK, "hwmon6-amdgpu-PPT")
    ]


def test_a_sensor_that_does_not_answer_is_kept_for_when_it_does(tmp_path: Path) -> None:
    meter = hwmon("dead-sensor", tmp_path)
    assert [channel.id for channel in meter.probe()] == [
        "hwmon0-ina3221-power1",
        "hwmon1-ina3221-VDD_IN",
    ]
    dead, alive = meter.read()
    assert math.isnan(dead.value)
    assert "not a number" in dead.fault
    assert alive.value == pytest.approx(4.2)
    (tmp_path / "hwmon" / "hwmon0" / "power1_input").write_text("7500000\n")
    assert [reading.value for reading in meter.read()] == pytest.approx([7.5, 4.2])


def test_sensors_that_all_fail_are_a_failed_read(tmp_path: Path) -> None:
    meter = hwmon("acpi-meter", tmp_path)
    meter.probe()
    for file in (tmp_path / "hwmon").glob("*/power1_average"):
        file.write_text("4294967295000\n")
    with pytest.raises(ReadFailed, match="error value"):
        meter.read()


def test_a_run_without_a_named_meter_takes_no_battery(tmp_path: Path) -> None:
    meter = hwmon("laptop-battery", tmp_path, unknown="no")
    assert [channel.id for channel in meter.probe()] == ["hwmon2-nouveau-power1"]
    battery, _ = hwmon("laptop-battery", tmp_path).probe()
    assert (battery.id, battery.boundary) == ("hwmon1-BAT0-power1", "battery")


def test_supplies_of_which_one_may_rest_say_so(tmp_path: Path) -> None:
    channels = {channel.id: channel for channel in hwmon("server-two-psus", tmp_path).probe()}
    supply = channels["hwmon1-pmbus-pin"]
    assert (supply.boundary, supply.current, supply.meter) == ("psu", "ac", "psu-pmbus")
    assert supply.extra["may_be_zero"] is True
    output = channels["hwmon1-pmbus-pout1"]
    assert (output.boundary, output.current, output.part_of) == ("psu-output", "dc", supply.id)


def test_rails_of_one_label_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "hwmon1"
    folder.mkdir()
    (folder / "name").write_text("ina226\n")
    for number in (1, 2):
        (folder / f"power{number}_label").write_text("rail\n")
        (folder / f"power{number}_input").write_text("1000000\n")
    assert [channel.id for channel in Hwmon(str(tmp_path)).probe()] == [
        "hwmon1-ina226-rail-power1",
        "hwmon1-ina226-rail-power2",
    ]


def test_a_board_is_known_by_its_pci_address(tmp_path: Path) -> None:
    device = tmp_path / "devices" / "0000:41:00.0"
    device.mkdir(parents=True)
    folder = tmp_path / "class" / "hwmon3"
    folder.mkdir(parents=True)
    (folder / "device").symlink_to(device)
    (folder / "name").write_text("amdgpu\n")
    (folder / "power1_average").write_text("90000000\n")
    (channel,) = Hwmon(str(tmp_path / "class")).probe()
    assert subject_of(channel).instance == "0000:41:00.0"


def test_the_context_of_a_board_has_its_units(tmp_path: Path) -> None:
    meter = hwmon("mi250", tmp_path)
    meter.probe()
    files = tmp_path / "hwmon" / "hwmon5"
    (files / "temp1_input").write_text("64000\n")
    (files / "freq1_input").write_text("1700000000\n")
    assert meter.context() == {
        "hwmon5-amdgpu-PPT": {
            "temperature_c": pytest.approx(64.0),
            "clock_mhz": pytest.approx(1700.0),
            "power_limit_w": pytest.approx(560.0),
        }
    }
    supplies = hwmon("server-two-psus", tmp_path / "other")
    supplies.probe()
    assert supplies.context() == {}


def test_only_what_is_named_is_taken(tmp_path: Path) -> None:
    assert len(hwmon("server-two-psus", tmp_path, only=".*pin").probe()) == 2
    with pytest.raises(Unavailable, match="regular expression"):
        Hwmon(str(tmp_path), only="(").probe()
    with pytest.raises(UsageError, match="neither yes nor no"):
        Hwmon(unknown="maybe")


def test_without_a_sensor_the_driver_to_load_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="modprobe acpi_power_meter"):
        hwmon("no-power", tmp_path).probe()
