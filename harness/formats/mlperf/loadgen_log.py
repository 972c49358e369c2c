"""Read LoadGen's detail log: scenario, performance, work done, window, round.

All functions take the *values* of the log, as `read_detail` returns them: a mapping from LoadGen's
keys (``result_query_count`` ...) to what the log states. Values are hostile: anything may be
missing, a text, or beyond all bounds.

LoadGen's terms: a *query* is what the system is asked at once; it holds one or more *samples*.
A *stream* (SingleStream, MultiStream) sends the next query when the last one is answered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.core.timestamps import from_mlperf
from harness.formats.base import Quantity, Work
from harness.formats.mlperf.mllog import count, select
from harness.traces.trace import Window

Values = Mapping[str, Any]
"""Values of a detail log by their keys."""

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline", "Interactive")
STREAMS = ("SingleStream", "MultiStream")
INFERRED = (
    ("SingleStream", "MultiStream"),
    ("SingleStream", "Offline"),
    ("MultiStream", "Offline"),
)
"""The scenario that ran, and another one that MLPerf lets its result be submitted as."""
MULTISTREAM_SAMPLES = 8.0
"""Samples of a MultiStream query since v2.0 (MLPerf inference rules, scenarios)."""
FAMILY = "mlperf-inference"
LOADGEN_OF_V1_0 = ".5a1"
"""What LoadGen calls itself in v1.0, as in v0.5 and v0.7, which had no power."""
COMPLETED_SINCE = (4, 1)
"""First round whose Server metric is the rate of completed samples, not of scheduled ones."""

KEYS = (
    "loadgen_version",
    "test_datetime",
    "power_begin",
    "power_end",
    "effective_scenario",
    "effective_test_mode",
    "effective_min_duration_ms",
    "effective_samples_per_query",
    "effective_target_duration_ms",
    "effective_max_async_queries",
    "effective_performance_sample_count",
    "result_mean_latency_ns",
    "result_mean_query_latency_ns",
    "result_max_latency_ns",
    "early_stopping_met",
    "generated_query_count",
    "generated_samples_per_query",
    "result_validity",
    "result_query_count",
    "result_min_duration_met",
    "result_min_queries_met",
    "result_invalid_reason",
    "result_qps_with_loadgen_overhead",
    "result_samples_per_second",
    "result_tokens_per_second",
    "result_inferred_tokens_per_second",
    "result_completed_samples_per_sec",
    "result_scheduled_samples_per_sec",
    "result_completed_tokens_per_second",
    "result_inferred_completed_tokens_per_second",
    "result_token_throughput_with_loadgen_overhead",
    "early_stopping_latency_ss",
    "early_stopping_latency_ms",
    "result_90.00_percentile_latency_ns",
    "result_99.00_percentile_latency_ns",
    "result_99.00_percentile_per_query_latency_ns",
)


def read_detail(content: bytes) -> tuple[dict[str, Any], int]:
    """Read the values of ``mlperf_log_detail.txt`` that matter.

    Args:
        content: The log.

    Returns:
        The values; of several with one key the last. ``power_end_time_ms`` is added: when the
        line of ``power_end`` was written, by LoadGen's steady clock since its start [ms].
        Then the number of broken lines.
    """
    lines, broken = select(content, KEYS)
    values = {line.key: line.value for line in lines}
    written = [line.time_ms for line in lines if line.key == "power_end"]
    if written and "test_datetime" in values:
        values["power_end_time_ms"] = written[-1]
    return values, broken


def window(values: Values, where: str) -> Window | None:
    """Return the span from ``power_begin`` to ``power_end``; ``None`` if one of them is missing.

    LoadGen stamps both in UTC since v1.1.

    Raises:
        UnreadableError: A stamp is no time.
    """
    begin, end = values.get("power_begin"), values.get("power_end")
    if begin is None or end is None:
        return None
    return Window(from_mlperf(begin, where=where), from_mlperf(end, where=where))


def named(text: object) -> str:
    """Return a scenario in MLPerf's spelling; empty for any other text."""
    folded = str(text).lower()
    return next((name for name in SCENARIOS if name.lower() == folded), "")


def ran(values: Values) -> str:
    """Return the scenario that ran; empty if the log names none."""
    return named(values.get("effective_scenario", ""))


def scenario_of(values: Values, folder: str) -> str:
    """Return the scenario of a result.

    It is what ran, or what MLPerf lets such a run be submitted as, if the folder is named so.
    Interactive runs as Server.
    """
    by_folder, by_log = named(folder), ran(values)
    if not by_log:
        return by_folder or folder
    pair = (by_log, by_folder)
    if pair in INFERRED or pair == ("Server", "Interactive"):
        return by_folder
    return by_log


