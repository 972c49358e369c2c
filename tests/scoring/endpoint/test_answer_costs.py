"""Dollars per correct answer: declared prices and measured energy are two columns."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.core.schemas import check
from harness.formats.evidence import EndpointEvidence, Evidence
from harness.render.endpoint import endpoint_document, endpoint_text
from harness.scoring.endpoint.answer_costs import Prices, answer_costs
from harness.scoring.result import Result
from harness.scoring.score import score
from tests.scoring.test_score import entry

PRICES = Prices(input_per_million=2.0, output_per_million=10.0, tariff_per_kwh=0.36)
GRADING = {"correct": 30, "asked": 100, "questions": 100, "chance": 0.0}


def result(**changes: Any) -> Result:
    """A run of 10 kJ with 30 right answers from 5,000 tokens in and 2,000 out."""
    record = {
        "model": "m",
        "load": {"kind": "concurrency", "value": 1},
        "grading": GRADING,
        "prompt_tokens": 5000,
        "output_tokens": 2000,
        "requests": {"issued": 100, "completed": 100, "failed": 0, "retries": 0},
    } | changes
    grading = record["grading"] or {}
    endpoint = EndpointEvidence(model="m", load={}, grading=grading, record=record)
    plain = entry("a", 100.0)
    runs = tuple(replace(run, evidence=Evidence(endpoint=endpoint)) for run in plain.runs)
    return score(replace(plain, runs=runs), draws=10_000)


def test_declared_prices_count_tokens_in_and_out() -> None:
    costs = answer_costs(result(), PRICES)
    assert costs.declared == pytest.approx((5000 * 2.0 + 2000 * 10.0) / 1e6 / 30)


def test_energy_costs_what_its_kilowatt_hours_do() -> None:
    item = result()
    energy = answer_costs(item, PRICES).energy
    assert energy is not None
    assert item.per_correct is not None
    assert energy.value == pytest.approx(10_000 / 30 / 3.6e6 * 0.36, rel=1e-6)
    assert energy.low == pytest.approx(item.per_correct.low * 1e-7)  # type: ignore[operator]
    assert energy.high == pytest.approx(item.per_correct.high * 1e-7)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("changes", "prices"),
    [
        ({"prompt_tokens": None}, PRICES),
        ({"output_tokens": "2000"}, PRICES),
        ({"grading": GRADING | {"correct": 0}}, PRICES),
        ({}, Prices(output_per_million=10.0)),
        ({}, Prices(tariff_per_kwh=0.36)),
    ],
    ids=["no input tokens", "text", "none right", "no input price", "tariff alone"],
)
def test_without_tokens_prices_or_right_answers_no_dollars_are_declared(
    changes: dict[str, Any], prices: Prices
) -> None:
    assert answer_costs(result(**changes), prices).declared is None


def test_without_a_tariff_energy_costs_nothing_that_is_known() -> None:
    assert answer_costs(result(), replace(PRICES, tariff_per_kwh=None)).energy is None


def test_the_client_is_stated_apart_and_what_sets_the_interval() -> None:
    item = result(client={"cpu_s": 2.0}, grading=GRADING | {"chance": 0.1})
    text = endpoint_text([item])
    assert "client, apart: 2 s of processor time, 20 ms a request, 7 J modelled" in text
    assert "30.0% of 100 questions, known to 15.1" in text
    assert "the accuracy sets the interval" in text
    (point,) = endpoint_document([item])["points"]
    assert point["client"] == {"cpu_s": 2.0, "modelled_energy_j": 7.0}
    assert point["accuracy"]["less_chance"] == pytest.approx(0.2)


def test_both_columns_are_named() -> None:
    text = endpoint_text([result()], PRICES)
    assert "Declared price" in text
    assert "Energy, 0.36 $/kWh" in text
    assert "0.001 $" in text
    assert "Dollars" not in endpoint_text([result()])


def test_the_document_has_both_or_none() -> None:
    document = endpoint_document([result()], PRICES)
    check("endpoint", json.loads(json.dumps(document)))
    (point,) = document["points"]
    assert point["dollars_per_correct"]["declared"] == pytest.approx(0.001)
    (without,) = endpoint_document([result()])["points"]
    assert without["dollars_per_correct"] is None
