"""No trace is a copy of another: within a run, between runs, between entries."""

from collections.abc import Iterator, Sequence
from typing import Literal

from harness.auditing.cross_entry import EntryAddresses, TraceAddress
from harness.auditing.rules.base import Rule, RuleContext, Violation

Relation = Literal["same run", "other run", "other entry"]
"""How a copy is related to the trace that it is a copy of; the closest relation counts."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report copies once for each relation: a run, the runs of the entry, another entry."""
    entry = context.entry
    addresses = EntryAddresses(entry)
    reported: set[tuple[Relation, str]] = set()
    for run, trace in context.summed_traces:
        original = addresses.address(run.run, trace)
        copies = list(context.copies.get(trace.content_sha256, ()))
        if original in copies:
            copies.remove(original)  # once only: an equal place further on is another entry
        if len(trace) < 3 or not copies:
            continue
        relation, related = _closest(sorted(copies), original)
        group = (relation, _group_name(relation, original, related))
        if group not in reported:
            reported.add(group)
            yield _violation(context, relation, original, related)


def _closest(
    copies: Sequence[TraceAddress], original: TraceAddress
) -> tuple[Relation, list[TraceAddress]]:
    """Return the closest relation that any copy has, and the copies that have it."""
    in_entry = []
    for copy in copies:
        if copy.entry == original.entry and copy.owner == original.owner and copy != original:
            in_entry.append(copy)
    in_run = [copy for copy in in_entry if copy.run == original.run]
    if in_run:
        return "same run", in_run
    if in_entry:
        return "other run", in_entry
    return "other entry", list(copies)


def _group_name(relation: Relation, original: TraceAddress, related: Sequence[TraceAddress]) -> str:
    """Return what copies have in common that are reported together."""
    if relation == "same run":
        return original.run
    return related[0].entry if relation == "other entry" else ""


def _violation(
    context: RuleContext,
    relation: Relation,
    original: TraceAddress,
    related: Sequence[TraceAddress],
) -> Violation:
    first = related[0]
    if relation == "same run":
        count = _copied_channels(context, original.run)
        return Violation(
            original.location,
            f"the same readings as {first.location}; {count} channels of this run are copies",
            "a measurement of each node",
            "Measure every node; a copied log is not a measurement.",
        )
    if relation == "other run":
        return Violation(
            original.location,
            f"the same readings as {first.location} of run {first.run}",
            "a measurement of each run",
            "Submit each run once, with the power log of that run.",
        )
    foreign = _of_other_systems(related, original)
    if foreign:
        return Violation(
            original.location,
            f"the same readings as {foreign[0].entry}, of another system",
            "a measurement of each system",
            "Measure each system.",
        )
    return Violation(
        original.location,
        _shared_measurement(original, related),
        "",
        "Nothing: one run of a system may serve several results.",
        status="note",
    )


def _shared_measurement(original: TraceAddress, related: Sequence[TraceAddress]) -> str:
    """Return a result of the same machine that shares the measurement of this one."""
    text = f"shares its measurement with {related[0].entry}"
    systems = sorted({copy.owner[1] for copy in related} - {original.owner[1], ""})
    if systems:
        text += f"; the machine is also entered as {systems[0]}"
    return text


def _of_other_systems(copies: Sequence[TraceAddress], original: TraceAddress) -> list[TraceAddress]:
    """Return the copies that are known to be those of another machine."""
    return [copy for copy in copies if copy.is_from_other_machine(original)]


def _copied_channels(context: RuleContext, run_id: str) -> int:
    """Count the channels of a run whose readings another channel of the run has too."""
    hashes = [trace.content_sha256 for run, trace in context.summed_traces if run.run.id == run_id]
    return sum(hashes.count(digest) > 1 for digest in hashes)


RULE = Rule(
    id="duplicate-traces",
    title="No trace is a copy of another",
    why="Two machines, or two runs, never draw the same power to the last digit at the same "
    "millisecond.",
    evidence="Hash of timestamps and readings of each trace, against all others that are audited "
    "together. A copy within an entry, or between two machines, is a violation; that one "
    "measurement of a machine serves several results is noted. A machine that is entered in two "
    "suites is one: its descriptions differ in system_type and in paths only.",
    remedy="Measure every node in every run.",
    check=check,
)
