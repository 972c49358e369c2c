"""The power workflow that was run is one that its round accepts."""

import re
from collections.abc import Iterator, Mapping

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import Session

REQUIRED = (
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
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare the sources of each side with those that the round accepts."""
    accepted = _accepted_sources(context)
    for side, document in (("client", session.client), ("server", session.server)):
        if document:
            sources = document.get("sources")
            where = Location(file=f"performance/power/{side}.json")
            sources = sources if isinstance(sources, Mapping) else {}
            yield from _missing_hashes(where, sources)
            yield from _unknown_sources(where, sources, accepted)
    if not accepted and not context.entry.simulated:
        yield Violation(
            Location(file="performance/power"),
            "no list of the round's accepted sources is at hand",
            "one to compare with",
            "Compare them with sources_checksums.json of the round's release of power-dev.",
            status="skip",
        )


def _accepted_sources(context: RuleContext) -> frozenset[str]:
    """Return accepted pairs of name and hash, as one text each.

    There are none where the round has no list or is not the entry's own, or sources are simulated.
    """
    is_own_round = context.entry.round == context.round
    if not is_own_round or context.entry.simulated:
        return frozenset()
    return frozenset(context.accepts["sources"])


def _missing_hashes(where: Location, sources: Mapping[object, object]) -> Iterator[Violation]:
    missing = [name for name in REQUIRED if not SHA1.fullmatch(str(sources.get(name)))]
    if missing:
        got = f"no sha1 of {', '.join(missing)}"
        yield Violation(where, got, "that of each source of the workflow", FIX)


def _unknown_sources(
    where: Location, sources: Mapping[object, object], accepted: frozenset[str]
) -> Iterator[Violation]:
    unknown = [str(name) for name, digest in sources.items() if f"{name} {digest}" not in accepted]
    if accepted and unknown:
        got = f"sources unknown to us: {shorten(', '.join(sorted(unknown)), 160)}"
        yield Violation(where, got, "those of an accepted release", FIX, status="warn")


RULE = Rule(
    id="workflow-sources",
    title="The power workflow is a release that the round accepts",
    why="A changed client or server can write any log; the hashes of their sources say what was "
    "run.",
    evidence="The sources that client.json and server.json name with their sha1, against the "
    "releases that are known to be accepted in the round. check.py fails what its list does not "
    "hold. Our lists are not complete, so a hash that they lack is a warning; where there is no "
    "list, and for a simulation, only the form is judged. The hashes are the submitter's own "
    "statement.",
    remedy="Run an unchanged release.",
    accepts=("sources",),
    applies_to=POWER_SESSION,
    check=check,
)
