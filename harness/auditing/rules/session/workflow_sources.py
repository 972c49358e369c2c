"""The power workflow that was run is one that its round accepts."""

import re
from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import Session

NEEDED = (
    "client.py",
    "server.py",
    "lib/client.py",
    "lib/common.py",
    "lib/server.py",
    "lib/time_sync.py",
)
"""Sources that every release of the workflow hashes."""
SHA1 = re.compile(r"[0-9a-f]{40}")
FIX = "Measure with a release of the power workflow that the round names, unchanged."


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    known = _known(case)
    for side, document in (("client", session.client), ("server", session.server)):
        sources = document.get("sources")
        if document:
            yield from _side(
                f"performance/power/{side}.json",
                sources if isinstance(sources, Mapping) else {},
                known,
            )
    if not known and not case.entry.simulated:
        yield Violation(
            "performance/power",
            "no list of the round's accepted sources is at hand",
            "one to compare with",
            "Compare them with sources_checksums.json of the round's release of power-dev.",
            status="skip",
        )


def _known(case: RuleContext) -> frozenset[str]:
    """Accepted `name hash` pairs; none where the round has no list, is another one, or the sources are simulated."""
    own = case.entry.round == case.round and not case.entry.simulated
    return frozenset(case.accepts["sources"] if own else ())


def _side(
    where: str, sources: Mapping[object, object], known: frozenset[str]
) -> Iterator[Violation]:
    lost = [name for name in NEEDED if not SHA1.fullmatch(str(sources.get(name)))]
    if lost:
        yield Violation(
            where, f"no sha1 of {', '.join(lost)}", "that of each source of the workflow", FIX
        )
    other = [str(name) for name, digest in sources.items() if f"{name} {digest}" not in known]
    if known and other:
        yield Violation(
            where,
            f"sources unknown to us: {shorten(', '.join(sorted(other)), 160)}",
            "those of an accepted release",
            FIX,
            status="warn",
        )


RULE = Rule(
    id="workflow-sources",
    title="The power workflow is a release that the round accepts",
    why="Whoever changes the client or the server can write any log; the hashes of their sources say what was run.",
    evidence="The sources that client.json and server.json name with their sha1, against the releases that are known "
    "to be accepted in the round. check.py fails what its list does not hold. Our lists are not complete, so a hash "
    "that they lack is a warning; where there is none, and for a simulation, only the form is judged. The hashes are "
    "the submitter's own words.",
    remedy="Run an unchanged release.",
    accepts=("sources",),
    applies_to=POWER_SESSION,
    check=check,
)
