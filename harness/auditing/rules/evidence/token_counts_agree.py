"""Different counts of the output tokens of a load on an LLM endpoint agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.core.numbers import stated_number
from harness.formats.base import Run

COUNTS = {
    "output_tokens": "by the server's usage",
    "fragments": "fragments",
    "reference_tokens": "by the reference tokenizer",
}
"""Counts in a record, and what each is."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report loads whose counts differ by more than the limit."""
    share_max = context.limits["share_max"]
    for run in context.entry.runs:
        counts = dict(_counts(run))
        if not counts:
            continue
        smallest, largest = min(counts.values()), max(counts.values())
        if largest - smallest > share_max * largest:
            words = [f"{counts[name]:g} {COUNTS[name]}" for name in counts]
            yield Violation(
                location(run),
                ", ".join(words),
                f"counts within {share_max:.0%} of each other",
                "State which count is meant, and give a reference tokenizer.",
            )
        beyond_limit = stated_number(_record(run).get("beyond_limit")) or 0
        if beyond_limit > 0:
            yield Violation(
                location(run),
                f"{beyond_limit:g} replies with more tokens, by the server's usage, than asked for",
                "at most the tokens that each question allows",
                "Give a reference tokenizer: the server counts what it cannot have sent.",
            )


def _counts(run: Run) -> Iterator[tuple[str, float]]:
    """Yield the counts of a record; a server without usage has its fragments counted once."""
    record = _record(run)
    for name in COUNTS:
        value = None if isinstance(record.get(name), str) else stated_number(record.get(name))
        if value is not None and value > 0:
            yield name, value


def _record(run: Run) -> Mapping[str, Any]:
    return run.evidence.endpoint.record if run.evidence.endpoint else {}


RULE = Rule(
    id="token-counts-agree",
    title="Different counts of output tokens agree",
    why="Energy per token is as good as the count: a server that counts otherwise than its "
    "tokenizer looks better or worse than it is.",
    evidence="The record of a load on an LLM endpoint: the server's usage, the fragments that "
    "arrived, a reference tokenizer where one was named, and the longest replies that its "
    "questions allow. A server that sends several tokens in a fragment, or counts the end of a "
    "reply as a token, is reported too.",
    remedy="Name a reference tokenizer, and state which count the energy per token uses.",
    applies_to=RECORDED_RUNS,
    limits=("share_max",),
    check=check,
)
