"""What the records of a load on an LLM endpoint state, over all runs of a result.

Records come from a submission: a value of another type than expected counts as not stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.numbers import stated_number
from harness.scoring.result import Result

TOKEN_UNIT = "J/token"
"""Unit of the energy per unit of work where output tokens were counted."""


def first_record(result: Result) -> Mapping[str, Any]:
    """Return what the first run that was a load on an endpoint states; empty if none was."""
    for run in result.entry.runs:
        if run.evidence.endpoint is not None:
            return run.evidence.endpoint.record
    return {}


def stated_load(result: Result) -> Mapping[str, Any]:
    """Return kind and value of the load."""
    load = first_record(result).get("load")
    return load if isinstance(load, Mapping) else {}


def total_count(result: Result, *path: str) -> int:
    """Sum a count over all runs; a run that does not state it adds nothing.

    Args:
        result: A load on an LLM endpoint.
        path: Names of the nested fields that lead to the count.
    """
    total = 0
    for run in result.entry.runs:
        value: Any = run.evidence.endpoint.record if run.evidence.endpoint else {}
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        total += value if isinstance(value, int) and not isinstance(value, bool) else 0
    return total


def tokens_per_second(result: Result) -> float | None:
    """Return the output tokens per second; ``None`` where they were not counted."""
    performance = result.performance
    return performance.value if performance and performance.unit == "tokens/s" else None


def latency_ms(result: Result, name: str, percentile: str) -> float | None:
    """Return a percentile of a latency of the first run [ms]; ``None`` if it is not stated."""
    values = first_record(result).get(name)
    value = values.get(percentile) if isinstance(values, Mapping) else None
    return None if isinstance(value, str) else stated_number(value)
