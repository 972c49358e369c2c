"""Machines that people measure: each situation gives the right energy or the right refusal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fakes.pynvml import Board, Driver

from harness.meters.adapters.hwmon import Hwmon
from harness.meters.adapters.nvml import Nvml
from harness.meters.adapters.rapl import Rapl
from harness.meters.base import Unavailable
from tests.cases.machine import BUSY_S, Machine, Power, busy

AMD_RANGE_UJ = 65_532_610_987
SERVER_PSYS_UJ = 4_294_967_295_000_000


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def rapl(machine: Machine) -> Rapl:
    return Rapl(str(machine.root))


def hwmon(machine: Machine, **options: str) -> Hwmon:
    return Hwmon(str(machine.root), **options)


@pytest.fixture
def boards(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> list[Board]:
    """NVIDIA boards whose counters follow the machine's time."""
    found: list[Board] = []
    driver = Driver(found, step=False)
    monkeypatch.setitem(sys.modules, "pynvml", driver.module())
    monkeypatch.setattr(Nvml, "pause", driver.wait)

    def put(t: float, step_s: float) -> None:
        Machine.put(machine, t, step_s)
        for board in found:
            board.run(t, step_s)

    machine.put = put  # type: ignore[method-assign]
    return found


# --- one joule is counted once


def test_two_dies_that_mirror_one_counter_count_once(machine: Machine) -> None:
    machine.jitter_uj = 60_000
    for die in range(2):
        machine.zone(f"intel-rapl:{die}", f"package-0-die-{die}", 68)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j == pytest.approx(68 * BUSY_S, rel=1e-3)
    assert measured.codes == ["counter-twice"]


def test_four_dies_that_mirror_one_counter_are_three_findings(machine: Machine) -> None:
    machine.jitter_uj = 60_000
    for die in range(4):
        machine.zone(f"intel-rapl:{die}", f"package-0-die-{die}", 68)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j == pytest.approx(68 * BUSY_S, rel=1e-3)
    assert measured.codes == ["counter-twice"] * 3


