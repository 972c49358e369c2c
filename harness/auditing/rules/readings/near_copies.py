"""No trace is another one moved in time, thinned, cut or scaled."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from harness.auditing.cross_entry import EntryAddresses, NearDuplicate, TraceAddress
from harness.auditing.rules.base import Rule, RuleContext, Violation

Pair = tuple[TraceAddress, NearDuplicate]

DESCRIPTIONS = {
    "repeat": "readings of {other} again, {shift:+.3f} s later ({share:.0%} of the shorter log)",
    "resample": "readings of {other} again, one for {factor:g} or {factor:g} for one "
    "({share:.0%} of the shorter log)",
    "scale": "the course of {other} times {factor:.6g} (correlation of the steps {share:.6f})",
    "noise": "nearly the course of {other}, at another time (correlation of the steps {share:.3f})",
}


def check(context: RuleContext) -> Iterator[Violation]:
    """Report near copies, one violation for each kind, relation and status."""
    groups: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    addresses = EntryAddresses(context.entry)
    for run, trace in context.summed_traces:
        original = addresses.address(run.run, trace)
        for copy in context.cross_entry.near_duplicates.get(original, ()):
            status = _status(copy, context.limits)
            if status is not None:
                group = (copy.kind, _relation(original, copy.counterpart), status)
                groups[group].append((original, copy))
    for (_, _, group_status), pairs in sorted(groups.items()):
        yield _violation(pairs, "warn" if group_status == "warn" else None)


def _status(copy: NearDuplicate, limits: Mapping[str, float]) -> Literal["fail", "warn"] | None:
    """Return how sure a copy is; None where it may be chance."""
    if copy.kind == "noise":
        return "warn"
    if copy.kind == "scale":
        if copy.factor == 1:
            return "fail"
        return "warn" if copy.share >= limits["correlation_min"] else None
    return "fail" if copy.share >= limits["share_min"] else "warn"


def _relation(original: TraceAddress, copy: TraceAddress) -> Literal["run", "runs", "entries"]:
    if copy.entry != original.entry:
        return "entries"
    return "run" if copy.run == original.run else "runs"


def _violation(pairs: Sequence[Pair], status: Literal["warn"] | None) -> Violation:
    """Return the violation for the surest of some copies, with their number."""
    original, copy = min(pairs, key=lambda pair: (-pair[1].share, pair))
    same_entry = copy.counterpart.entry == original.entry
    source = str(copy.counterpart.location)
    if not same_entry:
        source = f"{copy.counterpart.entry}/{source}"
    got = DESCRIPTIONS[copy.kind].format(
        other=source, shift=copy.shift_s, share=copy.share, factor=copy.factor
    )
    trace_count = len({original for original, _ in pairs})
    if trace_count > 1:
        got = f"{got}; {trace_count} traces of this kind"
    return Violation(
        original.location,
        got,
        "a measurement of each node in each run",
        "Measure every node in every run.",
        status=status,
    )


RULE = Rule(
    id="near-copies",
    title="No trace is another one moved or scaled",
    why="A log that was measured once can serve many runs: moved to their times, cut to their "
    "length, thinned, or scaled slightly, so that no hash is equal.",
    evidence="Windows of 12 readings, of which at least 8 differ, that recur in another trace at "
    "another time or on another node, one after the other or every second to fourth: a violation "
    "from the stated share of the shorter log, a warning below. Traces of one length whose steps "
    "correlate: a warning, from 0.7 on for the usual steps of traces of different times (a copy "
    "with noise added: half of all copies with 1 % of noise are found, and the most similar of 906 "
    "honest pairs correlate at 0.68). False alarms in the shared real data and the simulator: "
    "none. The most similar honest pair of 459 traces of one length is two nodes of one "
    "synchronous run, at 0.9992; the tail of 165 pairs of nodes that ran together puts 6 in a "
    "million to 3 in ten thousand of such pairs above the limit. Two logs that overlap in "
    "time hold the same readings at the same timestamps, and are no copies.",
    remedy="Measure every node in every run.",
    limits=("share_min", "correlation_min"),
    check=check,
)
