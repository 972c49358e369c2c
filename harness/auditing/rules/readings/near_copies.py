"""No trace is another one moved in time, thinned, cut or scaled."""

from collections.abc import Iterator, Sequence

from harness.auditing.rules.base import NearDuplicate, Place, Rule, RuleContext, Violation, place

_SAID = {
    "repeat": "readings of {other} again, {shift:+.3f} s later ({share:.0%} of the shorter log)",
    "resample": "readings of {other} again, one for {factor:g} or {factor:g} for one ({share:.0%} of the shorter log)",
    "scale": "the course of {other} times {factor:.6g} (correlation of the steps {share:.6f})",
}


def check(case: RuleContext) -> Iterator[Violation]:
    entry = case.entry
    found: dict[tuple[str, str, str], list[tuple[Place, NearDuplicate]]] = {}
    for run, trace in case.summed:
        mine = Place(entry.id, run.run.id, place(run.run, trace), (entry.submitter, entry.system))
        for near in case.cross_entry.near.get(mine, ()):
            status = _status(near, case.limits["share_min"], case.limits["correlation_min"])
            if status:
                among = (
                    "run"
                    if near.other[:2] == mine[:2]
                    else "runs"
                    if near.other.entry == mine.entry
                    else "entries"
                )
                found.setdefault((near.kind, among, status), []).append((mine, near))
    for (_, _, status), pairs in sorted(found.items()):
        yield _hit(pairs, "warn" if status == "warn" else "")


def _status(near: NearDuplicate, share: float, correlation: float) -> str:
    if near.kind == "scale":
        exact = near.factor == 1
        return "fail" if exact else "warn" if near.share >= correlation else ""
    return "fail" if near.share >= share else "warn"


def _hit(pairs: Sequence[tuple[Place, NearDuplicate]], status: str) -> Violation:
    mine, near = min(pairs, key=lambda pair: (-pair[1].share, pair))
    other = (
        near.other.file
        if near.other.entry == mine.entry
        else f"{near.other.entry}/{near.other.file}"
    )
    got = _SAID[near.kind].format(
        other=other, shift=near.shift_s, share=near.share, factor=near.factor
    )
    count = len({pair[0] for pair in pairs})
    return Violation(
        mine.file,
        f"{got}; {count} traces of this kind" if count > 1 else got,
        "a measurement of each node in each run",
        "Measure every node in every run.",
        status="warn" if status else None,
    )


RULE = Rule(
    id="near-copies",
    title="No trace is another one moved or scaled",
    why="A log that was measured once can serve many runs: moved to their times, cut to their length, thinned, or "
    "scaled a little, so that no hash is equal.",
    evidence="Windows of 12 readings of which at least 8 differ, found again in another trace at another time or on "
    "another node, one after the other or every second to fourth: a breach from the stated share of the shorter log, a "
    "warning below. Traces of one length whose steps correlate: a warning. False alarms in the shared real "
    "data and the simulator: none; the likeliest honest pair of 1,459 is two nodes of one synchronous run, at 0.9992. "
    "Two logs that overlap in time hold the same readings at the same stamps, and are no copies.",
    remedy="Measure every node in every run.",
    limits=("share_min", "correlation_min"),
    check=check,
)