def test_two_dies_with_counters_of_their_own_are_both_summed(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0-die-0", 68)
    machine.zone("intel-rapl:1", "package-0-die-1", 68, start_uj=6_000_000_000)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j == pytest.approx(2 * 68 * BUSY_S, rel=1e-3)
    assert measured.codes == []


def test_sockets_that_run_alike_are_two(machine: Machine) -> None:
    """A core lies in its socket; two sockets that started a microjoule apart are not one."""
    for core in range(8):
        machine.sensor(
            "hwmon3",
            "amd_energy",
            10,
            label=f"Ecore{core:03}",
            file=f"energy{core + 1}_input",
            start_uj=10**9 + core,
        )
    for socket in range(2):
        machine.sensor(
            "hwmon3",
            "amd_energy",
            100,
            label=f"Esocket{socket}",
            file=f"energy{socket + 9}_input",
            start_uj=3 * 10**9 + socket,
        )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(200 * BUSY_S, rel=1e-3)
    assert measured.codes == []


def test_a_socket_seen_by_two_drivers_counts_once(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 100, range_uj=AMD_RANGE_UJ)
    machine.sensor(
        "hwmon3", "amd_energy", 100, label="Esocket0", file="energy1_input", start_uj=9 * 10**9
    )
    measured = machine.measure(rapl(machine), hwmon(machine))
    assert measured.energy_j == pytest.approx(100 * BUSY_S, rel=1e-3)
    assert measured.summed == ["package-0"]
    assert measured.codes == []


def test_an_apu_and_its_package_count_once(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", busy(8, 30), range_uj=AMD_RANGE_UJ)
    machine.sensor("hwmon2", "amdgpu", busy(8, 30), label="PPT", file="power1_average")
    machine.files("hwmon2", {"in1_label": "vddnb", "in1_input": 700})
    measured = machine.measure(rapl(machine), hwmon(machine))
    assert measured.energy_j == pytest.approx(30 * BUSY_S, rel=0.02)
    assert measured.summed == ["package-0"]


def test_a_supply_holds_its_rails(machine: Machine) -> None:
    rails = {"power total": 400, "power +12v": 330, "power +5v": 20, "power +3.3v": 10}
    for number, (label, watts) in enumerate(rails.items(), 1):
        machine.sensor("hwmon1", "corsairpsu", watts, label=label, file=f"power{number}_input")
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(400 * BUSY_S, rel=1e-3)


def test_the_system_of_a_power9_holds_chips_and_fans(machine: Machine) -> None:
    sensors = {"Chip 0 ": 120, "Chip 0 Vdd": 90, "System": 700, "Fan": 60}
    for number, (label, watts) in enumerate(sensors.items(), 1):
        machine.sensor("hwmon0", "ibmpowernv", watts, label=label, file=f"power{number}_input")
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(700 * BUSY_S, rel=1e-3)


def test_boards_stand_beside_sockets(machine: Machine) -> None:
    for socket in range(2):
        machine.sensor(
            "hwmon0",
            "amd_energy",
            100 + socket,
            label=f"Esocket{socket}",
            file=f"energy{socket + 1}_input",
            start_uj=(socket + 1) * 10**9,
        )
    for board in range(4):
        machine.sensor(
            f"hwmon{board + 1}", "amdgpu", 500 + board, label="PPT", file="power1_average"
        )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx((201 + 2006) * BUSY_S, rel=1e-3)


def test_rails_of_a_jetson_are_volts_times_amperes(machine: Machine) -> None:
    rails = [
        ("VDD_GPU_SOC", 19824, 424),
        ("VDD_CPU_CV", 19832, 200),
        ("VIN_SYS_5V0", 5016, 928),
    ]
    machine.files("hwmon2", {"name": "ina3221"})
    for number, (label, millivolts, milliamperes) in enumerate(rails, 1):
        machine.files(
            "hwmon2",
            {
                f"in{number}_label": label,
                f"in{number}_input": millivolts,
                f"curr{number}_input": milliamperes,
            },
        )
    measured = machine.measure(hwmon(machine))
    watts = 19.824 * 0.424 + 19.832 * 0.200 + 5.016 * 0.928
    assert measured.energy_j == pytest.approx(watts * BUSY_S, rel=1e-6)
    assert measured.codes == []


def test_the_input_of_an_orin_nano_holds_its_rails(machine: Machine) -> None:
    rails = [("VDD_IN", 5000, 2000), ("VDD_CPU_GPU_CV", 5000, 800), ("VDD_SOC", 5000, 500)]
    machine.files("hwmon1", {"name": "ina3221"})
    for number, (label, millivolts, milliamperes) in enumerate(rails, 1):
        machine.files(
            "hwmon1",
            {
                f"in{number}_label": label,
                f"in{number}_input": millivolts,
                f"curr{number}_input": milliamperes,
            },
        )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(10 * BUSY_S, rel=1e-6)


def test_the_module_of_a_grace_hopper_holds_cpu_and_gpu(
    machine: Machine, boards: list[Board]
) -> None:
    boards.append(Board(watts=busy(100, 500), pci="0009:01:00.0"))
    for number, (role, power) in enumerate(
        [
            ("Module", busy(220, 680)),
            ("Grace", busy(80, 120)),
            ("CPU", busy(50, 90)),
            ("SysIO", 30.0),
        ]
    ):
        machine.sensor(
            f"hwmon{number}/device",
            "power_meter",
            power,
            file="power1_average",
            power1_oem_info=f"{role} Power Socket 0",
            power1_average_interval=50,
        )
    measured = machine.measure(hwmon(machine), Nvml())
    assert measured.energy_j == pytest.approx(680 * BUSY_S, rel=0.03)
    assert len(measured.summed) == 1


def test_a_grace_socket_without_module_holds_its_two_rails(machine: Machine) -> None:
    for number, (role, watts) in enumerate([("Grace", 120), ("CPU", 90), ("SysIO", 30)]):
        machine.sensor(
            f"hwmon{number}",
            "power_meter",
            watts,
            file="power1_average",
            power1_oem_info=f"{role} Power Socket 1",
            power1_average_interval=1000,
        )
    assert machine.measure(hwmon(machine)).energy_j == pytest.approx(120 * BUSY_S, rel=1e-3)


# --- a platform counter and the boards


def test_a_platform_below_its_package_is_left_out(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 45)
    machine.zone("intel-rapl:0:0", "core", 30, start_uj=4_000_000_000)
    machine.zone("intel-rapl:1", "psys", 9.6, start_uj=700_000_000)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j == pytest.approx(45 * BUSY_S, rel=1e-3)
    assert measured.codes == ["whole-below-parts"]
    assert "9.6 W" in measured.findings[0].message
    assert "psys" not in [trace.channel.id for trace in measured.traces]


@pytest.mark.parametrize(
    ("package_w", "codes"), [(105, []), (109, []), (113, ["whole-below-parts"])]
)
def test_a_whole_may_be_below_its_parts_by_the_limits_of_both(
    machine: Machine, package_w: float, codes: list[str]
) -> None:
    """Both within 5 %: of 109 W at least 103.6 W are true, of 100 W at most 105 W."""
    machine.zone("intel-rapl:0", "package-0", package_w)
    machine.zone("intel-rapl:1", "psys", 100, start_uj=700_000_000)
    measured = machine.measure(rapl(machine))
    assert measured.codes == codes
    assert measured.energy_j == pytest.approx((package_w if codes else 100) * BUSY_S, rel=1e-3)


def test_a_platform_that_cannot_hold_the_boards_stands_beside_them(
    machine: Machine, boards: list[Board]
) -> None:
    boards += [Board(watts=lambda _: 700.0), Board(watts=lambda _: 690.0)]
    machine.zone("intel-rapl:0", "package-0", 150)
    machine.zone("intel-rapl:2", "package-1", 160, start_uj=7_000_000_000)
    machine.zone("intel-rapl:1", "psys", 400, start_uj=60 * 10**12, range_uj=SERVER_PSYS_UJ)
    measured = machine.measure(rapl(machine), Nvml())
    assert measured.energy_j == pytest.approx((400 + 700 + 690) * BUSY_S, rel=0.01)
    assert measured.codes == []


@pytest.mark.parametrize(("platform_busy_w", "total_w"), [(150, 150), (70, 170)])
def test_the_load_tells_whether_a_platform_holds_the_board(
    machine: Machine, boards: list[Board], platform_busy_w: float, total_w: float
) -> None:
    """The board rises by 90 W: a platform that rises with it holds it, another does not."""
    boards.append(Board(watts=busy(10, 100)))
    machine.zone("intel-rapl:0", "package-0", busy(10, 25))
    machine.zone("intel-rapl:1", "psys", busy(40, platform_busy_w), start_uj=700_000_000)
    measured = machine.measure(rapl(machine), Nvml())
    assert measured.energy_j == pytest.approx(total_w * BUSY_S, rel=0.01)
    assert measured.codes == []


def test_a_board_that_moves_by_3_percent_proves_nothing(
    machine: Machine, boards: list[Board]
) -> None:
    boards.append(Board(watts=busy(500, 515)))
    machine.zone("intel-rapl:0", "package-0", 100)
    machine.zone("intel-rapl:1", "psys", 700, start_uj=700_000_000)
    assert machine.measure(rapl(machine), Nvml()).codes == ["containment-unknown"]


def test_a_steady_board_under_a_platform_is_added_with_a_finding(
    machine: Machine, boards: list[Board]
) -> None:
    boards.append(Board(watts=lambda _: 12.0))
    machine.zone("intel-rapl:0", "package-0", 25)
    machine.zone("intel-rapl:1", "psys", 60, start_uj=700_000_000)
    measured = machine.measure(rapl(machine), Nvml())
    assert measured.energy_j == pytest.approx(72 * BUSY_S, rel=0.01)
    assert measured.codes == ["containment-unknown"]


def test_sensors_that_nobody_knows_are_added_with_a_finding(machine: Machine) -> None:
    machine.sensor("hwmon1", "ina226", 20, label="in_a")
    machine.sensor("hwmon2", "ina226", 30, label="in_b")
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(50 * BUSY_S, rel=1e-3)
    assert measured.codes == ["containment-unknown"]
    with pytest.raises(Unavailable, match="no power sensor"):
        hwmon(machine, unknown="no").probe()


def test_two_supplies_together_hold_what_neither_holds_alone(machine: Machine) -> None:
    for number in (5, 6):
        machine.sensor(f"hwmon{number}", "pmbus", busy(100, 260), label="pin")
    machine.zone("intel-rapl:0", "package-0", busy(60, 180))
    machine.zone("intel-rapl:1", "package-1", busy(60, 190), start_uj=7_000_000_000)
    measured = machine.measure(hwmon(machine), rapl(machine))
    assert measured.energy_j == pytest.approx(520 * BUSY_S, rel=0.03)
    assert measured.codes == []


def test_four_modules_hold_four_boards(machine: Machine, boards: list[Board]) -> None:
    for number in range(4):
        boards.append(Board(watts=busy(90, 500 + number), pci=f"000{number}:01:00.0"))
        machine.sensor(
            f"hwmon{number}",
            "power_meter",
            busy(200, 650 + number),
            file="power1_average",
            power1_oem_info=f"Module Power Socket {number}",
            power1_average_interval=50,
        )
    measured = machine.measure(hwmon(machine), Nvml())
    assert measured.energy_j == pytest.approx(2606 * BUSY_S, rel=0.03)
    assert measured.codes == []


@pytest.mark.parametrize(
    ("battery", "total_w", "codes"),
    [(busy(12, 45), 45, []), (lambda _: 20.0, 30, ["sensor-left-out"])],
)
def test_a_battery_counts_while_it_feeds_the_machine(
    machine: Machine, battery: Power, total_w: float, codes: list[str]
) -> None:
    machine.zone("intel-rapl:0", "package-0", busy(3, 30))
    machine.sensor("hwmon1", "BAT0", battery)
    measured = machine.measure(rapl(machine), hwmon(machine))
    assert measured.energy_j == pytest.approx(total_w * BUSY_S, rel=0.05)
    assert measured.codes == codes


@pytest.mark.parametrize(
    ("second_w", "total_w", "codes"),
    [(353, 350, ["counter-twice"]), (150, 500, ["containment-unknown"])],
)
def test_two_node_meters_are_one_if_they_agree(
    machine: Machine, second_w: float, total_w: float, codes: list[str]
) -> None:
    for number, watts in ((1, 350.0), (2, second_w)):
        machine.sensor(
            f"hwmon{number}",
            "power_meter",
            watts,
            file="power1_average",
            power1_average_interval=200,
        )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(total_w * BUSY_S, rel=0.01)
    assert measured.codes == codes


# --- readings that are no readings


def test_a_counter_that_stands_still_yields_no_energy(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 0)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j is None
    assert measured.codes == ["counter-frozen"]
    assert "did not move in 10 s" in measured.findings[0].message


def test_a_board_whose_counter_stands_still_is_measured_by_its_power(
    machine: Machine, boards: list[Board]
) -> None:
    boards += [Board(watts=lambda _: 300.0, frozen=True), Board(watts=lambda _: 210.0)]
    meter = Nvml()
    measured = machine.measure(meter)
    assert measured.energy_j == pytest.approx(510 * BUSY_S, rel=1e-3)
    assert [note.channel for note in meter.notes] == ["gpu-0"]


def test_a_frozen_socket_beside_a_living_one_leaves_no_silent_half(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 100)
    machine.zone("intel-rapl:1", "package-1", 0, start_uj=7_000_000_000)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j is None
    assert measured.codes == ["counter-frozen"]


def test_memory_that_counts_nothing_is_left_out_with_a_finding(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 100)
    machine.zone("intel-rapl:0:0", "dram", 0, start_uj=1_000_000)
    measured = machine.measure(rapl(machine))
    assert measured.energy_j == pytest.approx(100 * BUSY_S, rel=1e-3)
    assert measured.codes == ["sensor-left-out"]


def test_graphics_that_count_nothing_inside_a_package_need_no_finding(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 100)
    machine.zone("intel-rapl:0:1", "uncore", 0, start_uj=1_000_000)
    assert machine.measure(rapl(machine)).codes == []


def test_the_error_value_of_acpi_yields_no_energy(machine: Machine) -> None:
    machine.files(
        "hwmon1",
        {"name": "power_meter", "power1_average_interval": 1000, "power1_average": 4294967295000},
    )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j is None
    assert "error value" in measured.traces[0].dropped[0].raw
    assert measured.codes == ["sensor-unreadable"]
    assert "error value" in measured.findings[0].message


def test_one_error_value_in_a_run_is_one_gap(machine: Machine) -> None:
    machine.sensor(
        "hwmon1", "power_meter", lambda t: 4294967.295 if 4.9 < t < 5.1 else 353.0,
        file="power1_average", power1_average_interval=1000,
    )  # fmt: skip
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(353 * BUSY_S, rel=1e-3)
    assert len(measured.traces[0].dropped) == 1


def test_a_mean_of_300_s_yields_no_energy_of_a_short_run(machine: Machine) -> None:
    machine.sensor(
        "hwmon1",
        "power_meter",
        busy(100, 110),
        file="power1_average",
        power1_average_interval=300000,
    )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j is None
    assert measured.codes == ["average-too-long"]
    assert "300 s" in measured.findings[0].message


def test_a_dead_node_meter_does_not_hide_the_supply(machine: Machine) -> None:
    machine.files(
        "hwmon1", {"name": "power_meter", "power1_average_interval": 300000, "power1_average": 0}
    )
    machine.sensor("hwmon2", "pmbus", 350, label="pin")
    machine.zone("intel-rapl:0", "package-0", 120)
    measured = machine.measure(hwmon(machine), rapl(machine))
    assert measured.energy_j == pytest.approx(350 * BUSY_S, rel=1e-3)
    assert measured.summed == ["hwmon2-pmbus-pin"]
    assert measured.codes == ["sensor-left-out"]


def test_a_node_meter_that_is_stuck_is_left_out(machine: Machine) -> None:
    machine.sensor(
        "hwmon1", "power_meter", 163, file="power1_average", power1_average_interval=1000
    )
    machine.zone("intel-rapl:0", "package-0", busy(40, 120))
    measured = machine.measure(hwmon(machine), rapl(machine))
    assert measured.energy_j == pytest.approx(120 * BUSY_S, rel=0.01)
    assert measured.codes == ["whole-below-parts"]
    assert "stands still" in measured.findings[0].message


def test_a_node_meter_may_not_see_what_its_parts_do(machine: Machine) -> None:
    """15 W of 400 W may lie below what a node meter resolves."""
    machine.sensor(
        "hwmon1", "power_meter", 400, file="power1_average", power1_average_interval=1000
    )
    machine.zone("intel-rapl:0", "package-0", busy(40, 55))
    measured = machine.measure(hwmon(machine), rapl(machine))
    assert measured.codes == []
    assert measured.energy_j == pytest.approx(400 * BUSY_S, rel=1e-3)


def test_a_mean_over_as_long_as_the_record_is_a_mean_of_it(machine: Machine) -> None:
    machine.sensor(
        "hwmon1", "power_meter", 400, file="power1_average", power1_average_interval=9000
    )
    assert machine.measure(hwmon(machine)).codes == []


def test_attributes_may_lie_in_the_parent_device(machine: Machine) -> None:
    machine.sensor(
        "hwmon1/device",
        "power_meter",
        350,
        file="power1_average",
        power1_average_interval=1000,
        power1_oem_info="node",
    )
    assert machine.measure(hwmon(machine)).energy_j == pytest.approx(350 * BUSY_S, rel=1e-3)


def test_a_board_that_sleeps_at_first_is_measured_once_it_wakes(machine: Machine) -> None:
    machine.sensor("hwmon1", "amdgpu", 12, file="power1_average")
    machine.files("hwmon2", {"name": "amdgpu"})
    awake = busy(0, 250)
    machine.texts["hwmon2/power1_average"] = lambda t: (
        str(round(awake(t) * 1e6)) if awake(t) else "Operation not permitted"
    )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(262 * BUSY_S, rel=0.02)
    assert measured.codes == []


def test_the_only_board_may_sleep_when_the_run_begins(machine: Machine) -> None:
    machine.files("hwmon2", {"name": "amdgpu"})
    awake = busy(0, 250)
    machine.texts["hwmon2/power1_average"] = lambda t: (
        str(round(awake(t) * 1e6)) if awake(t) else "Operation not permitted"
    )
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(250 * BUSY_S, rel=0.05)


def test_tiles_of_a_card_without_address_are_added_with_a_finding(machine: Machine) -> None:
    machine.sensor("hwmon1", "i915", 200, file="energy1_input")
    machine.sensor("hwmon2", "i915_gt0", 90, file="energy1_input", start_uj=3 * 10**9)
    assert machine.measure(hwmon(machine)).codes == ["containment-unknown"]


def test_a_sensor_that_never_answers_is_named(machine: Machine) -> None:
    machine.sensor("hwmon1", "amdgpu", 12, file="power1_average")
    machine.files("hwmon2", {"name": "amdgpu", "power1_average": ""})
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(12 * BUSY_S, rel=1e-3)
    assert measured.codes == ["sensor-left-out"]
    assert "hwmon2" in measured.findings[0].message


def test_a_supply_in_cold_redundancy_draws_0_w(machine: Machine) -> None:
    machine.sensor("hwmon5", "pmbus", 350, label="pin")
    machine.sensor("hwmon6", "pmbus", 0, label="pin")
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j == pytest.approx(350 * BUSY_S, rel=1e-3)
    assert measured.codes == []
    assert len(measured.summed) == 2


def test_supplies_that_all_read_0_w_measure_nothing(machine: Machine) -> None:
    machine.sensor("hwmon5", "pmbus", 0, label="pin")
    machine.sensor("hwmon6", "pmbus", 0, label="pin")
    measured = machine.measure(hwmon(machine))
    assert measured.energy_j is None
    assert measured.codes == ["sensor-unreadable", "sensor-unreadable"]


def test_a_board_without_power_is_named_and_the_others_are_measured(
    machine: Machine, boards: list[Board]
) -> None:
    boards += [Board(watts=lambda _: 300.0), Board(watts=None)]
    meter = Nvml()
    measured = machine.measure(meter)
    assert measured.energy_j == pytest.approx(300 * BUSY_S, rel=1e-3)
    assert [note.channel for note in meter.notes] == ["gpu-1"]
