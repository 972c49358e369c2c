"""All files are of one session, and both sides report it alike."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.analyzer import WITHOUT_DAEMON
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Session

REQUIRED_KEYS = (
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
CLIENT, SERVER = (
    Location(file="performance/power/client.json"),
    Location(file="performance/power/server.json"),
)
DIRECT_FIX = (
    "Measure through SPEC's PTDaemon; or rank the run directories of the session, which have a "
    "class of their own."
)
FIX = "Submit the files of one session, as they were written."
SESSION_NAME = re.compile(r"(\d{4}-\d\d-\d\d)_(\d\d-\d\d-\d\d)")
EMULATED = re.compile(r"version=([^,]{1,80}-emulated),")
"""What joulemark's emulator of a PTDaemon answers to Identify."""
DIRECT = re.compile(rf"version=([^,]{{1,80}}{WITHOUT_DAEMON})")
"""What joulemark's director states where it read the analyzer by SCPI itself."""
MAX_ZONE_S = 15 * 3600
QUARTER_HOUR_S = 900
NAMED_EARLY_S = 1.5
"""How long before the name's second a session may begin: the name has whole seconds."""

Document = Mapping[str, Any]
Messages = Sequence[Document]


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare the two documents with each other, the readings, and the session's time."""
    yield from _missing_keys(session)
    yield from _foreign_readings(session)
    if session.client and session.server:
        yield from _other_identity(session)
        yield from _other_messages(session)
        yield from _other_protocol(session)
        yield from _wrong_name(session, context.limits["name_slack_s"])
    yield from _without_daemon(session)
    if session.server.get("debug"):
        got = "the server ran in debug mode"
        yield Violation(SERVER, got, "no debug", "Measure again without it.")


def _without_daemon(session: Session) -> Iterator[Violation]:
    """Report a PTDaemon that says itself that it is emulated, and an analyzer read without one."""
    for messages in session.exchanges:
        identity = next((item.reply for item in messages if item.cmd == "Identify"), "")
        emulated, direct = EMULATED.search(identity), DIRECT.search(identity)
        if emulated:
            got = f"an emulated PTDaemon ({shorten(emulated[1], 40)})"
            yield Violation(SERVER, got, "the readings of an analyzer", "Measure with an analyzer.")
        if direct:
            version = direct[1].rstrip(",")
            got = f"an analyzer read by SCPI, without a PTDaemon ({shorten(version, 40)})"
            yield Violation(SERVER, got, "the readings of SPEC's PTDaemon", DIRECT_FIX)


def _missing_keys(session: Session) -> Iterator[Violation]:
    for where, document in ((CLIENT, session.client), (SERVER, session.server)):
        missing = [key for key in REQUIRED_KEYS if key not in document]
        if document and missing:
            got = f"without {', '.join(missing)}"
            yield Violation(where, got, "all that the power workflow writes", FIX)


def _foreign_readings(session: Session) -> Iterator[Violation]:
    """Report readings that carry the mark of another session."""
    for mode in MODES:
        electric = session.electric.get(mode)
        for mark, count in electric.marks if electric else ():
            if mark != session.mark(mode):
                where = Location(file=f"performance/{FOLDERS[mode]}/spl.txt")
                got = f"{count} readings of {shorten(mark, 60) or 'no session'}"
                yield Violation(where, got, session.mark(mode), FIX)


def _other_identity(session: Session) -> Iterator[Violation]:
    for key in ("session_name", "uuid"):
        client_value, server_value = session.client.get(key), session.server.get(key)
        if client_value != server_value:
            got = f"{key} {shorten(str(client_value), 100)}"
            expected = f"{shorten(str(server_value), 100)}, as {SERVER} states"
            yield Violation(CLIENT, got, expected, FIX)


