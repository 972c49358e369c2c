"""What the PTDaemon says about its readings is true of the trace."""

from collections.abc import Iterator, Sequence

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.auditing.rules.ptd_figures import Figures, figures_of, noted_figures
from harness.core.errors import shorten
from harness.formats.base import Run
from harness.formats.ptdaemon.power_session import (
    FOLDERS,
    MODES,
    Exchange,
    Mode,
    Session,
    exchanges_of_mode,
)
from harness.formats.ptdaemon.session_logs import SENT, SessionLogs, Span
from harness.traces.clean import number_or_nan
from harness.traces.trace import VALUE_MAX

SERVER, PTD_LOG = (
    Location(file="performance/power/server.json"),
    Location(file="performance/power/ptd_logs.txt"),
)
REQUESTS = ("Watts", "Uncertainty")
"""What the server asks after each run since v3.1."""
UNCOPIED = 1
"""Readings that may come after the server of v1.0 to v3.0 has copied spl.txt."""
MAX_STEP = 1.5
"""Step between readings over the median step above which a reading is missing."""
TINY = 1e-6
"""Absolute difference of two figures that is none: the last printed digit."""


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare the figures of each run of each analyzer with its readings, and with both logs."""
    logs, exchanges = session.open(), session.exchanges
    may_not_ask = context.limits["asked_min"] < 1
    relative_max = context.limits["relative_max"]
    for mode in MODES:
        run = context.entry.ranging if mode == "ranging" else context.entry.runs[0]
        spans = logs.spans(mode)
        raw = _raw_readings(logs, mode) if len(exchanges) > 1 else []
        for number, all_messages in enumerate(exchanges):
            messages = exchanges_of_mode(all_messages, mode)
            span = spans[number] if number < len(spans) else None
            asks = any(message.cmd in REQUESTS for message in messages)
            if may_not_ask and not asks:
                yield from _wrong_summary(logs, span, run, relative_max, mode)
                continue
            yield from _unlogged_replies(messages, logs, span, mode)
            figures = _analyzer_figures(raw, number) if raw else _run_figures(run)
            yield from _wrong_reply(messages, figures, relative_max, mode)


# Figures of the readings


def _raw_readings(logs: SessionLogs, mode: Mode) -> list[bytes]:
    """Return what each analyzer sent; by server.log where ptd_logs.txt ends too early."""
    replies = logs.readings_in_ptd_log(mode)
    if any(reply.cut for reply in replies):
        return [text.replace(b"\\n", b"\n") for text in logs.readings_in_server_log(mode)]
    return [reply.text for reply in replies]


def _run_figures(run: Run | None) -> Figures | None:
    """Return the figures of all readings in spl.txt; None where there are none."""
    traces = run.traces if run else ()
    total = next((trace for trace in traces if trace.channel.id == "total"), None)
    return _figures(total.value, len(total.dropped)) if total else None


def _analyzer_figures(raw: Sequence[bytes], number: int) -> Figures | None:
    """Return the figures of one of several analyzers: spl.txt has paired readings only."""
    if number >= len(raw):
        return None
    rows = [line.split(b",", 4) for line in raw[number].split(b"\n")]
    power_w = np.array([number_or_nan(row[3]) for row in rows if len(row) > 4])
    is_good = (power_w > 0) & (power_w <= VALUE_MAX)
    return _figures(power_w[is_good], int(np.sum(~is_good)))


def _figures(power_w: np.ndarray, failed: int) -> Figures | None:
    if not len(power_w):
        return None
    valid = len(power_w)
    mean, lowest, highest = float(power_w.mean()), float(power_w.min()), float(power_w.max())
    return Figures(mean, lowest, highest, float(valid + failed), float(failed), float(valid))


# Replies in server.json, since v3.1


def _unlogged_replies(
    messages: Sequence[Exchange], logs: SessionLogs, span: Span | None, mode: Mode
) -> Iterator[Violation]:
    """Report last replies in server.json that either log does not have."""
    not_yet_written = []
    for request in REQUESTS:
        reply = _last_reply(messages, request)
        if reply is None:
            if logs.ptd or messages:
                got = f"no {request} was asked after {mode}"
                yield Violation(SERVER, got, "a reply", "Submit the documents unedited.")
            continue
        sent = SENT + reply.encode("utf-8", "replace")
        if span is None or logs.ptd.find(sent, *span[1:]) < 0:
            if span is not None and _ends_before(logs, span, request, sent):
                not_yet_written.append(request)
            else:
                yield _unlogged(request, reply, "ptd_logs.txt", mode)
        received = f"from ptd: {reply!r}".encode("utf-8", "replace")
        if received not in logs.file("power/server.log"):
            yield _unlogged(request, reply, "server.log", mode)
    if not_yet_written:
        yield Violation(
            PTD_LOG,
            f"ends before the reply to {' and '.join(not_yet_written)} after {mode}",
            "all replies",
            "Stop the PTDaemon before its log is copied.",
            status="warn",
        )


def _last_reply(messages: Sequence[Exchange], cmd: str) -> str | None:
    return next((message.reply for message in reversed(messages) if message.cmd == cmd), None)


def _ends_before(logs: SessionLogs, span: Span, request: str, sent: bytes) -> bool:
    """Return whether an analyzer's log ends before or in a reply, and has no other in its place."""
    _, done_at, end = span
    reply_at = logs.ptd.find(SENT + f"{request},".encode(), done_at, end)
    return logs.is_last(span) and (reply_at < 0 or sent.startswith(logs.ptd[reply_at:end].strip()))


