"""The trace is what the analyzer sent, line by line."""

from collections.abc import Iterator, Sequence

from harness.documents.errors import shorten
from harness.formats.ptd_session import FOLDERS, MODES, Mode, Session
from harness.rules.base import Case, Hit, Rule, for_session

MOST_UNPAIRED = 3
"""Analyzers are started and stopped one after the other, so one may have a few readings more than another."""
FIX = "Submit spl.txt, ptd_logs.txt and server.log as the session wrote them."


@for_session
def check(_: Case, session: Session) -> Iterator[Hit]:
    logs = session.open()
    for mode in MODES:
        mine = logs.raw_of_spl(mode)
        if mine:  # else evidence-readable tells it
            yield from _compare(mode, mine, logs.raw_of_ptd(mode), "ptd_logs.txt", b"\n")
            yield from _compare(mode, mine, logs.raw_of_server(mode), "server.log", b"\\n")


def _compare(mode: Mode, mine: Sequence[bytes], raw: Sequence[bytes], name: str, end: bytes) -> Iterator[Hit]:
    """Readings of each analyzer; end: what stands between two readings in the log"""
    where = f"performance/{FOLDERS[mode]}/spl.txt"
    if len(raw) != len(mine):
        yield Hit(
            f"performance/power/{name}", f"{len(raw)} replies with the readings of {mode} mode",
            f"{len(mine)}, one from each analyzer", FIX,
        )  # fmt: skip
        return
    for number, (ours, theirs) in enumerate(zip(mine, raw, strict=True), 1):
        want = ours if end == b"\n" else ours.replace(b"\n", end)
        if want != theirs and not (len(mine) > 1 and _cut(want, theirs, end)):
            of = f" of analyzer {number}" if len(mine) > 1 else ""
            yield _differ(where, ours.split(b"\n"), theirs.split(end), name, of)


def _cut(ours: bytes, theirs: bytes, end: bytes) -> bool:
    """Whether only the last lines lack: lines of several analyzers are paired, and the rest is left out."""
    return theirs.startswith(ours + end) and theirs.count(end, len(ours)) <= MOST_UNPAIRED


def _differ(where: str, ours: Sequence[bytes], theirs: Sequence[bytes], name: str, of: str) -> Hit:
    sent, kept = set(theirs), set(ours)
    made, lost = sum(line not in sent for line in ours), sum(line not in kept for line in theirs)
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))
    return Hit(
        f"{where}, line {at + 1}",
        f"{_text(ours, at)}; {made} of {len(ours)} readings were never sent{of}, {lost} that were sent are missing",
        f"{_text(theirs, at)}, as {name} has it; {len(theirs)} readings",
        FIX,
    )


def _text(lines: Sequence[bytes], at: int) -> str:
    return shorten(lines[at][:60].decode("ascii", "replace"), 60) if at < len(lines) else "no line"


RULE = Rule(
    id="ptd-raw-readings",
    title="The trace is what the analyzer sent",
    why="spl.txt is a copy of what the PTDaemon sent, and its hash can be stated anew after an edit. The same readings "
    "stand in two more files, which nobody compares.",
    evidence="Each line of spl.txt, of both runs, against the reply to RL in ptd_logs.txt and in server.log.",
    remedy="Submit the files as the session wrote them.",
    check=check,
)
