"""Figures of ``result_summary.json``, recomputed from its counts and totals.

The formulas are those of the rules (section 4.1) and of the client (metrics/report.py):

- ``tps``: all output tokens over the window; ``qps``: requests over the window.
- The window is the tracked time, drain included. Where the client was told to use LoadGen's
  window, it ends with the last issue: then ``qps`` counts one request less.
- ``tps_per_user``: 1000 over the 90th percentile of TPOT in ms; before v1.0 ``tps`` over the
  concurrency.
- Percentiles are observed values. Their keys are ``"90"`` or ``"90.0"``.

Example:
    >>> summary = Summary({"output_sequence_lengths": {"total": 400}, "duration_ns": 2_000_000_000})
    >>> summary.tokens_per_second
    200.0
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.numbers import plain_number
from harness.formats.mlperf.endpoints.fields import count_in, list_in, mapping_in, number_in

BLOCKS = ("ttft", "tpot", "latency", "output_sequence_lengths", "input_sequence_lengths")
"""Stat blocks of a summary."""
NS = 1e9
NS_PER_MS = 1e6
HISTOGRAM_BUCKETS = 30
MAX_TOTAL = 1 << 80
"""A larger total is no sum of times in nanoseconds, or of tokens."""


@dataclass(frozen=True, slots=True)
class StatBlock:
    """Statistics of one quantity over the responses of a point.

    Attributes:
        document: The block as it stands in the summary; empty for a quantity without values.
    """

    document: Mapping[str, Any]

    @property
    def total(self) -> float | None:
        """Sum of all values; a whole number is kept exactly, as it may exceed 2**53."""
        total = self.document.get("total")
        if isinstance(total, int) and not isinstance(total, bool) and abs(total) < MAX_TOTAL:
            return total
        return number_in(self.document, "total")

    def value(self, name: str) -> float | None:
        """Return a statistic by its name: min, max, median, avg, std_dev."""
        return number_in(self.document, name)

    @property
    def percentiles(self) -> dict[float, float]:
        """Observed percentiles, by the share in percent."""
        return dict(_percentiles(mapping_in(self.document, "percentiles")))

    @property
    def bounds(self) -> dict[float, float]:
        """Early-stopping bounds, by the share in percent."""
        return dict(_percentiles(mapping_in(self.document, "early_stopping_percentiles")))

    @property
    def counts(self) -> tuple[int, ...]:
        """Values in each bucket of the histogram; empty without one."""
        counts = [
            count_in({"n": item}, "n") for item in list_in(self.document, "histogram", "counts")
        ]
        return tuple(count for count in counts if count is not None) if None not in counts else ()

    @property
    def count(self) -> int | None:
        """Number of values, by the histogram; ``None`` without one."""
        return sum(self.counts) if self.counts else None

    @property
    def edges(self) -> tuple[tuple[float, float], ...]:
        """Edges of the buckets; empty without a histogram."""
        edges: list[tuple[float, float]] = []
        for pair in list_in(self.document, "histogram", "buckets"):
            ends = [number_in({"n": end}, "n") for end in pair] if isinstance(pair, list) else []
            if len(ends) != 2 or ends[0] is None or ends[1] is None:
                return ()
            edges.append((ends[0], ends[1]))
        return tuple(edges)

    @property
    def mean(self) -> float | None:
        """Total over the number of values."""
        return _ratio(self.total, self.count)

    def bucket_of_rank(self, rank: int) -> tuple[float, float] | None:
        """Return the bucket that holds the value of a rank, counted from 0."""
        passed = 0
        for count, edges in zip(self.counts, self.edges, strict=False):
            passed += count
            if rank < passed:
                return edges
        return None


def _percentiles(document: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    for key, value in document.items():
        share, number = plain_number(str(key)), number_in({"n": value}, "n")
        if share is not None and number is not None:
            yield share, number


@dataclass(frozen=True, slots=True)
class Summary:
    """One ``result_summary.json``.

    Attributes:
        document: The document.
    """

    document: Mapping[str, Any]

    def block(self, name: str) -> StatBlock:
        """Return a stat block by its name."""
        return StatBlock(mapping_in(self.document, name))

    def count(self, name: str) -> int | None:
        """Return ``n_samples_issued``, or another count, by its last word."""
        return count_in(self.document, f"n_samples_{name}")

    @property
    def duration_s(self) -> float | None:
        """First issue to last completion, drain included [s]."""
        return _seconds(number_in(self.document, "duration_ns"))

    @property
    def legacy_window_s(self) -> float | None:
        """LoadGen's window, which ends before the drain does [s]; ``None`` if it was not used."""
        return _seconds(number_in(self.document, "legacy_loadgen_window_duration_ns"))

    @property
    def window_s(self) -> float | None:
        """The window that the client divides by [s]."""
        return self.legacy_window_s or self.duration_s

    @property
    def output_tokens(self) -> float | None:
        """Output tokens of all responses."""
        return self.block("output_sequence_lengths").total

    @property
    def tokens_per_second(self) -> float | None:
        """``tps`` as the client computes it [1/s]."""
        return _ratio(self.output_tokens, self.window_s)

    @property
    def tokens_per_second_drained(self) -> float | None:
        """Output tokens over the whole tracked time, drain included [1/s]."""
        return _ratio(self.output_tokens, self.duration_s)

    @property
    def requests_per_second(self) -> float | None:
        """``qps`` as the client computes it [1/s]."""
        completed = self.count("completed")
        if completed is None:
            return None
        first_is_free = self.legacy_window_s is not None
        return _ratio(completed - 1 if first_is_free else completed, self.window_s)

    @property
    def tpot_p90_ms(self) -> float | None:
        """90th percentile of the time per output token [ms]."""
        return self._percentile_ms("tpot", 90)

    @property
    def ttft_p90_ms(self) -> float | None:
        """90th percentile of the time to first token [ms]."""
        return self._percentile_ms("ttft", 90)

    @property
    def tokens_per_second_per_user(self) -> float | None:
        """``tps_per_user``, from the 90th percentile of TPOT [1/s]."""
        return _ratio(1000.0, self.tpot_p90_ms)

    @property
    def in_flight(self) -> float | None:
        """Mean number of requests in flight: all latencies over the tracked time."""
        total_ns = self.block("latency").total
        return None if total_ns is None else _ratio(total_ns / NS, self.duration_s)

    @property
    def drain_share(self) -> float:
        """Share of the tracked time that LoadGen's window leaves out, 0 to 1."""
        drained, legacy = self.duration_s, self.legacy_window_s
        if drained is None or legacy is None or legacy >= drained:
            return 0.0
        return 1 - legacy / drained

    @property
    def has_wall_clock(self) -> bool:
        """Whether the summary states when the run began."""
        return bool(number_in(self.document, "test_started_at"))

    def _percentile_ms(self, name: str, share: float) -> float | None:
        value_ns = self.block(name).percentiles.get(share)
        return None if value_ns is None else value_ns / NS_PER_MS


def histogram_edges(smallest: float, largest: float) -> list[float]:
    """Return the 31 edges that the client gives a histogram (metrics_aggregator/registry.py).

    Args:
        smallest: Least value.
        largest: Greatest value.
    """
    low = max(smallest, 1.0)
    high = max(largest, 10 * low)
    step = (math.log(high) - math.log(low)) / HISTOGRAM_BUCKETS
    return [math.exp(math.log(low) + k * step) for k in range(HISTOGRAM_BUCKETS + 1)]


def _seconds(ns: float | None) -> float | None:
    return None if ns is None or ns <= 0 else ns / NS


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None
