"""The steady part of a load has its own window, tokens, and interval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.formats.base import Entry
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.render.endpoint import endpoint_document
from harness.scoring.endpoint.steady_part import steady_part
from harness.scoring.score import score
from tests.scoring.test_score import S, entry


def loaded(*powers_w: float, cut_s: tuple[int, int] = (10, 70), **changes: Any) -> Entry:
    """Runs of 100 s, of which a minute is steady with 300 tokens."""
    plain = entry("a", *powers_w)
    runs = []
    for run in plain.runs:
        assert run.window is not None
        steady = {
            "start_ns": run.window.start_ns + cut_s[0] * S,
            "stop_ns": run.window.start_ns + cut_s[1] * S,
            "output_tokens": 300.0,
        } | changes
        endpoint = EndpointEvidence(model="m", record={"model": "m", "steady": steady})
        runs.append(replace(run, evidence=Evidence(endpoint=endpoint)))
    return replace(plain, runs=tuple(runs))


def test_energy_and_tokens_are_those_of_the_steady_part() -> None:
    steady = steady_part(score(loaded(100.0), draws=10_000))
    assert steady is not None
    assert steady.seconds == 60
    assert steady.output_tokens == 300
    assert steady.energy_per_token.value == pytest.approx(100.0 * 60 / 300)
    assert steady.energy_per_token.unit == "J/token"
    assert steady.energy_per_token.low is not None


def test_runs_are_summed_and_their_scatter_shows() -> None:
    one, two = (score(loaded(*powers), draws=10_000) for powers in ((100.0,), (98.0, 100.0, 102.0)))
    single, several = steady_part(one), steady_part(two)
    assert single is not None
    assert several is not None
    assert (several.seconds, several.output_tokens) == (180, 900)
    widths = [
        item.energy_per_token.high - item.energy_per_token.low  # type: ignore[operator]
        for item in (single, several)
    ]
    assert widths[1] > 5 * widths[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"start_ns": None},
        {"start_ns": "1"},
        {"stop_ns": 0},
        {"output_tokens": 0},
        {"output_tokens": True},
        {"output_tokens": float("nan")},
    ],
    ids=str,
)
def test_a_record_that_states_no_steady_part_gives_none(changes: dict[str, Any]) -> None:
    assert steady_part(score(loaded(100.0, **changes), draws=10_000)) is None


def test_the_document_states_energy_per_thousand_requests() -> None:
    item = loaded(100.0)
    (run,) = item.runs
    record = {"model": "m", "requests": {"completed": 50}}
    evidence = Evidence(endpoint=EndpointEvidence(model="m", record=record))
    item = replace(item, runs=(replace(run, evidence=evidence),))
    (point,) = endpoint_document([score(item, draws=10_000)])["points"]
    assert point["joules_per_request"]["value"] == pytest.approx(10_000 / 50)
    assert point["joules_per_1000_requests"]["value"] == pytest.approx(10_000 / 50 * 1000)


def test_the_document_has_it_beside_the_whole() -> None:
    (point,) = endpoint_document([score(loaded(100.0), draws=10_000)])["points"]
    assert point["steady"]["energy_per_token"]["value"] == pytest.approx(20.0)
    (without,) = endpoint_document([score(loaded(100.0, start_ns=None), draws=10_000)])["points"]
    assert without["steady"] is None