def _other_messages(session: Session) -> Iterator[Violation]:
    """Compare the number of messages, and report the first that the two sides have otherwise."""
    client, server = _messages(session.client), _messages(session.server)
    if len(client) != len(_without_upload(server, client, session)):
        got = f"{len(client)} messages"
        yield Violation(CLIENT, got, f"{len(server)}, as the server counts", FIX)
    for number, (sent, received) in enumerate(zip(client, server, strict=False), 1):
        if not _same_message(sent, received):
            got = shorten(f"message {number}: {sent.get('cmd')} -> {sent.get('reply')}", 120)
            as_received = f"{received.get('cmd')} -> {received.get('reply')}, as the server has it"
            yield Violation(CLIENT, got, shorten(as_received, 140), FIX)
            return


def _without_upload(server: Messages, client: Messages, session: Session) -> Messages:
    """Return the server's messages without the upload of client.json, which cannot hold it."""
    upload = f"session,{session.name},upload,client.json"
    has_one_more = len(server) == len(client) + 1
    return server[:-1] if has_one_more and server[-1].get("cmd") == upload else server


def _same_message(sent: Document, received: Document) -> bool:
    """Return whether both sides have one command and reply; the time is another each time."""
    if sent.get("cmd") != received.get("cmd"):
        return False
    return sent.get("cmd") == "time" or sent.get("reply") == received.get("reply")


def _other_protocol(session: Session) -> Iterator[Violation]:
    client, server = _messages(session.client), _messages(session.server)
    if not client or not server:
        return
    request, reply = str(client[0].get("cmd")), str(client[0].get("reply"))
    expected_reply = request.replace(" client ", " server ")
    if not request.startswith("mlcommons/power client v") or reply != expected_reply:
        got = f"{shorten(request, 50)}, {shorten(reply, 50)}"
        yield Violation(CLIENT, got, "one protocol version on both sides", FIX)


def _wrong_name(session: Session, name_slack_s: float) -> Iterator[Violation]:
    """Report a name that was not given, and warn of one that is not the local time of the begin."""
    replies = []
    for message in _messages(session.server):
        if str(message.get("cmd", "")).startswith("new,"):
            replies.append(str(message.get("reply")))
    if not any(reply.startswith(f"OK {session.name},") for reply in replies):
        got = shorten(", ".join(replies) or "no new session", 100)
        yield Violation(SERVER, got, f"OK {shorten(session.name, 60)},...", FIX)
    stamps = session.phases("server", "ranging")
    match = SESSION_NAME.match(session.name)
    if not stamps or match is None:
        return
    late_s = stamps[0][0] - _as_if_utc_s(match[1], match[2])
    if not _is_name_of_begin(late_s, name_slack_s):
        got = f"session {session.name}, begun {late_s:.0f} s later"
        expected = f"a name of its begin, within {name_slack_s:g} s"
        yield Violation(SERVER, got, expected, FIX, status="warn")


def _as_if_utc_s(date: str, time: str) -> float:
    """Return the time in a session's name, read as UTC [s]; NaN where it is no time."""
    try:
        return datetime.fromisoformat(f"{date}T{time.replace('-', ':')}+00:00").timestamp()
    except ValueError:
        return float("nan")


def _is_name_of_begin(late_s: float, name_slack_s: float) -> bool:
    """Return whether a delay is a time zone, a multiple of 15 minutes, and a little more."""
    beyond_zone_s = (late_s + QUARTER_HOUR_S / 2) % QUARTER_HOUR_S - QUARTER_HOUR_S / 2
    return abs(late_s) <= MAX_ZONE_S and -NAMED_EARLY_S <= beyond_zone_s <= name_slack_s


def _messages(document: Document) -> Messages:
    messages = document.get("messages")
    return [_mapping(message) for message in messages] if isinstance(messages, list) else []


def _mapping(value: object) -> Document:
    return value if isinstance(value, Mapping) else {}


RULE = Rule(
    id="session-identity",
    title="All files are of one session",
    why="The readings of a better session, put into the folder of another, carry its mark; two "
    "documents of two hosts must report the same session.",
    evidence="Mark of each reading against the session; name, identifiers, messages and protocol "
    "of client.json against server.json; the debug mode; an emulated PTDaemon; an analyzer read "
    "without a PTDaemon; the name against the time of the session (a warning).",
    remedy="Submit the files of one session, as they were written.",
    limits=("name_slack_s",),
    applies_to=POWER_SESSION,
    ties_evidence=True,
    check=check,
)
