"""What the PTDaemon says of its readings is true of the trace."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.base import Run
from harness.formats.ptdaemon.power_session import MODES, SENT, Exchange, Logs, Mode, Session, part
from harness.traces.clean import number_or_nan
from harness.traces.trace import VALUE_MAX

JSON, PTD = "performance/power/server.json", "performance/power/ptd_logs.txt"
NAMES = ("mean", "lowest", "highest", "readings", "failed", "valid")
ASKED = ("Watts", "Uncertainty")
NUMBER = rb" (-?[\d.]{1,24})"
FIGURES = re.compile(
    rb"Avg watts"
    + NUMBER
    + rb", min watts"
    + NUMBER
    + rb", max watts"
    + NUMBER
    + rb", samples"
    + NUMBER
    + rb", errors"
    + NUMBER
    + rb", valid"
    + NUMBER
)
"""What the PTDaemon writes when a run has ended, in the order of NAMES."""
UNCOPIED = 1
"""So many readings came after the server of v1.0 to v3.0 had copied spl.txt."""


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    logs, exchanges = session.open(), session.exchanges
    for mode in MODES:
        run = case.entry.ranging if mode == "ranging" else case.entry.runs[0]
        spans = logs.spans(mode)
        for number, dialogue in enumerate(exchanges):
            said, span = part(dialogue, mode), spans[number] if number < len(spans) else None
            if case.limits["asked_min"] < 1 and not any(item.cmd in ASKED for item in said):
                yield from _noted(case.limits, logs, span, _true(run, [], 0), mode)
                continue
            yield from _logged(said, logs, span, mode)
            raw = _sent(logs, mode) if len(exchanges) > 1 else []
            yield from _counted(case, said, _true(run, raw, number), mode)


def _sent(logs: Logs, mode: Mode) -> list[bytes]:
    """The readings that each analyzer sent; by server.log where ptd_logs.txt ends too early."""
    replies = logs.readings_in_ptd_log(mode)
    cut = any(reply.cut for reply in replies)
    return (
        [text.replace(b"\\n", b"\n") for text in logs.raw_of_server(mode)]
        if cut
        else [r.text for r in replies]
    )


def _logged(
    said: Sequence[Exchange], logs: Logs, span: tuple[int, int, int] | None, mode: Mode
) -> Iterator[Violation]:
    """The last replies of server.json stand in both logs too."""
    unwritten = []
    for cmd in ASKED:
        reply = next((item.reply for item in reversed(said) if item.cmd == cmd), None)
        if reply is None:
            if logs.ptd or said:
                yield Violation(
                    JSON,
                    f"no {cmd} was asked after {mode}",
                    "a reply",
                    "Submit the documents unedited.",
                )
            continue
        sent = SENT + reply.encode("utf-8", "replace")
        if span is None or logs.ptd.find(sent, *span[1:]) < 0:
            if span is not None and _ends_before(logs, span, cmd, sent):
                unwritten.append(cmd)
            else:
                yield _unheard(cmd, reply, "ptd_logs.txt", mode)
        if f"from ptd: {reply!r}".encode("utf-8", "replace") not in logs.file("power/server.log"):
            yield _unheard(cmd, reply, "server.log", mode)
    if unwritten:
        yield Violation(
            PTD,
            f"ends before the reply to {' and '.join(unwritten)} after {mode}",
            "all replies",
            "Stop the PTDaemon before its log is copied.",
            status="warn",
        )


def _ends_before(logs: Logs, span: tuple[int, int, int], cmd: str, sent: bytes) -> bool:
    """Whether an analyzer's log ends before or in a reply, and says nothing else in its place."""
    _, done, end = span
    at = logs.ptd.find(SENT + f"{cmd},".encode(), done, end)
    return logs.is_last(span) and (at < 0 or sent.startswith(logs.ptd[at:end].strip()))


def _unheard(cmd: str, reply: str, name: str, mode: Mode) -> Violation:
    return Violation(
        JSON,
        f"{cmd} after {mode}: {shorten(reply, 80)}",
        f"a reply that {name} has too",
        "Submit the documents as the session wrote them.",
    )


