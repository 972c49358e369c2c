"""The event log of a load on an LLM endpoint: what was sent, what came back, and when.

One JSON object per line, with the event kinds and field names of MLPerf's Endpoints client
(mlcommons/endpoints, ``core/record.py``), so that the logs of both clients are read by one
function:

- ``session.start_performance_tracking`` and ``session.stop_performance_tracking`` bracket the
  measured phase; requests issued before the first are warm-up.
- ``sample.issued``: the request is about to be sent. ``data.question``: index of the question.
- ``sample.recv_first``: the first fragment of length above zero arrived.
- ``sample.recv_non_first``: a later fragment arrived.
- ``error.generic``: the attempt failed; ``data.error`` says how.
- ``sample.complete``: the request is over, failed or not. ``data``: text, finish reason, token
  counts.
- ``session.abandoned``: the load ended early, as the server was gone; ``data.reason`` says how it
  showed. Of our client alone.

Stamps are ``timestamp_ns`` of the monotonic clock. Our client adds ``wall_ns``, read at the same
moment; MLPerf's client has no wall time, so a list of clock pairs recorded beside it must align its
log.

Example:
    >>> log = b'{"event_type":"sample.issued","sample_uuid":"a","timestamp_ns":5,"wall_ns":905}\\n'
    >>> read_events(log).requests[0].issued_ns
    5
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

import numpy as np

from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes
from harness.traces.trace import Ints

EVENTS = "events.jsonl"
"""Name of the log in the folder of a run."""
MAX_LINE_BYTES = 4_000_000
"""A longer line is not an event: one reply never needs this much."""
MAX_COUNT = 10**9
"""No request has more tokens, and no set more questions."""

CLOCK_LINE = re.compile(rb"# clock: \[(\d{1,18}|\d{19}), ?(\d{1,18})\b", re.ASCII)
"""Line of a journal with both clocks (harness.traces.journal.writer)."""

START, STOP = "session.start_performance_tracking", "session.stop_performance_tracking"
ISSUED, FIRST, LATER = "sample.issued", "sample.recv_first", "sample.recv_non_first"
COMPLETE, ERROR = "sample.complete", "error.generic"
ABANDONED = "session.abandoned"


class EventLog:
    """Write events, each with both clocks, as they happen.

    Args:
        path: File to create. It must not exist.

    Raises:
        FileExistsError: if the file is there already.
    """

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("x", encoding="utf-8", buffering=1 << 16)

    def write(
        self,
        event_type: str,
        sample: str = "",
        data: Mapping[str, Any] | None = None,
        at_ns: int | None = None,
    ) -> int:
        """Append one event and return its monotonic stamp [ns].

        Args:
            event_type: Kind of the event.
            sample: Id of the request, "" for the session.
            data: What the event carries.
            at_ns: Monotonic time of the event [ns]; now if not given.
        """
        now_ns = time.monotonic_ns()
        wall_ns = time.time_ns()
        stamp_ns = now_ns if at_ns is None else at_ns
        event: dict[str, Any] = {
            "event_type": event_type,
            "timestamp_ns": stamp_ns,
            "wall_ns": wall_ns - (now_ns - stamp_ns),
        }
        if sample:
            event["sample_uuid"] = sample
        if data:
            event["data"] = data
        self._file.write(json.dumps(event, separators=(",", ":"), ensure_ascii=False) + "\n")
        if event_type not in (FIRST, LATER):
            self._file.flush()  # a killed client loses the fragments of requests in flight only
        return stamp_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


@dataclass(slots=True)
class Request:
    """One request, from its events.

    Attributes:
        id: Id of the request in the log.
        question: Index of the question in its set; None where the log does not say.
        issued_ns: Monotonic time at which it was sent [ns].
        issued_wall_ns: The same moment in UTC [ns since 1970]; None in a log without wall time.
        first_ns: Arrival of the first fragment [ns]; None if none came.
        later_ns: Arrivals of the later fragments [ns], in order.
        complete_ns: End of the reply [ns]; None if the log ends before it.
        complete_wall_ns: The same moment in UTC [ns since 1970].
        text: The whole reply.
        finish_reason: Why the server stopped, as it says.
        errors: What went wrong, one item per failed attempt.
        failed: Whether no complete reply came.
        usage_tokens: Output tokens by the server's ``usage``; None where it does not say.
        prompt_tokens: Input tokens by the server's ``usage``; None where it does not say.
    """

    id: str
    question: int | None = None
    issued_ns: int = 0
    issued_wall_ns: int | None = None
    first_ns: int | None = None
    later_ns: list[int] = field(default_factory=list)
    complete_ns: int | None = None
    complete_wall_ns: int | None = None
    text: str = ""
    finish_reason: str | None = None
    errors: list[str] = field(default_factory=list)
    failed: bool = False
    usage_tokens: int | None = None
    prompt_tokens: int | None = None

    @property
    def completed(self) -> bool:
        """Whether a complete reply came."""
        return self.complete_ns is not None and not self.failed

    @property
    def fragments(self) -> int:
        """Number of fragments of length above zero."""
        return len(self.later_ns) + (self.first_ns is not None)


@dataclass(frozen=True, slots=True)
class Events:
    """All requests of the measured phase, and what was odd in the log.

    Attributes:
        requests: Requests issued after ``START``, in the order of the log.
        warm_up: Number of requests issued before it.
        ended: Whether the log has ``STOP``: without it the client was killed.
        broken_lines: Lines that are no event.
        abandoned: Why the load ended early; "" where it did not.
    """

    requests: tuple[Request, ...]
    warm_up: int = 0
    ended: bool = True
    broken_lines: int = 0
    abandoned: str = ""

    @property
    def has_wall_time(self) -> bool:
        """Whether every issue and every end has a stamp in UTC."""
        return all(
            request.issued_wall_ns is not None
            and (request.complete_ns is None or request.complete_wall_ns is not None)
            for request in self.requests
        )


def read_events(content: bytes) -> Events:
    """Read an event log. What cannot be read is counted, never guessed.

    Raises:
        UnreadableError: if the log has no request at all, or a reply that precedes its request.
    """
    requests: dict[str, Request] = {}
    warm_up: set[str] = set()
    session: dict[str, Mapping[str, Any]] = {}
    marked, broken = b'"' + START.encode() + b'"' in content, 0
    for line in content.splitlines():
        event = _event(line)
        if event is None:
            broken += bool(line.strip())
            continue
        kind, sample = event["event_type"], str(event.get("sample_uuid") or "")
        if kind in (START, STOP, ABANDONED):
            session[kind] = event
        elif kind == ISSUED and marked and START not in session:
            warm_up.add(sample)
        elif sample and sample not in warm_up:
            _apply(event, requests.setdefault(sample, Request(sample)))
    known_requests = tuple(request for request in requests.values() if request.issued_ns)
    if not known_requests:
        raise UnreadableError(
            "no request in the event log",
            got=f"{broken} lines that are no event" if broken else "no sample.issued event",
            expected="the events.jsonl of a load",
        )
    for request in known_requests:
        if _precedes_itself(request):
            raise UnreadableError(
                "a reply precedes its request, or a fragment the first one",
                where=f"request {shorten(request.id)}",
                expected="stamps of one clock, in the order of the events",
            )
    ended = STOP in session or not marked
    abandoned = _reason(session[ABANDONED]) if ABANDONED in session else ""
    return Events(known_requests, len(warm_up), ended, broken, abandoned)


def _reason(event: Mapping[str, Any]) -> str:
    """Return why a load was abandoned, in one short line."""
    data = event.get("data")
    stated = data.get("reason") if isinstance(data, Mapping) else None
    return shorten(str(stated or "no reason is stated"), 300)


def _precedes_itself(request: Request) -> bool:
    """Whether the stamps of a request give it a negative latency."""
    replies_ns = [stamp for stamp in (request.first_ns, request.complete_ns) if stamp is not None]
    if any(stamp < request.issued_ns for stamp in replies_ns):
        return True
    return bool(request.later_ns) and request.later_ns[-1] < (request.first_ns or 0)


def _event(line: bytes) -> dict[str, Any] | None:
    """Parse one line; None if it is no event."""
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_event = (
        isinstance(event, dict)
        and isinstance(event.get("event_type"), str)
        and _is_stamp(event.get("timestamp_ns"))
    )
    return event if is_event else None


def _is_stamp(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 63


def _apply(event: Mapping[str, Any], request: Request) -> None:
    """Enter one event of a request."""
    stamp_ns, wall_ns = event["timestamp_ns"], event.get("wall_ns")
    data = event.get("data")
    details: Mapping[str, Any] = data if isinstance(data, dict) else {}
    match event["event_type"]:
        case "sample.issued":
            request.issued_ns = stamp_ns
            request.issued_wall_ns = wall_ns if _is_stamp(wall_ns) else None
            request.question = count_of(details.get("question"))
        case "sample.recv_first":
            request.first_ns = stamp_ns
            request.later_ns.clear()  # of an attempt that failed
        case "sample.recv_non_first":
            request.later_ns.append(stamp_ns)
        case "error.generic":
            request.errors.append(str(details.get("error") or "error"))
            request.failed = bool(details.get("final", True))
        case "sample.complete":
            request.complete_ns = stamp_ns
            request.complete_wall_ns = wall_ns if _is_stamp(wall_ns) else None
            request.text = data if isinstance(data, str) else str(details.get("text", ""))
            reason = details.get("finish_reason", event.get("finish_reason"))
            request.finish_reason = reason if isinstance(reason, str) else None
            request.usage_tokens = count_of(details.get("completion_tokens"))
            request.prompt_tokens = count_of(details.get("prompt_tokens"))


def count_of(value: object) -> int | None:
    """Return a count that a JSON document states; None if it is none, or beyond belief."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT
    return value if isinstance(value, int) and is_count else None


