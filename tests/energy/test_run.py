"""Energy of one run beside its channels: rated parts, and nodes that nobody measured."""

from __future__ import annotations

import math
from typing import Any

import pytest

from harness.energy.run import RunEnergy, run_energy
from harness.formats.base import Rated
from harness.traces.trace import Trace
from tests.auditing.rules import builders as b

WINDOW = b.window(0, 100)


def node(number: int, power_w: float) -> Trace:
    return b.trace(range(-5, 106), power_w, id=f"node-{number}", boundary="node", node=f"n{number}")


def measured(*traces: Trace, nodes: int = 0, **given: Any) -> RunEnergy:
    run = b.run(*traces, **({"window": WINDOW} | given))
    return run_energy(b.entry(run, system_description={"number_of_nodes": nodes}), run)


def rated(power_w: float, idle_share: float) -> Rated:
    return Rated(
        id="switch", power_w=power_w, boundary="interconnect", idle_share=idle_share, source="sheet"
    )


def component(found: RunEnergy, name: str) -> Any:
    (only,) = [item for item in found.terms if name in item.name]
    return only


def test_a_rated_part_adds_its_power_and_is_known_down_to_its_idle() -> None:
    """50 W over 100 s are 5 kJ at most; from 30 % of it, so 3.5 kJ may be missing."""
    found = measured(node(0, 400.0), rated=(rated(50.0, 0.3),))
    assert found.energy_j == pytest.approx(45_000)
    assert found.estimated_j == pytest.approx(5_000)
    part = next(part for part in found.parts if part.correlation_key.startswith("rated|"))
    assert (part.energy, part.gain_mpe, part.source) == (pytest.approx(5_000), 0.0, "sheet")
    missing = component(found, "rated")
    assert (missing.up, missing.down) == (pytest.approx(-3_500), pytest.approx(-3_500))
    assert missing.mean == pytest.approx(-1_750)


def test_rated_parts_add_up() -> None:
    found = measured(node(0, 400.0), rated=(rated(50.0, 0.3), rated(20.0, 0.5)))
    assert found.energy_j == pytest.approx(47_000)
    assert found.estimated_j == pytest.approx(7_000)


def test_nodes_without_a_trace_are_estimated_from_the_others() -> None:
    """Two of four nodes, 40 and 44 kJ: two more of 42 kJ, u = 4 sqrt(1/4) s, s = 2.83 kJ."""
    found = measured(node(0, 400.0), node(1, 440.0), nodes=4)
    assert found.nodes == (2, 4)
    assert found.energy_j == pytest.approx(168_000)
    assert found.estimated_j == pytest.approx(84_000)
    spread_j = math.sqrt(2) * 2_000
    assert component(found, "missing nodes").up == pytest.approx(4 * math.sqrt(0.25) * spread_j)
    assert "2 of 4 nodes" in component(found, "missing nodes").source


def test_rated_parts_and_missing_nodes_are_both_estimated() -> None:
    found = measured(node(0, 400.0), nodes=2, rated=(rated(50.0, 0.3),))
    assert found.energy_j == pytest.approx(85_000)
    assert found.estimated_j == pytest.approx(45_000)


def test_all_nodes_measured_leaves_nothing_estimated() -> None:
    for stated in (0, 1, 2):
        found = measured(node(0, 400.0), node(1, 440.0), nodes=stated)
        assert found.nodes == (2, 2)
        assert (found.energy_j, found.estimated_j) == (pytest.approx(84_000), 0.0)
        assert not [item for item in found.terms if "missing" in item.name]


def test_a_run_without_window_or_readings_has_no_energy() -> None:
    for found in (
        measured(node(0, 400.0), window=None),
        measured(),
        measured(rated=(rated(5, 1),)),
    ):
        assert found.energy_j is None
        assert (found.estimated_j, found.coverage) == (0.0, 0.0)


def test_coverage_is_that_of_the_worst_channel_and_0_where_one_is_silent() -> None:
    half = b.trace(range(-5, 51), 400.0, id="node-1", boundary="node", node="n1")
    silent = b.trace((), (), id="node-2", boundary="node", node="n2")
    assert measured(node(0, 400.0)).coverage == 1.0
    assert measured(node(0, 400.0), half).coverage == pytest.approx(0.5, abs=0.01)
    assert measured(node(0, 400.0), silent).coverage == 0.0


@pytest.mark.parametrize("bounds_s", [(0.1, 0.3), (0.3, 0.0), (0.0, 0.2)])
def test_clocks_of_machines_may_lengthen_or_shorten_a_window_at_both_ends(
    bounds_s: tuple[float, float],
) -> None:
    """400 W for as long as both bounds together, more or less; 95 % of the draws hold both."""
    found = measured(b.trace(range(-5, 106), 400.0, edge_bounds_s=bounds_s))
    clocks = component(found, "clocks of the machines")
    assert clocks.up == pytest.approx(400 * sum(bounds_s) / 0.95, rel=1e-9)
    assert clocks.down == pytest.approx(-400 * sum(bounds_s) / 0.95, rel=1e-9)