def _counted(
    case: RuleContext, said: Sequence[Exchange], true: Sequence[float], mode: Mode
) -> Iterator[Violation]:
    """The reply to Watts against the readings it is of: all from Go to Stop."""
    reply = next((item.reply for item in reversed(said) if item.cmd == "Watts"), None)
    if reply is None or not true:
        return
    try:
        stated = [float(cell) for cell in reply.split(",")[1:7]]
    except ValueError:
        stated = []
    if len(stated) != 6 or not np.isfinite(stated).all():
        yield Violation(
            JSON,
            f"Watts after {mode}: {shorten(reply, 80)}",
            "six numbers",
            "Do not edit the document.",
        )
        return
    yield from _differ(f"Watts after {mode}", stated, true, case.limits["relative_max"], JSON)


def _differ(
    where: str, stated: Sequence[float], true: Sequence[float], slack: float, file: str
) -> Iterator[Violation]:
    for what, got, expected in zip(NAMES, stated, true, strict=True):
        most = slack * abs(expected) if what in NAMES[:3] else 0.0
        if abs(got - expected) > most + 1e-6:
            yield Violation(
                file,
                f"{where}: {what} {got:.9g}",
                f"{expected:.9g}, by spl.txt",
                "Submit the trace and the replies of one session, unedited.",
            )


def _noted(
    limits: Mapping[str, float],
    logs: Logs,
    span: tuple[int, int, int] | None,
    true: Sequence[float],
    mode: Mode,
) -> Iterator[Violation]:
    """The figures that the PTDaemon notes at the end of a run, against readings that may lack the last one."""
    if not true or not logs.ptd:
        return  # evidence-readable tells it
    found = FIGURES.search(logs.ptd, span[1], min(span[1] + 4096, span[2])) if span else None
    stated = [number_or_nan(cell) for cell in found.groups()] if found else []
    if not found or not np.isfinite(stated).all():
        yield Violation(
            PTD,
            f"no figures of the {mode} run",
            "Avg watts, min watts, max watts, samples",
            "Submit it unedited.",
        )
        return
    slack = limits["relative_max"]
    yield from _differ(f"{mode} run", stated, _with_last(stated, true, slack), slack, PTD)


def _with_last(stated: Sequence[float], true: Sequence[float], slack: float) -> Sequence[float]:
    """NAMES of the readings; where the stated figures are of one more, with that one, which follows from the means."""
    mean, lowest, highest, count, failed, valid = true
    if not 0 < stated[3] - count <= UNCOPIED:
        return true
    if stated[4] > failed:
        return (mean, lowest, highest, count + 1, failed + 1, valid)
    last = stated[0] * stated[5] - mean * valid
    near = [edge for edge in stated[1:3] if abs(last - edge) <= slack * abs(stated[0]) * stated[5]]
    last = near[0] if near else last
    return (
        (mean * valid + last) / (valid + 1),
        min(lowest, last),
        max(highest, last),
        count + 1,
        failed,
        valid + 1,
    )


def _true(run: Run | None, raw: Sequence[bytes], number: int) -> tuple[float, ...]:
    """NAMES of all readings of one analyzer; of several, by the readings it sent, as spl.txt holds the paired ones."""
    if raw:
        cells = (
            [line.split(b",", 4) for line in raw[number].split(b"\n")] if number < len(raw) else []
        )
        value = np.array([number_or_nan(row[3]) for row in cells if len(row) > 4])
        good = (value > 0) & (value <= VALUE_MAX)
        value, failed = value[good], int(np.sum(~good))
    else:
        trace = next((t for t in run.traces if t.channel.id == "total"), None) if run else None
        value, failed = (trace.value, len(trace.dropped)) if trace else (np.empty(0), 0)
    if not len(value):
        return ()
    counts = (len(value) + failed, failed, len(value))
    return float(value.mean()), float(value.min()), float(value.max()), *map(float, counts)


RULE = Rule(
    id="ptd-replies",
    title="The PTDaemon's own figures are those of the trace",
    why="After each run the PTDaemon states mean, extremes and number of its readings. A trace that was edited later "
    "no longer has them.",
    evidence="The replies to Watts and Uncertainty in server.json, against both logs; the reply to Watts against all "
    "readings of spl.txt, of both runs and each analyzer. A log of the PTDaemon that ends before its last replies is a "
    "warning, one that has others is not. The workflow until v3.0 did not ask: there, the figures that the PTDaemon "
    "notes in ptd_logs.txt at the end of a run count, and spl.txt may lack the last reading, if it lies between them.",
    remedy="Submit the files of one session, as they were written.",
    limits=("relative_max", "asked_min"),
    applies_to=POWER_SESSION,
    check=check,
)
