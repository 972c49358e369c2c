"""The trace is what the analyzer sent, line by line."""

from collections.abc import Iterator, Sequence

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Reply, Session

MOST_UNPAIRED = 3
"""Analyzers are started and stopped one after the other, so one may have a few readings more than another."""
FIX = "Submit spl.txt, ptd_logs.txt and server.log as the session wrote them."


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    asked = any(said.cmd.startswith("RL") for dialogue in session.exchanges for said in dialogue)
    if not asked and case.limits["copies_min"] < 1:
        yield Violation(
            "performance/power",
            "no second copy of the readings: the workflow of this round asked for none",
            "one to compare with",
            "Compare them with ptd-replies, which sees their figures.",
            status="skip",
        )
        return
    logs = session.open()
    for mode in MODES:
        mine = logs.raw_of_spl(mode)
        if mine:  # else evidence-readable tells it
            server = [Reply(_lines(text, mine), cut=False) for text in logs.raw_of_server(mode)]
            held = len(server) == len(mine) and all(
                _same(a, b, len(mine)) for a, b in zip(mine, server, strict=True)
            )
            unwritten = case.limits["unwritten_max"] if held else -1
            yield from _compare(
                mode, mine, logs.readings_in_ptd_log(mode), "ptd_logs.txt", unwritten
            )
            yield from _compare(mode, mine, server, "server.log")


def _lines(written: bytes, mine: Sequence[bytes]) -> bytes:
    """A reply in server.log, one reading a line: there `\\n` is written out. To find that it is ours is faster."""
    ours = mine[0] if len(mine) == 1 else b""
    return ours if ours.replace(b"\n", b"\\n") == written else written.replace(b"\\n", b"\n")


def _compare(
    mode: Mode, mine: Sequence[bytes], raw: Sequence[Reply], name: str, unwritten: float = -1
) -> Iterator[Violation]:
    """Readings of each analyzer; unwritten: what the end of a log may lack that server.log holds [bytes]"""
    where = f"performance/{FOLDERS[mode]}/spl.txt"
    if len(raw) != len(mine):
        yield Violation(
            f"performance/power/{name}",
            f"{len(raw)} replies with the readings of {mode} mode",
            f"{len(mine)}, one from each analyzer",
            FIX,
        )
        return
    for number, (ours, theirs) in enumerate(zip(mine, raw, strict=True), 1):
        of = f" of analyzer {number}" if len(mine) > 1 else ""
        if _same(ours, theirs, len(mine)):
            continue
        if (
            theirs.cut
            and len(ours) - len(theirs.text) <= unwritten
            and (not theirs.text or _begins(ours, theirs.text))
        ):
            there, all_of = (text.count(b"\n") + bool(text) for text in (theirs.text, ours))
            yield Violation(
                f"performance/power/{name}",
                f"ends at reading {there} of {all_of}{of}; server.log holds all",
                "all that was sent",
                "Stop the PTDaemon before its log is copied.",
                status="warn",
            )
        else:
            yield _differ(where, ours.split(b"\n"), theirs.text.split(b"\n"), name, of)


def _same(ours: bytes, theirs: Reply, analyzers: int) -> bool:
    """Whether the readings are those; of several analyzers they are paired, and the last of the rest is left out."""
    more = (
        analyzers > 1
        and _begins(theirs.text, ours)
        and theirs.text.count(b"\n", len(ours)) <= MOST_UNPAIRED
    )
    return ours == theirs.text or more


def _begins(whole: bytes, lines: bytes) -> bool:
    return whole.startswith(lines + b"\n")


def _differ(
    where: str, ours: Sequence[bytes], theirs: Sequence[bytes], name: str, of: str
) -> Violation:
    sent, kept = set(theirs), set(ours)
    made, lost = sum(line not in sent for line in ours), sum(line not in kept for line in theirs)
    at = next(
        (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
        min(len(ours), len(theirs)),
    )
    return Violation(
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
    evidence="Each line of spl.txt, of both runs, against the reply to RL in ptd_logs.txt and in server.log. Where "
    "ptd_logs.txt lacks no more than what the PTDaemon had not written yet, and server.log holds all, it is a warning. "
    "The workflow until v3.0 did not ask for the readings: then there is nothing to compare, which is said.",
    remedy="Submit the files as the session wrote them.",
    limits=("copies_min", "unwritten_max"),
    applies_to=POWER_SESSION,
    check=check,
)
