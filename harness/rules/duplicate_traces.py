"""No trace is a copy of another: within a run, between runs, between entries."""

from collections.abc import Iterator, Sequence

from harness.rules.base import Case, Hit, Place, Rule, place


def check(case: Case) -> Iterator[Hit]:
    here = case.entry.id
    told: set[tuple[str, str, str]] = set()
    for run, trace in case.summed:
        others = [
            p for p in case.copies.get(trace.content_sha256, ()) if p != (here, run.run.id, place(run.run, trace))
        ]
        if len(trace) < 3 or not others:
            continue
        kind, same = _nearest(others, here, run.run.id)
        mark = (kind, run.run.id if kind == "run" else "", "" if kind != "entry" else same[0][0])
        if mark in told:
            continue  # one finding for all copies of one kind
        told.add(mark)
        yield _hit(case, kind, place(run.run, trace), same)


def _nearest(others: Sequence[Place], here: str, run: str) -> tuple[str, list[Place]]:
    """The closest kind of copy: in the same run, in another run of the entry, in another entry."""
    within = [p for p in others if p[0] == here and p[1] == run]
    between = [p for p in others if p[0] == here and p[1] != run]
    if within:
        return "run", within
    return ("runs", between) if between else ("entry", list(others))


def _hit(case: Case, kind: str, where: str, same: list[Place]) -> Hit:
    if kind == "run":
        count = _copied(case, same[0][1])
        return Hit(
            where, f"the same readings as {same[0][2]}; {count} channels of this run are copies",
            "a measurement of each node", "Measure every node; a copied log is not a measurement.",
        )  # fmt: skip
    if kind == "runs":
        return Hit(
            where, f"the same readings as {same[0][2]} of run {same[0][1]}", "a measurement of each run",
            "Submit each run once, with the power log of that run.",
        )  # fmt: skip
    return Hit(
        where, f"the same readings as {same[0][0]}", "a measurement of each result",
        "Reuse of a session is legal where one run serves two results; say so in the submission.", "", "warn",
    )  # fmt: skip


def _copied(case: Case, run_id: str) -> int:
    hashes = [trace.content_sha256 for run, trace in case.summed if run.run.id == run_id]
    return sum(hashes.count(h) > 1 for h in hashes)


RULE = Rule(
    id="duplicate-traces",
    title="No trace is a copy of another",
    why="Two machines, or two runs, never draw the same power to the last digit at the same millisecond.",
    evidence="Hash of stamps and readings of each trace, against all others that are audited together.",
    remedy="Measure every node in every run.",
    check=check,
)