def inferred(values: Values, scenario: str) -> bool:
    """Tell whether a result of this scenario was taken from a run of another."""
    return (ran(values), scenario) in INFERRED


def samples_per_query(values: Values, scenario: str) -> float:
    """Return how many samples a query of a scenario has.

    A run that was submitted as MultiStream has as many as the rules state.
    """
    if scenario != "MultiStream":
        return 1.0
    stated = _first(values, "effective_samples_per_query", "generated_samples_per_query")
    if stated is None or inferred(values, scenario):
        return MULTISTREAM_SAMPLES
    return stated


def _first(values: Values, *keys: str) -> float | None:
    """Return the first of some values that counts something."""
    for key in keys:
        value = count(values.get(key))
        if value is not None:
            return value
    return None


class Issued(NamedTuple):
    """Queries that a stream issued.

    Attributes:
        queries: How many.
        by: The key of the log that tells.
    """

    queries: float
    by: str


def issued(values: Values, seconds: float | None) -> Issued | None:
    """Return the queries of a SingleStream or MultiStream run; ``None`` if the log does not tell.

    LoadGen of v1.0 and v1.1 counts none, and ``generated_query_count`` is only what was planned.
    There the rate or the mean latency tells, with the length of the window.

    Args:
        values: Of the log.
        seconds: Length of the window [s].
    """
    stated = count(values.get("result_query_count"))
    if stated:
        return Issued(stated, "result_query_count")
    if not seconds:
        return None

    rate = _first(values, "result_qps_with_loadgen_overhead")
    by_rate = count(round(rate * seconds)) if rate else None
    if by_rate:
        return Issued(by_rate, "result_qps_with_loadgen_overhead")

    is_multistream = ran(values) == "MultiStream"
    key = "result_mean_query_latency_ns" if is_multistream else "result_mean_latency_ns"
    latency_ns = _first(values, key)
    by_latency = count(round(seconds * 1e9 / latency_ns)) if latency_ns else None
    if by_latency:
        return Issued(by_latency, key)
    return None


def work(values: Values, scenario: str, seconds: float | None) -> Work | None:
    """Return what was done in the window; ``None`` if the log does not tell.

    It is counted in queries, in samples (Offline), or in tokens (language models).

    Args:
        values: Of the log.
        scenario: The scenario that the result was submitted as.
        seconds: Length of the window [s].
    """
    scenario_run = ran(values) or scenario
    if scenario_run in STREAMS:
        return _work_of_stream(values, scenario_run, scenario, seconds)
    if scenario == "Offline":
        completed = completed_samples(values, seconds)
    else:
        completed = _first(values, "result_query_count", "generated_query_count")

    tokens_per_second = _tokens_per_second(values, scenario)
    samples_per_second = _samples_per_second(values, scenario)
    if tokens_per_second is not None and samples_per_second is not None:
        tokens = count((completed or 0.0) * tokens_per_second / samples_per_second)
        return None if tokens is None else Work(tokens, "token")
    if completed is None:
        return None
    return Work(completed, "sample" if scenario == "Offline" else "query")


def _work_of_stream(
    values: Values, scenario_run: str, scenario: str, seconds: float | None
) -> Work | None:
    """Return the work of a stream, in the units of the scenario it was submitted as."""
    queries_run = issued(values, seconds)
    if queries_run is None:
        return None
    queries = queries_run.queries
    if scenario != scenario_run:
        queries *= samples_per_query(values, scenario_run) / samples_per_query(values, scenario)
    completed = count(queries)
    if completed is None:
        return None
    return Work(completed, "sample" if scenario == "Offline" else "query")


RATE_DIGITS_ERROR = 1e-5
"""Relative error of a rate that LoadGen prints with six digits, and a little more."""
STAMPS_ERROR_S = 2e-3
"""Error of a window between two stamps of whole milliseconds [s]."""


def offline_counts(values: Values) -> tuple[float, ...]:
    """Return the samples that an Offline run may have completed, by its log.

    The log states a count that was *planned*, of samples or, in newer logs under the same name,
    of queries. LoadGen pads it to whole data sets, and most releases do not log what became of
    it: 190,080 samples of gptj were planned and 200,520 done, 15 times its 13,368.

    Returns:
        The planned count and the padded one; then the count taken as samples, as in old logs.
    """
    stated = _first(values, "result_query_count", "generated_query_count")
    if stated is None:
        return ()
    per_query = _first(values, "generated_samples_per_query", "effective_samples_per_query") or 1.0
    planned = stated * per_query
    data_set = _first(values, "effective_performance_sample_count") or 1.0
    padded = math.ceil(planned / data_set) * data_set
    return planned, padded, stated


