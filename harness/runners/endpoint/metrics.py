"""Figures of one point, from its requests: throughput, latencies, token counts.

Names follow what the field uses:

- TTFT: issue to the first fragment of length above zero.
- TPOT, two conventions: ``tpot`` = (last - first) / (tokens - 1), as vLLM's benchmark, guidellm and
  AIPerf compute it; ``tpot_mlperf`` = (complete - first) / tokens after the first fragment, as
  MLPerf Endpoints does. The first fragment counts as one token.
- ITL: time between successive fragments.
- latency: issue to the end of the reply.

Percentiles are observed values (the lower one between two ranks), as MLPerf Endpoints reports
them. Beside each stands its early-stopping bound: MLPerf's upper confidence bound at 99 %, null
where there are too few requests to state one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import UnreadableError
from harness.runners.endpoint.events import Events, Request, tokens
from harness.traces.trace import Window

PERCENTILES = (0.50, 0.90, 0.99)
EARLY_STOPPING_CONFIDENCE = 0.99
MAX_TOKEN_DISAGREEMENT = 0.01
"""Relative difference between two token counts above which the audit reports them."""
NS_PER_MS = 1e6
MIN_STEADY_NS = 1_000_000_000
"""A shorter steady part is none."""
MIN_FULL_SHARE = 0.9
"""Least share of the steady part in which the load is full."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Percentiles of one latency over the completed requests [ms].

    Attributes:
        count: Number of values.
        mean: Arithmetic mean [ms].
        p50, p90, p99: Observed percentiles [ms].
        bounds: Early-stopping upper bounds of the three [ms]; None where there are too few values.
    """

    count: int
    mean: float
    p50: float
    p90: float
    p99: float
    bounds: tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class SteadyPart:
    """The part of a point in which as many requests are in flight as at any time.

    Attributes:
        window: From the issue that fills the load to the end of the first request that is not
            followed by another, UTC.
        output_tokens: Tokens in it: those of each complete reply, spread evenly from its first to
            its last fragment.
    """

    window: Window
    output_tokens: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PointMetrics:
    """All figures of one point.

    Attributes:
        window: First issue to last completion, UTC, the drain included.
        issued, completed, failed: Requests of the measured phase.
        retries: Failed attempts that a later attempt mended.
        output_tokens: Tokens of completed replies, by the server's usage, else by fragments; None
            where neither counts them.
        token_source: ``usage``, ``fragments`` or "" for none.
        fragments: Fragments of completed replies.
        in_flight: Mean number of requests in flight over the window.
        waiting_share: Share of the window in which none was, such as while an agent's tools run.
        steady: The steady part; None where the load has none of a second.
    """

    window: Window
    issued: int
    completed: int
    failed: int
    retries: int
    output_tokens: int | None
    token_source: str
    fragments: int
    prompt_tokens: int | None
    in_flight: float
    waiting_share: float
    ttft_ms: Distribution | None
    tpot_ms: Distribution | None
    tpot_mlperf_ms: Distribution | None
    itl_ms: Distribution | None
    latency_ms: Distribution | None
    steady: SteadyPart | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Output tokens over the window [1/s]; None where they were not counted."""
        return None if self.output_tokens is None else self.output_tokens / self.window.seconds

    @property
    def requests_per_second(self) -> float:
        """Completed requests over the window [1/s]."""
        return self.completed / self.window.seconds

    @property
    def counts_disagree(self) -> bool:
        """Whether usage and fragments differ by more than 1 %."""
        if self.token_source != "usage" or self.output_tokens is None:
            return False
        larger = max(self.output_tokens, self.fragments)
        difference = abs(self.output_tokens - self.fragments)
        return difference > MAX_TOKEN_DISAGREEMENT * larger


