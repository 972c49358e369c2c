"""token-counts-agree: usage, fragments and a reference tokenizer within one percent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.formats.base import Entry
from harness.formats.evidence import EndpointEvidence, Evidence
from tests.auditing.rules import builders as b

RULE = "token-counts-agree"


def counted(**record: Any) -> Entry:
    trace = b.trace(range(60), 100.0)
    run = replace(
        b.run(trace, window=b.window(0, 59)),
        evidence=Evidence(endpoint=EndpointEvidence(record=record)),
    )
    return b.entry(run)


@pytest.mark.parametrize(
    "record",
    [
        {"output_tokens": 1000, "fragments": 990},
        {"output_tokens": 1000, "fragments": 1000, "reference_tokens": 1010},
        {"output_tokens": 1000, "fragments": 0},
        {"output_tokens": "1000", "fragments": 10},
        {"output_tokens": None},
        {},
    ],
    ids=str,
)
def test_pass_counts_within_one_percent_or_a_single_count(record: dict[str, Any]) -> None:
    b.assert_pass(b.judge(counted(**record)), RULE)


@pytest.mark.parametrize(
    ("record", "got"),
    [
        ({"output_tokens": 1000, "fragments": 989}, "1000 by the server's usage, 989 fragments"),
        (
            {"output_tokens": 1000, "fragments": 1000, "reference_tokens": 1011},
            "1011 by the reference tokenizer",
        ),
    ],
    ids=["fragments", "reference"],
)
def test_warn_counts_further_apart(record: dict[str, Any], got: str) -> None:
    b.assert_found(
        b.judge(counted(**record)), RULE, "warn", where="run", got=got, expected="within 1%"
    )


def test_warn_replies_beyond_what_was_asked_for() -> None:
    judged = b.judge(counted(output_tokens=1000, fragments=1000, beyond_limit=3))
    b.assert_found(judged, RULE, "warn", where="run", got="3 replies", expected="at most")
