"""Provisioned power: the examples of the rules, each method, and documents that give no total."""

from __future__ import annotations

from typing import Any

import pytest

from harness.formats.mlperf.endpoints.power import provisioned_power
from harness.formats.mlperf.endpoints.provisioned import ProvisionedPower
from tests.fakes.endpoint_package import Package, sourced


def summed(nodes: int = 1, identity: int = 0, **parts: Any) -> dict[str, Any]:
    fixed = {
        "cpu": {"count_per_node": 2, "tdp_per_unit": sourced(400)},
        "accelerator": {"count_per_node": 8, "tdp_per_unit": sourced(1000)},
    }
    return {
        "node_set_id": identity,
        "nodes_provisioned": nodes,
        "power_method": "component_sum",
        "components": fixed | parts,
    }


def published(nodes: int, power_kw: float, **more: Any) -> dict[str, Any]:
    power = {"value_kw": power_kw, "source_type": "publication", "source": "a data sheet"}
    method = "node_scaling" if more else "published_system"
    fixed = {"node_set_id": 1, "nodes_provisioned": nodes, "power_method": method}
    return fixed | {"published_power": power} | more


def power(*sets: dict[str, Any], cooling: str = "liquid", **more: Any) -> ProvisionedPower:
    return provisioned_power({"cooling": cooling, "node_sets": list(sets)} | more)


def test_example_of_the_rules_for_parts() -> None:
    parts = {"cpu": {"count_per_node": 1, "tdp_per_unit": sourced(31_000)}}
    boards = {"accelerator": {"count_per_node": 100, "tdp_per_unit": sourced(2000)}}
    assert power(summed(**parts, **boards)).total_kw == 300.30


def test_example_of_the_rules_for_published_systems_and_switches() -> None:
    switches = {"present": True, "switches": [{"count": 2, "power_per_switch": sourced(900)}]}
    assert power(published(10, 14.5), scale_out=switches).total_kw == 146.80


def test_a_bandwidth_estimate_counts_bytes() -> None:
    network = {
        "method": "bandwidth_estimate",
        "aggregate_bandwidth_tbps": 14.4,
        "energy_per_bit_pj": {"value_pj": 5},
    }
    with_network = power(summed(scale_up_network=network)).total_w
    without = power(summed()).total_w
    assert with_network is not None
    assert without is not None
    assert with_network - without == pytest.approx(576 * 1.3)


def test_a_rack_is_scaled_by_whole_nodes() -> None:
    assert power(published(6, 120.0, nodes_in_published_rack=18)).total_kw == 40.0
    too_many = power(published(18, 120.0, nodes_in_published_rack=18))
    assert too_many.total_kw is None
    assert too_many.faults == ("node set 1 scales a rack of 18 nodes to 18",)


@pytest.mark.parametrize(("excluded", "cards"), [(None, 2 * 4), ("a data sheet", 5 * 4)])
def test_network_cards_count_on_summed_nodes_and_elsewhere_if_excluded(
    excluded: str | None, cards: int
) -> None:
    card = {"count_per_node": 4, "counted": True, "tdp_per_nic": sourced(75)}
    if excluded:
        card["excluded_from_published_power"] = excluded
    scale_out = {"present": True, "nics": card}
    total = power(summed(2), published(3, 10.0), scale_out=scale_out).total_w
    assert total == pytest.approx(2 * 8800 * 1.3 + 30_000 + cards * 75 * 1.3)


def test_a_point_pays_for_the_nodes_that_it_engages() -> None:
    switches = {"present": True, "switches": [{"count": 1, "power_per_switch": sourced(1000)}]}
    system = power(summed(2), published(8, 10.0), scale_out=switches)
    assert system.point_kw(None) == system.total_kw
    assert system.point_kw({"0": 1, "1": 2}) == pytest.approx(8.8 * 1.3 + 20 + 1.0 * 3 / 10)
    listed = [{"node_set_id": 0, "nodes_used": 2}, {"node_set_id": 1, "nodes_used": 8}]
    assert system.point_kw(listed) == pytest.approx(system.total_w / 1000)
    for wrong in ({"0": 3, "1": 2}, {"0": 1}, 4, "all", [1], {"0": -1, "1": 1}):
        assert system.point_kw(wrong) is None


def test_a_node_set_of_no_nodes_adds_nothing_to_a_point() -> None:
    system = power(summed(0), published(8, 10.0))
    assert system.point_kw({"0": 0, "1": 2}) == pytest.approx(20)


def test_a_count_beyond_all_systems_is_a_fault() -> None:
    cards = {"count_per_node": 1e300, "counted": True, "tdp_per_nic": sourced(75)}
    scale_out = {"present": True, "nics": cards}
    system = power(summed(10**300), scale_out=scale_out)
    assert system.total_w is None
    assert "nics has no count_per_node" in system.faults


def test_a_wrong_computed_total_is_a_fault() -> None:
    right = power(summed(), computed={"provisioned_power_kw": 11.44})
    wrong = power(summed(), computed={"provisioned_power_kw": 11.45})
    assert right.faults == ()
    assert wrong.faults == ("11.45 kW are stated, 11.44 kW follow from the parts",)


@pytest.mark.parametrize(
    "value", [{}, {"value_w": 1, "value_kw": 1}, {"value_w": -1}, {"value_w": "9"}, {"value_pj": 1}]
)
def test_a_power_of_another_form_gives_no_total(value: dict[str, Any]) -> None:
    part = {"count_per_node": 1, "tdp_per_unit": value}
    result = power(summed(accelerator=part))
    assert result.total_w is None
    assert result.faults == ("accelerator has no single power",)


def test_a_rating_below_its_default_is_named() -> None:
    board = {"model": "AMD MI355X", "count_per_node": 8, "tdp_per_unit": sourced(700)}
    (text,) = power(summed(accelerator=board)).low_ratings
    assert text == "AMD MI355X is rated at 700 W; the default of Appendix D is 1400 W"
    board["tdp_per_unit"] = sourced(1400)
    assert power(summed(accelerator=board)).low_ratings == ()


def test_cooling_of_both_files_must_agree() -> None:
    document = Package().power
    assert provisioned_power(document, "Air-cooled").faults == ()
    (fault,) = provisioned_power(document, "liquid").faults
    assert fault == "cooling is air here and liquid in system_desc.json"


def test_second_generation_takes_a_rack_or_its_parts() -> None:
    rack = {"rack_power_w": 120_000, "rack_nodes": 18, "submitted_nodes": 6}
    assert provisioned_power(rack).total_kw == 40.0
    assert provisioned_power(rack | {"submitted_nodes": 19}).total_kw is None
    assert provisioned_power({}).faults[0] == "it is of no known form"
