"""Each device is read once, by a rank that may, and no instrument serves two machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.distributed.placement import (
    Device,
    assign_meters,
    place_ranks,
    read_sight,
    refuse_shared_meters,
    request_key,
    sight_document,
    visible_devices,
)
from harness.meters import parse
from tests.live.distributed.meter_file import header

RAPL = Device("package-0", "rapl:0@a", True)
BOARDS = [Device(f"board-{n}", f"nvml:{n}", True) for n in range(3)]
MODEL = Device("model", "estimator:10-65@a", False)


def test_a_counter_that_needs_privileges_is_read_by_the_rank_that_has_them() -> None:
    sights = [{"rapl": []}, {"rapl": [RAPL]}, {"rapl": [RAPL]}]
    assert assign_meters([0, 0, 0], sights) == [(), ("rapl",), ()]


def test_boards_that_each_rank_sees_alone_are_all_read() -> None:
    sights = [{"rapl": [RAPL], "nvml": [board]} for board in BOARDS]
    assert assign_meters([0, 0, 0], sights) == [("rapl", "nvml"), ("nvml",), ("nvml",)]


def test_a_meter_that_no_rank_of_a_machine_can_use_stays_with_the_first_to_be_reported() -> None:
    assert assign_meters([0, 0, 1], [{"rapl": []}, {"rapl": []}, {"rapl": [RAPL]}]) == [
        ("rapl",),
        (),
        ("rapl",),
    ]


def test_ranks_that_see_the_same_leave_it_to_the_first_of_each_machine() -> None:
    sights = [{"nvml": BOARDS}] * 4
    assert assign_meters([0, 1, 0, 1], sights) == [("nvml",), ("nvml",), (), ()]


def test_fail_one_calibration_on_two_machines() -> None:
    sights = [{"rapl": [RAPL]}, {"rapl": [RAPL]}]
    with pytest.raises(UsageError, match=r"rank 0 and rank 1.*two machines.*rapl:0@a") as caught:
        refuse_shared_meters([0, 1], sights, [("rapl",)] * 2)
    assert "--shared-meter" in caught.value.fix
    refuse_shared_meters([0, 0], sights, [("rapl",)] * 2)
    refuse_shared_meters([0, 1], sights, [("rapl",), ()])


def test_fail_one_address_on_two_machines_whatever_the_calibration() -> None:
    pdu = request_key(parse("snmp:host=pdu-1,outlet=3"))
    assert "pdu-1" not in pdu  # addresses are private
    sights = [{pdu: [Device("a", "1", True)]}, {pdu: [Device("b", "2", True)]}]
    with pytest.raises(UsageError, match="the address of meter snmp"):
        refuse_shared_meters([0, 1], sights, [(pdu,)] * 2)
    beside = request_key(parse("snmp:host=pdu-1,outlet=4"))
    sights = [{pdu: [Device("a", "1", True)]}, {beside: [Device("b", "2", True)]}]
    refuse_shared_meters([0, 1], sights, [(pdu,), (beside,)])


@pytest.mark.parametrize("here", ["localhost:9100", "http://127.0.0.1:9100", "[::1]:9100"])
def test_an_address_of_the_machine_itself_is_another_meter_on_each(here: str) -> None:
    request = request_key(parse(f"prometheus:url={here}"))
    sights = [{request: [Device("a", str(number), True)]} for number in (0, 1)]
    refuse_shared_meters([0, 1], sights, [(request,)] * 2)


def test_models_of_two_machines_are_no_instrument() -> None:
    refuse_shared_meters([0, 1], [{"estimator": [MODEL]}] * 2, [("estimator",)] * 2)


def test_what_a_rank_sees_survives_the_way(tmp_path: Path) -> None:
    path = tmp_path / "pdu.csv"
    path.write_text(header("pdu", calibration_id="pdu/4711"))
    specs = [parse(f"file:path={path}"), parse("file:path=/nowhere.csv")]
    sight = visible_devices(specs)
    (device,) = sight[request_key(specs[0])]
    assert (device.calibration_id, device.is_meter) == ("pdu/4711", True)
    assert sight[request_key(specs[1])] == []
    assert read_sight(sight_document(sight)) == sight
    assert read_sight({"a": 3, "b": [1, [2]]}) == {"a": [], "b": []}
    assert read_sight("x") == {}


def test_two_thousand_ranks_are_placed_at_once() -> None:
    machines = [number // 8 for number in range(2000)]
    placements = place_ranks(machines, "m", "host", 1)
    assert [item.local_rank for item in placements[:9]] == [*range(8), 0]
    assert {item.local_world_size for item in placements} == {8}
    assert sum(item.samples for item in placements) == 250
