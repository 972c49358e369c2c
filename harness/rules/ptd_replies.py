"""What the PTDaemon says of its readings is true of the trace."""

from collections.abc import Iterator, Sequence

import numpy as np

from harness.documents.errors import shorten
from harness.formats.base import Run
from harness.formats.ptd_session import MODES, SENT, Logs, Mode, Said, Session, part
from harness.rules.base import Case, Hit, Rule, for_session
from harness.traces.build import number_or_nan
from harness.traces.trace import VALUE_MAX

JSON = "performance/power/server.json"
NAMES = ("mean", "lowest", "highest", "readings", "failed", "valid")


@for_session
def check(case: Case, session: Session) -> Iterator[Hit]:
    logs, dialogues = session.open(), session.dialogues()
    for mode in MODES:
        run = case.entry.ranging if mode == "ranging" else case.entry.runs[0]
        spans = logs.spans(mode)
        for number, dialogue in enumerate(dialogues):
            said = part(dialogue, mode)
            yield from _logged(said, logs, spans[number] if number < len(spans) else None, mode)
            raw = logs.raw_of_ptd(mode) if len(dialogues) > 1 else []
            yield from _counted(case, said, _true(run, raw, number), mode)


def _logged(said: Sequence[Said], logs: Logs, span: tuple[int, int, int] | None, mode: Mode) -> Iterator[Hit]:
    """The last replies of server.json stand in both logs too."""
    for cmd in ("Watts", "Uncertainty"):
        reply = next((item.reply for item in reversed(said) if item.cmd == cmd), None)
        if reply is None:
            if logs.ptd or said:
                yield Hit(JSON, f"no {cmd} was asked after {mode}", "a reply", "Submit the documents unedited.")
            continue
        sent = SENT + reply.encode("utf-8", "replace")
        if span is None or logs.ptd.find(sent, *span[1:]) < 0:
            yield _unheard(cmd, reply, "ptd_logs.txt", mode)
        if f"from ptd: {reply!r}".encode("utf-8", "replace") not in logs.file("power/server.log"):
            yield _unheard(cmd, reply, "server.log", mode)


def _unheard(cmd: str, reply: str, name: str, mode: Mode) -> Hit:
    return Hit(
        JSON, f"{cmd} after {mode}: {shorten(reply, 80)}", f"a reply that {name} has too",
        "Submit the documents as the session wrote them.",
    )  # fmt: skip


def _counted(case: Case, said: Sequence[Said], true: Sequence[float], mode: Mode) -> Iterator[Hit]:
    """The reply to Watts against the readings it is of: all from Go to Stop."""
    reply = next((item.reply for item in reversed(said) if item.cmd == "Watts"), None)
    if reply is None or not true:
        return
    try:
        stated = [float(cell) for cell in reply.split(",")[1:7]]
    except ValueError:
        stated = []
    if len(stated) != 6 or not np.isfinite(stated).all():
        yield Hit(JSON, f"Watts after {mode}: {shorten(reply, 80)}", "six numbers", "Do not edit the document.")
        return
    slack = case.limits["relative_max"]
    for what, got, expected in zip(NAMES, stated, true, strict=True):
        most = slack * abs(expected) if what in NAMES[:3] else 0.0
        if abs(got - expected) > most + 1e-6:
            yield Hit(
                JSON, f"Watts after {mode}: {what} {got:.9g}", f"{expected:.9g}, by spl.txt",
                "Submit the trace and the replies of one session, unedited.",
            )  # fmt: skip


def _true(run: Run | None, raw: Sequence[bytes], number: int) -> tuple[float, ...]:
    """NAMES of all readings of one analyzer; of several, by the readings it sent, as spl.txt holds the paired ones."""
    if raw:
        cells = [line.split(b",", 4) for line in raw[number].split(b"\n")] if number < len(raw) else []
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
    "readings of spl.txt, of both runs and each analyzer.",
    remedy="Submit the files of one session, as they were written.",
    limits=("relative_max",),
    check=check,
)