def _unlogged(request: str, reply: str, log_name: str, mode: Mode) -> Violation:
    return Violation(
        SERVER,
        f"{request} after {mode}: {shorten(reply, 80)}",
        f"a reply that {log_name} has too",
        "Submit the documents as the session wrote them.",
    )


def _wrong_reply(
    messages: Sequence[Exchange], figures: Figures | None, relative_max: float, mode: Mode
) -> Iterator[Violation]:
    """Compare the reply to Watts with the readings from Go to Stop."""
    reply = _last_reply(messages, "Watts")
    if reply is None or figures is None:
        return
    stated = figures_of(reply.encode("utf-8", "replace").split(b",")[1:7])
    if stated is None:
        got = f"Watts after {mode}: {shorten(reply, 80)}"
        yield Violation(SERVER, got, "six numbers", "Do not edit the document.")
        return
    yield from _differences(SERVER, f"Watts after {mode}", stated, figures, relative_max)


def _differences(
    file: Location, source: str, stated: Figures, figures: Figures, relative_max: float
) -> Iterator[Violation]:
    """Report each stated figure that the readings do not have."""
    for name, stated_value, value in zip(Figures._fields, stated, figures, strict=True):
        is_power = name in ("mean", "lowest", "highest")
        slack = relative_max * abs(value) if is_power else 0.0
        if abs(stated_value - value) > slack + TINY:
            yield Violation(
                file,
                f"{source}: {name} {stated_value:.9g}",
                f"{value:.9g}, by spl.txt",
                "Submit the trace and the replies of one session, unedited.",
            )


# Figures that the PTDaemon notes in its log, all that there is until v3.0


def _wrong_summary(
    logs: SessionLogs, span: Span | None, run: Run | None, relative_max: float, mode: Mode
) -> Iterator[Violation]:
    """Compare the figures at the end of a run with readings that may lack the last one."""
    figures = _run_figures(run)
    if run is None or figures is None or not logs.ptd:
        return  # reported by evidence-readable
    stated = noted_figures(logs, span) if span else None
    if stated is None:
        ends_early = span is not None and logs.is_last(span)
        yield Violation(
            PTD_LOG,
            f"no figures of the {mode} run",
            "Avg watts, min watts, max watts, samples",
            "Submit it unedited.",
            status="question" if ends_early else None,
        )
        return
    missing = stated.readings - figures.readings
    if missing > UNCOPIED and _lost_outside_window(run, stated, figures, relative_max):
        yield Violation(
            Location(file=f"performance/{FOLDERS[mode]}/spl.txt"),
            f"lacks {missing:g} of the {stated.readings:g} readings that the PTDaemon counted, "
            "none of them in the window",
            "all readings",
            "Submit the whole trace.",
            status="warn",
        )
        return
    complete = _with_last_reading(stated, figures, relative_max)
    yield from _differences(PTD_LOG, f"{mode} run", stated, complete, relative_max)


def _lost_outside_window(run: Run, stated: Figures, figures: Figures, relative_max: float) -> bool:
    """Return whether the readings that spl.txt lacks can all lie outside the window.

    Then the window has no gap, and what is missing has a possible mean power.
    """
    trace = next((trace for trace in run.traces if trace.channel.id == "total"), None)
    if trace is None or run.window is None:
        return False
    step_ns = np.diff(trace.window(run.window).t_ns)
    if not len(step_ns) or step_ns.max() > MAX_STEP * np.median(step_ns):
        return False
    missing = stated.valid - figures.valid
    if missing <= 0:
        return stated.failed > figures.failed
    missing_w = (stated.mean * stated.valid - figures.mean * figures.valid) / missing
    slack_w = relative_max * stated.mean * stated.valid / missing
    within = stated.lowest - slack_w <= missing_w <= stated.highest + slack_w
    return within and stated.lowest <= figures.lowest and figures.highest <= stated.highest


def _with_last_reading(stated: Figures, figures: Figures, relative_max: float) -> Figures:
    """Return figures with the one reading that spl.txt lacks, where the stated ones have one more.

    Its power follows from the two means; where it is nearly the stated extreme, it is that extreme.
    """
    if not 0 < stated.readings - figures.readings <= UNCOPIED:
        return figures
    if stated.failed > figures.failed:
        return figures._replace(readings=figures.readings + 1, failed=figures.failed + 1)
    sum_w = figures.mean * figures.valid
    last_w = stated.mean * stated.valid - sum_w
    slack_w = relative_max * abs(stated.mean) * stated.valid
    for extreme_w in (stated.highest, stated.lowest):
        if abs(last_w - extreme_w) <= slack_w:
            last_w = extreme_w
    return Figures(
        mean=(sum_w + last_w) / (figures.valid + 1),
        lowest=min(figures.lowest, last_w),
        highest=max(figures.highest, last_w),
        readings=figures.readings + 1,
        failed=figures.failed,
        valid=figures.valid + 1,
    )


RULE = Rule(
    id="ptd-replies",
    title="The PTDaemon's own figures are those of the trace",
    why="After each run the PTDaemon states mean, extremes and number of its readings. A trace "
    "that was edited later no longer has them.",
    evidence="The replies to Watts and Uncertainty in server.json, against both logs; the reply "
    "to Watts against all readings of spl.txt, of both runs and each analyzer. A log of the "
    "PTDaemon that ends before its last replies is a warning, one that has other replies is a "
    "violation. The workflow until v3.0 did not ask: there, the figures that the PTDaemon notes "
    "in ptd_logs.txt at the end of a run count, and spl.txt may lack the last reading, if it lies "
    "between them. Readings that it lacks outside the window are a warning.",
    remedy="Submit the files of one session, as they were written.",
    limits=("relative_max", "asked_min"),
    applies_to=POWER_SESSION,
    check=check,
)