def point_metrics(events: Events) -> PointMetrics:
    """Compute the figures of a point.

    Args:
        events: The requests, as ``read_events`` gives them.

    Raises:
        UnreadableError: if no request completed, or the log has no wall time.
    """
    requests = events.requests
    completed = [request for request in requests if request.completed]
    if not completed:
        first_error = _first_error(requests)
        raise UnreadableError(
            "no request was answered",
            got=f"{len(requests)} requests, the first error: {first_error}{_ending(events)}",
            expected="at least one complete reply",
        )
    window = _window(requests)
    usage, counted = tokens(requests, "usage"), tokens(requests, "fragments")
    source = "usage" if usage is not None else "fragments" if counted is not None else ""
    prompts = [request.prompt_tokens for request in completed]
    return PointMetrics(
        window=window,
        issued=len(requests),
        completed=len(completed),
        failed=len(requests) - len(completed),
        retries=sum(len(request.errors) for request in completed),
        output_tokens=counted if usage is None else usage,
        token_source=source,
        fragments=sum(request.fragments for request in completed),
        prompt_tokens=None if None in prompts else sum(count or 0 for count in prompts),
        in_flight=_busy_seconds(requests) / window.seconds,
        waiting_share=_waiting_share(requests),
        ttft_ms=_distribution([_ttft_ms(request) for request in completed]),
        tpot_ms=_distribution([_tpot_ms(request, usage is not None) for request in completed]),
        tpot_mlperf_ms=_distribution(
            [_tpot_mlperf_ms(request, usage is not None) for request in completed]
        ),
        itl_ms=_distribution(_gaps_ms(completed)),
        latency_ms=_distribution([_latency_ms(request) for request in completed]),
        steady=_steady_part(requests, usage is not None) if source else None,
    )


def early_stopping_bound(values: Sequence[float], percentile: float) -> float | None:
    """Return MLPerf's upper confidence bound of a percentile; None where there are too few values.

    With n values the t-th highest is reported, where t is the largest number of exceedances with
    P(at most t of n | rate 1 - percentile) < 0.01 (mlcommons/endpoints, docs/early_stopping.md).
    The least n that gives a bound is 11 for P50, 64 for P90 and 662 for P99.
    """
    ordered = sorted(values, reverse=True)
    count, rate = len(ordered), 1 - percentile
    exceedances, cumulative = -1, 0.0
    while exceedances < count:
        log_probability = (
            math.lgamma(count + 1)
            - math.lgamma(exceedances + 2)
            - math.lgamma(count - exceedances)
            + (exceedances + 1) * math.log(rate)
            + (count - exceedances - 1) * math.log1p(-rate)
        )
        cumulative += math.exp(log_probability)
        if cumulative >= 1 - EARLY_STOPPING_CONFIDENCE:
            break
        exceedances += 1
    return ordered[exceedances - 1] if exceedances >= 1 else None


def _ending(events: Events) -> str:
    """Return that the load ended early, and why; "" where it did not."""
    return f"; then the server was gone: {events.abandoned}" if events.abandoned else ""


def _first_error(requests: Sequence[Request]) -> str:
    for request in requests:
        if request.errors:
            return request.errors[0]
    return "the log ends before any reply"


def _window(requests: Sequence[Request]) -> Window:
    """First issue to last end of any request, failed ones included, in UTC."""
    starts = [request.issued_wall_ns for request in requests]
    stops = [request.complete_wall_ns for request in requests if request.complete_ns is not None]
    if None in starts or None in stops:
        raise UnreadableError(
            "the event log has no wall time",
            got="events without wall_ns",
            expected="events of joulemark's client, or clock pairs recorded beside the run",
            fix="Run MLPerf's client under joulemark run --command, logging below $JOULEMARK_LOG.",
        )
    start_ns = min(start for start in starts if start is not None)
    stop_ns = max(stop for stop in stops if stop is not None)
    if stop_ns <= start_ns:
        raise UnreadableError("the event log ends before it begins", got=f"{stop_ns - start_ns} ns")
    return Window(start_ns, stop_ns)


def _steady_part(requests: Sequence[Request], by_usage: bool) -> SteadyPart | None:
    """Return the part between ramp and drain; None where the load is not full in between."""
    span_ns = _full_span_ns(requests)
    if span_ns is None:
        return None
    start_ns, stop_ns = span_ns
    tokens = math.fsum(
        _tokens_between(request, _token_count(request, by_usage), start_ns, stop_ns)
        for request in requests
        if request.completed
    )
    first = requests[0]
    shift_ns = (first.issued_wall_ns or 0) - first.issued_ns
    return SteadyPart(Window(start_ns + shift_ns, stop_ns + shift_ns), tokens)


