"""Where meters saw M of N nodes, an estimate over all stands beside the result, or a reason."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.core.schemas import check
from harness.formats.base import Entry, Work
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.render.endpoint import endpoint_document, endpoint_text
from harness.render.json import result_document
from harness.render.terminal.score import score_text
from harness.scoring.endpoint.all_nodes import AllNodes, all_nodes
from harness.scoring.score import score
from harness.traces.trace import Trace
from tests.scoring.test_score import entry

SECONDS, TOKENS = 100, 400.0
DRAWS = 10_000


def served(*powers_w: float, runs: int = 1, boundary: str = "wall", **description: Any) -> Entry:
    """A load on nodes with a meter each; the description states how many there are."""
    plain = entry("a", *[100.0] * runs)
    loads = []
    for run in plain.runs:
        (trace,) = run.traces
        traces = []
        for number, power_w in enumerate(powers_w):
            channel = replace(
                trace.channel,
                id=f"node-{number}",
                node=f"n{number}",
                boundary=boundary,
                calibration_id=f"m{number}",
            )
            values = np.full(len(trace.t_ns), power_w)
            traces.append(Trace(channel, trace.t_ns, values))
        record = {"model": "m", "load": {"kind": "concurrency", "value": 4}}
        evidence = Evidence(endpoint=EndpointEvidence(model="m", record=record))
        changed = replace(run, traces=tuple(traces), evidence=evidence, work=Work(TOKENS, "token"))
        loads.append(changed)
    return replace(plain, runs=tuple(loads), system_description=description)


def estimated(served_entry: Entry) -> AllNodes:
    whole = all_nodes(score(served_entry, draws=DRAWS))
    assert whole is not None
    return whole


def test_what_was_measured_stays_the_result() -> None:
    result = score(served(300.0, 340.0, number_of_nodes=4), draws=DRAWS)
    assert result.energy.value == pytest.approx(640 * SECONDS)
    assert result.estimated_share == 0
    assert any("meters saw 2 of 4 nodes" in note for note in result.notes)


def test_nodes_that_serve_are_held_to_draw_what_the_measured_ones_do() -> None:
    """u = N sqrt((1 - M/N) / M) s with s of two nodes, as Student's t of one degree of freedom."""
    whole = estimated(served(300.0, 340.0, number_of_nodes=4))
    assert (whole.measured, whole.nodes, whole.method) == (2, 4, "like the measured nodes")
    assert whole.energy.value == pytest.approx(4 * 320 * SECONDS, rel=1e-3)
    assert whole.energy_per_unit.value == pytest.approx(4 * 320 * SECONDS / TOKENS, rel=1e-3)
    assert whole.estimated_share == pytest.approx(0.5)
    scale_j = 4 * math.sqrt(0.5 / 2) * math.sqrt(2) * 20 * SECONDS
    assert whole.energy.high is not None
    assert whole.energy.high - whole.energy.value == pytest.approx(12.7 * scale_j, rel=0.1)


def test_more_measured_nodes_give_a_narrower_interval() -> None:
    few, many = (
        estimated(served(*powers_w, number_of_nodes=8))
        for powers_w in ((300.0, 340.0), (300.0, 340.0, 310.0, 330.0))
    )
    widths = [item.energy.high - item.energy.low for item in (few, many)]  # type: ignore[operator]
    assert widths[1] < widths[0] / 4


def test_a_rated_power_is_an_upper_limit() -> None:
    """Three more nodes of at most 700 W, each down to a tenth of it."""
    whole = estimated(served(300.0, number_of_nodes=4, node_rated_power_w=700))
    assert whole.method == "at rated power"
    assert whole.energy.low == pytest.approx((300 + 3 * 70) * SECONDS, rel=0.1)
    assert whole.energy.high == pytest.approx((300 + 3 * 700) * SECONDS, rel=0.05)


def test_several_runs_share_the_error_of_the_nodes_that_are_missing() -> None:
    one, three = (
        estimated(served(300.0, number_of_nodes=4, node_rated_power_w=700, runs=runs))
        for runs in (1, 3)
    )
    widths = [item.energy.high - item.energy.low for item in (one, three)]  # type: ignore[operator]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


@pytest.mark.parametrize(
    ("described", "reason"),
    [
        (served(300.0, number_of_nodes=4), "one measured node does not show how nodes differ"),
        (served(300.0, 340.0, number_of_nodes=4, nodes_used=2), "nodes that do not serve"),
        (
            served(300.0, boundary="board", number_of_nodes=4, node_rated_power_w=700),
            "a rated power covers a whole node, and meters saw its board alone",
        ),
        (served(300.0, 340.0, number_of_nodes=4, node_rated_power_w=0, nodes_used=3), "no rated"),
    ],
    ids=["one node", "idle nodes", "boards alone", "a rated power of zero"],
)
def test_no_estimate_without_what_it_rests_on(described: Entry, reason: str) -> None:
    whole = estimated(described)
    assert whole.energy.value is None
    assert whole.method == ""
    assert reason in whole.energy.note
    result = score(described, draws=DRAWS)
    assert "no estimate" in endpoint_text([result])


@pytest.mark.parametrize(
    "described",
    [
        served(300.0, 340.0, number_of_nodes=2),
        served(300.0, 340.0),
        served(300.0, number_of_nodes="several"),
        served(300.0, number_of_nodes=8, boundary="rack"),
    ],
    ids=["all measured", "nothing stated", "no number", "the meter of a rack"],
)
def test_nothing_stands_beside_a_result_whose_nodes_were_all_seen(described: Entry) -> None:
    assert all_nodes(score(described, draws=DRAWS)) is None


def test_an_entry_that_is_no_endpoint_has_none() -> None:
    plain = replace(entry("a", 100.0), system_description={"number_of_nodes": 4})
    assert all_nodes(score(plain, draws=DRAWS)) is None


def test_the_estimate_is_said_to_be_one_wherever_it_is_shown() -> None:
    result = score(served(300.0, 340.0, number_of_nodes=4), draws=DRAWS)
    line = "all 4 nodes, estimated: 320 J/token"
    assert line in endpoint_text([result])
    assert "all 4 nodes, estimated:" in " ".join(score_text([result]).split())
    point = endpoint_document([result])
    check("endpoint", json.loads(json.dumps(point)))
    assert point["points"][0]["all_nodes"]["measured"] == 2
    document = result_document([result])
    check("result", json.loads(json.dumps(document)))
    assert document["entries"][0]["all_nodes"]["nodes"] == 4
