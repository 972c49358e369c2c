"""All files are of one session, and both sides tell it alike."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Session

KEYS = (
    "version",
    "timezone",
    "modules",
    "sources",
    "messages",
    "uuid",
    "session_name",
    "results",
    "phases",
)
CLIENT, SERVER = "performance/power/client.json", "performance/power/server.json"
FIX = "Submit the files of one session, as they were written."


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    for side, document in ((CLIENT, session.client), (SERVER, session.server)):
        lost = [key for key in KEYS if key not in document]
        if document and lost:
            yield Violation(
                side, f"without {', '.join(lost)}", "all that the power workflow writes", FIX
            )
    yield from _marks(session)
    if session.client and session.server:
        yield from _alike(session)
        yield from _messages(
            session, _list(session.client.get("messages")), _list(session.server.get("messages"))
        )
        yield from _named(session, case.limits["name_slack_s"])
    if session.server.get("debug"):
        yield Violation(
            SERVER, "the server ran in debug mode", "no debug", "Measure again without it."
        )


def _marks(session: Session) -> Iterator[Violation]:
    for mode in MODES:
        electric = session.electric.get(mode)
        for mark, count in electric.marks if electric else ():
            if mark != session.mark(mode):
                yield Violation(
                    f"performance/{FOLDERS[mode]}/spl.txt",
                    f"{count} readings of {shorten(mark, 60) or 'no session'}",
                    session.mark(mode),
                    FIX,
                )


def _alike(session: Session) -> Iterator[Violation]:
    for key in ("session_name", "uuid"):
        if session.client.get(key) != session.server.get(key):
            got = f"{key} {shorten(str(session.client.get(key)), 100)}"
            yield Violation(
                CLIENT,
                got,
                f"{shorten(str(session.server.get(key)), 100)}, as {SERVER} states",
                FIX,
            )
    mine, theirs = (_map(document.get("sources")) for document in (session.client, session.server))
    other = [str(name) for name in mine if name in theirs and mine[name] != theirs[name]]
    if other:
        yield Violation(
            CLIENT,
            f"other sources than the server's: {shorten(', '.join(other), 100)}",
            "the same release on both",
            "Use one release of the power workflow.",
        )


def _messages(session: Session, mine: Sequence[Any], theirs: Sequence[Any]) -> Iterator[Violation]:
    pairs = [(_map(a), _map(b)) for a, b in zip(mine, theirs, strict=False)]
    sent = f"session,{session.name},upload,client.json"  # no document holds the message that it is sent with: v1.0
    heard = (
        theirs[:-1]
        if len(theirs) == len(mine) + 1 and _map(theirs[-1]).get("cmd") == sent
        else theirs
    )
    if len(mine) != len(heard):
        yield Violation(
            CLIENT, f"{len(mine)} messages", f"{len(theirs)}, as the server counts", FIX
        )
    for number, (a, b) in enumerate(pairs, 1):
        if a.get("cmd") != b.get("cmd") or (
            a.get("cmd") != "time" and a.get("reply") != b.get("reply")
        ):
            got = shorten(f"message {number}: {a.get('cmd')} -> {a.get('reply')}", 120)
            yield Violation(
                CLIENT,
                got,
                shorten(f"{b.get('cmd')} -> {b.get('reply')}, as the server has it", 140),
                FIX,
            )
            break
    if pairs:
        asked, told = str(pairs[0][0].get("cmd")), str(pairs[0][0].get("reply"))
        if (
            not asked.startswith("mlcommons/power client v")
            or asked.replace(" client ", " server ") != told
        ):
            yield Violation(
                CLIENT,
                f"{shorten(asked, 50)}, {shorten(told, 50)}",
                "one protocol version on both sides",
                FIX,
            )


def _named(session: Session, slack_s: float) -> Iterator[Violation]:
    """The name is the local time of the begin; zones lie on quarters of an hour."""
    new = [str(m.get("reply")) for m in map(_map, _list(session.server.get("messages"))) if _new(m)]
    if not any(reply.startswith(f"OK {session.name},") for reply in new):
        yield Violation(
            SERVER,
            shorten(", ".join(new) or "no new session", 100),
            f"OK {shorten(session.name, 60)},...",
            FIX,
        )
    phases = session.phases("server", "ranging")
    match = re.match(r"(\d{4}-\d\d-\d\d)_(\d\d-\d\d-\d\d)", session.name)
    if not phases or match is None:
        return
    try:
        named = datetime.fromisoformat(f"{match[1]}T{match[2].replace('-', ':')}+00:00").timestamp()
    except ValueError:
        named = float("nan")
    late = phases[0][0] - named
    if not (abs(late) <= 15 * 3600 and -1.5 <= (late + 450) % 900 - 450 <= slack_s):
        yield Violation(
            SERVER,
            f"session {session.name}, begun {late:.0f} s later",
            f"a name of its begin, within {slack_s:g} s",
            FIX,
            status="warn",
        )


def _new(message: Mapping[str, Any]) -> bool:
    return str(message.get("cmd", "")).startswith("new,")


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, list) else []


RULE = Rule(
    id="session-identity",
    title="All files are of one session",
    why="The readings of a better session, put into the folder of another, carry its mark; two documents of two hosts "
    "must tell one story.",
    evidence="Mark of each reading against the session; name, identifiers, messages, sources and protocol of "
    "client.json against server.json; the debug mode; the name against the time of the session (a warning).",
    remedy="Submit the files of one session, as they were written.",
    limits=("name_slack_s",),
    applies_to=POWER_SESSION,
    check=check,
)
