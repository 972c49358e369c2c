"""Dollars per correct answer, in two columns that never mix.

- *Declared*: what a provider asks for the tokens, input and output, over the correct answers.
- *Energy*: the measured energy per correct answer times a tariff, with its interval. It is the cost
  of electricity alone: no hardware, building or staff.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.numbers import stated_number
from harness.scoring.result import Result
from harness.uncertainty.estimate import Estimate

J_PER_KWH = 3.6e6
TOKENS_PER_UNIT = 1e6
"""Providers state prices for a million tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What is paid.

    Attributes:
        input_per_million: Dollars for a million input tokens; ``None`` if not declared.
        output_per_million: Dollars for a million output tokens; ``None`` if not declared.
        tariff_per_kwh: Dollars for a kilowatt-hour; ``None`` if not stated.
    """

    input_per_million: float | None = None
    output_per_million: float | None = None
    tariff_per_kwh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCosts:
    """Dollars per correct answer.

    Attributes:
        declared: By the declared price of tokens; ``None`` where it cannot be had.
        energy: By measured energy and tariff; ``None`` where it cannot be had.
    """

    declared: float | None
    energy: Estimate | None


def answer_costs(result: Result, prices: Prices) -> AnswerCosts:
    """Return what a correct answer of a point costs.

    Args:
        result: A measured load on an LLM endpoint.
        prices: Declared prices and tariff.
    """
    return AnswerCosts(declared=_declared(result, prices), energy=_energy(result, prices))


def _declared(result: Result, prices: Prices) -> float | None:
    correct = _sum(result, "grading", "correct")
    tokens_in, tokens_out = _sum(result, "prompt_tokens"), _sum(result, "output_tokens")
    price_in, price_out = prices.input_per_million, prices.output_per_million
    if not correct or tokens_in is None or tokens_out is None:
        return None
    if price_in is None or price_out is None:
        return None
    return (tokens_in * price_in + tokens_out * price_out) / TOKENS_PER_UNIT / correct


def _energy(result: Result, prices: Prices) -> Estimate | None:
    per_correct, tariff = result.per_correct, prices.tariff_per_kwh
    if per_correct is None or per_correct.value is None or tariff is None:
        return None
    ends = (per_correct.value, per_correct.low, per_correct.high)
    value, low, high = (None if end is None else end / J_PER_KWH * tariff for end in ends)
    return Estimate(value, low, high, "$/correct-answer", per_correct.level)


def _sum(result: Result, *path: str) -> float | None:
    """Return the sum of a count over all runs; ``None`` where one does not state it."""
    counts = []
    for run in result.entry.runs:
        value: Any = run.evidence.endpoint.record if run.evidence.endpoint else {}
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        counts.append(None if isinstance(value, str) else stated_number(value))
    stated = [count for count in counts if count is not None and count >= 0]
    return math.fsum(stated) if stated and len(stated) == len(counts) else None
