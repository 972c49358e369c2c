"""No trace is a copy of another: within a run, between runs, between entries."""

from collections.abc import Iterator, Sequence

from harness.auditing.rules.base import Place, Rule, RuleContext, Violation, place

REUSE = "Reuse of a session is legal where one run of a system serves two results; say so in the submission."


def check(case: RuleContext) -> Iterator[Violation]:
    told: set[tuple[str, str]] = set()
    entry = case.entry
    for run, trace in case.summed:
        mine = Place(entry.id, run.run.id, place(run.run, trace), (entry.submitter, entry.system))
        others = list(case.copies.get(trace.content_sha256, ()))
        if mine in others:
            others.remove(mine)  # once: an entry of the same id elsewhere is another
        if len(trace) < 3 or not others:
            continue
        kind, same = _nearest(sorted(others), mine)
        mark = (kind, run.run.id if kind == "run" else same[0].entry if kind == "entry" else "")
        if mark not in told:  # one finding for all copies of one kind
            told.add(mark)
            yield _hit(case, kind, mine, same)


def _nearest(others: Sequence[Place], mine: Place) -> tuple[str, list[Place]]:
    """The closest kind of copy: in the same run, in another run of the entry, in another entry."""
    here = [p for p in others if p.entry == mine.entry and p.owner == mine.owner and p != mine]
    within = [p for p in here if p.run == mine.run]
    if within:
        return "run", within
    return ("runs", here) if here else ("entry", list(others))


def _hit(case: RuleContext, kind: str, mine: Place, same: list[Place]) -> Violation:
    first = same[0]
    if kind == "run":
        count = _copied(case, mine.run)
        return Violation(
            mine.file,
            f"the same readings as {first.file}; {count} channels of this run are copies",
            "a measurement of each node",
            "Measure every node; a copied log is not a measurement.",
        )
    if kind == "runs":
        return Violation(
            mine.file,
            f"the same readings as {first.file} of run {first.run}",
            "a measurement of each run",
            "Submit each run once, with the power log of that run.",
        )
    foreign = [p for p in same if all((*p.owner, *mine.owner)) and p.owner != mine.owner]
    if foreign:
        return Violation(
            mine.file,
            f"the same readings as {foreign[0].entry}, of another system",
            "a measurement of each system",
            "Measure each system.",
        )
    return Violation(
        mine.file,
        f"the same readings as {first.entry}",
        "a measurement of each result",
        REUSE,
        status="warn",
    )


def _copied(case: RuleContext, run_id: str) -> int:
    hashes = [trace.content_sha256 for run, trace in case.summed if run.run.id == run_id]
    return sum(hashes.count(h) > 1 for h in hashes)


RULE = Rule(
    id="duplicate-traces",
    title="No trace is a copy of another",
    why="Two machines, or two runs, never draw the same power to the last digit at the same millisecond.",
    evidence="Hash of stamps and readings of each trace, against all others that are audited together. Within an "
    "entry, and between two systems, a copy is a breach; between two results of one system it is a warning.",
    remedy="Measure every node in every run.",
    check=check,
)