def align(events: Events, clocks: Ints) -> Events:
    """Give the events of another client wall time, from pairs of both clocks of the same machine.

    Linux processes share CLOCK_MONOTONIC, so pairs that any process recorded will do. Between two
    pairs the offset is interpolated; before the first and after the last it is held.

    Args:
        events: Events with monotonic stamps.
        clocks: Rows of wall clock and monotonic clock [ns], int64, shape (n, 2), n at least 1.
    """
    ordered = clocks[np.argsort(clocks[:, 1])]
    monotonic_ns = ordered[:, 1]
    origin_ns = int(ordered[0, 0] - ordered[0, 1])
    drift_ns = (ordered[:, 0] - ordered[:, 1] - origin_ns).astype(np.float64)

    def wall(stamp_ns: int | None) -> int | None:
        if stamp_ns is None:
            return None
        since_first = float(stamp_ns - int(monotonic_ns[0]))
        drift = np.interp(since_first, (monotonic_ns - monotonic_ns[0]).astype(float), drift_ns)
        return stamp_ns + origin_ns + round(float(drift))

    for request in events.requests:
        request.issued_wall_ns = wall(request.issued_ns)
        request.complete_wall_ns = wall(request.complete_ns)
    return events


def clock_pairs(folder: Path) -> Ints:
    """Read the pairs of both clocks that the samplers of a run recorded.

    Args:
        folder: The folder of its journals.

    Returns:
        Rows of wall clock and monotonic clock [ns], int64, shape (n, 2).
    """
    pairs: list[tuple[int, int]] = []
    for path in sorted(folder.rglob("*.csv")):
        for line in read_bytes(path).splitlines():
            match = CLOCK_LINE.match(line)
            if match and _is_stamp(int(match[1])):
                pairs.append((int(match[1]), int(match[2])))
    return np.array(pairs, np.int64).reshape(-1, 2)


def tokens(requests: Iterable[Request], source: str) -> int | None:
    """Sum the output tokens of completed requests.

    Args:
        requests: Requests of the measured phase.
        source: ``usage`` (as the server counts them) or ``fragments`` (one token each).

    Returns:
        The sum. None if ``usage`` is missing from a completed request, or says 0 of a reply that
        has text; None, too, if the log keeps only the first fragment of each reply, so that
        fragments count nothing.
    """
    completed = [request for request in requests if request.completed]
    if source == "fragments":
        return (
            sum(item.fragments for item in completed)
            if any(r.later_ns for r in completed)
            else None
        )
    counts = [_usage_of(request) for request in completed]
    if any(count is None for count in counts):
        return None
    return sum(count for count in counts if count is not None) or None


def _usage_of(request: Request) -> int | None:
    """Return the tokens of a reply as its server counts them; None where it does not count."""
    return None if request.usage_tokens == 0 and request.fragments else request.usage_tokens