def completed_samples(values: Values, seconds: float | None) -> float | None:
    """Return the samples that an Offline run completed; the score and the audit use this.

    The rate counts what was done, with six digits. So a count that the log allows is taken,
    being exact, if rate times window agrees with it within the printed digits; otherwise rate
    times window is.

    Args:
        values: Of the log.
        seconds: Length of the window [s]; without it the planned count is all there is.
    """
    counts = offline_counts(values)
    rate = _samples_per_second(values, "Offline")
    by_rate = count(rate * seconds) if rate and seconds else None
    if by_rate is None or not seconds:
        return count(counts[0]) if counts else None
    tolerance = by_rate * (RATE_DIGITS_ERROR + STAMPS_ERROR_S / seconds)
    for samples in counts:
        if abs(samples - by_rate) <= tolerance:
            return count(samples)
    return by_rate


def performance(
    values: Values, scenario: str, round_name: str = "", seconds: float | None = None
) -> Quantity | None:
    """Return the performance metric of a scenario, as MLPerf inference defines it.

    Args:
        values: Of the log.
        scenario: The scenario that the result was submitted as.
        round_name: Its round; empty for the newest.
        seconds: Length of the window [s], for the rate of what ran as a stream.
    """
    if scenario in STREAMS:
        latency_ns = _latency_ns(values, scenario)
        return None if latency_ns is None else Quantity(latency_ns / 1e6, "ms", "latency")
    if inferred(values, scenario):
        completed = work(values, scenario, seconds)
        if completed is None or not seconds or seconds <= 0:
            return None
        return Quantity(completed.count / seconds, "Samples/s", "throughput")
    tokens_per_second = _tokens_per_second(values, scenario)
    if tokens_per_second is not None:
        return Quantity(tokens_per_second, "Tokens/s", "throughput")
    is_scheduled = _version(round_name) < COMPLETED_SINCE
    rate = _samples_per_second(values, scenario, scheduled=is_scheduled)
    if rate is None:
        return None
    return Quantity(rate, "Samples/s" if scenario == "Offline" else "Queries/s", "throughput")


def _latency_ns(values: Values, scenario: str) -> float | None:
    """Return the latency of a query [ns].

    A MultiStream query that ran sample by sample takes the time of all its samples.
    """
    if scenario == "SingleStream":
        return _first(values, "early_stopping_latency_ss", "result_90.00_percentile_latency_ns")
    if not inferred(values, scenario):
        return _first(
            values, "early_stopping_latency_ms", "result_99.00_percentile_per_query_latency_ns"
        )
    sample_ns = _first(values, "early_stopping_latency_ms", "result_99.00_percentile_latency_ns")
    return None if sample_ns is None else sample_ns * MULTISTREAM_SAMPLES


def _tokens_per_second(values: Values, scenario: str) -> float | None:
    if scenario == "Offline":
        return _first(values, "result_tokens_per_second", "result_inferred_tokens_per_second")
    stated = _first(
        values, "result_completed_tokens_per_second", "result_inferred_completed_tokens_per_second"
    )
    return stated or _completed_tokens_of_v4_0(values)


def _completed_tokens_of_v4_0(values: Values) -> float | None:
    """Return completed tokens per second.

    The log of v4.0 states the tokens per second of the queries that were scheduled.
    """
    scheduled_tokens = _first(values, "result_token_throughput_with_loadgen_overhead")
    scheduled = _first(values, "result_scheduled_samples_per_sec")
    completed = _first(values, "result_completed_samples_per_sec")
    if scheduled_tokens and scheduled and completed:
        return scheduled_tokens * completed / scheduled
    return None


def _samples_per_second(values: Values, scenario: str, *, scheduled: bool = False) -> float | None:
    if scenario == "Offline":
        return _first(values, "result_samples_per_second")
    completed_key = "result_completed_samples_per_sec"
    scheduled_key = "result_scheduled_samples_per_sec"
    if scheduled:
        return _first(values, scheduled_key, completed_key)
    return _first(values, completed_key, scheduled_key)


def round_of(values: Values) -> str:
    """Return the round that LoadGen's version belongs to, such as ``mlperf-inference-v4.1``.

    It is empty if the log does not tell.
    """
    stated = str(values.get("loadgen_version", ""))
    match = re.match(r"(\d{1,3}\.\d{1,3})(?!\d)", stated, re.ASCII)
    if match:
        return f"{FAMILY}-v{match[1]}"
    return f"{FAMILY}-v1.0" if stated.startswith(LOADGEN_OF_V1_0) else ""


def _version(round_name: str) -> tuple[int, int]:
    """Return the number of a round of MLPerf inference; any other round is the newest."""
    match = re.fullmatch(rf"{FAMILY}-v(\d{{1,3}})\.(\d{{1,3}})", round_name, re.ASCII)
    return (int(match[1]), int(match[2])) if match else (1000, 0)