def _full_span_ns(requests: Sequence[Request]) -> tuple[int, int] | None:
    """Return from the issue that fills the load to the first end that no issue follows.

    Between an end and the next issue the load is one short for a moment, so it need not be full
    all the time; a load with random arrivals is full too rarely.
    """
    ends_ns = [request.complete_ns for request in requests if request.complete_ns is not None]
    if len(ends_ns) < len(requests):
        return None
    moments = [(request.issued_ns, 1) for request in requests] + [(end, -1) for end in ends_ns]
    moments.sort()
    times_ns = np.array([at_ns for at_ns, _ in moments], np.int64)
    in_flight = np.cumsum([step for _, step in moments])
    is_full = in_flight == in_flight.max()
    last_issue_ns = max(request.issued_ns for request in requests)
    start_ns = int(times_ns[int(np.argmax(is_full))])
    stop_ns = min(end for end in ends_ns if end >= last_issue_ns)
    if stop_ns - start_ns < MIN_STEADY_NS:
        return None
    lengths_ns = np.diff(times_ns.clip(start_ns, stop_ns))
    full_ns = int(lengths_ns[is_full[:-1]].sum())
    return (start_ns, stop_ns) if full_ns >= MIN_FULL_SHARE * (stop_ns - start_ns) else None


def _tokens_between(request: Request, count: int, start_ns: int, stop_ns: int) -> float:
    """Return the tokens of a reply in a span, spread evenly from first to last fragment."""
    first_ns = request.issued_ns if request.first_ns is None else request.first_ns
    last_ns = request.later_ns[-1] if request.later_ns else request.complete_ns or first_ns
    if last_ns <= first_ns:
        return float(count) if start_ns <= first_ns < stop_ns else 0.0
    inside_ns = min(last_ns, stop_ns) - max(first_ns, start_ns)
    return count * max(0, inside_ns) / (last_ns - first_ns)


def _busy_seconds(requests: Sequence[Request]) -> float:
    lengths_ns = [
        request.complete_ns - request.issued_ns
        for request in requests
        if request.complete_ns is not None
    ]
    return math.fsum(lengths_ns) / 1e9


def _waiting_share(requests: Sequence[Request]) -> float:
    """Return the share of the time from the first issue to the last end with nothing in flight."""
    spans_ns = sorted(
        (request.issued_ns, request.complete_ns)
        for request in requests
        if request.complete_ns is not None
    )
    first_ns = busy_until_ns = spans_ns[0][0]
    waiting_ns = 0
    for issued_ns, complete_ns in spans_ns:
        waiting_ns += max(0, issued_ns - busy_until_ns)
        busy_until_ns = max(busy_until_ns, complete_ns)
    return waiting_ns / (busy_until_ns - first_ns) if busy_until_ns > first_ns else 0.0


def _ttft_ms(request: Request) -> float | None:
    if request.first_ns is None:
        return None
    return (request.first_ns - request.issued_ns) / NS_PER_MS


def _latency_ms(request: Request) -> float | None:
    if request.complete_ns is None:
        return None
    return (request.complete_ns - request.issued_ns) / NS_PER_MS


def _token_count(request: Request, by_usage: bool) -> int:
    return (request.usage_tokens or 0) if by_usage else request.fragments


def _tpot_ms(request: Request, by_usage: bool) -> float | None:
    count = _token_count(request, by_usage)
    if request.first_ns is None or not request.later_ns or count < 2:
        return None
    return (request.later_ns[-1] - request.first_ns) / (count - 1) / NS_PER_MS


def _tpot_mlperf_ms(request: Request, by_usage: bool) -> float | None:
    count = _token_count(request, by_usage)
    if request.first_ns is None or request.complete_ns is None or count < 2:
        return None
    return (request.complete_ns - request.first_ns) / (count - 1) / NS_PER_MS


def _gaps_ms(requests: Sequence[Request]) -> list[float | None]:
    gaps: list[float | None] = []
    for request in requests:
        if request.first_ns is not None:
            stamps = np.array([request.first_ns, *request.later_ns], np.int64)
            gaps.extend((np.diff(stamps) / NS_PER_MS).tolist())
    return gaps


def _distribution(values: Sequence[float | None]) -> Distribution | None:
    numbers = [value for value in values if value is not None]
    if not numbers:
        return None
    array: NDArray[np.float64] = np.array(numbers, np.float64)
    p50, p90, p99 = (float(np.quantile(array, p, method="lower")) for p in PERCENTILES)
    b50, b90, b99 = (early_stopping_bound(numbers, p) for p in PERCENTILES)
    return Distribution(len(numbers), float(array.mean()), p50, p90, p99, (b50, b90, b99))
