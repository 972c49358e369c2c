"""LoadGen's detail log: scenario, performance, work done, window, round."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.core.timestamps import from_mlperf
from harness.formats.base import Quantity, Work
from harness.formats.mlperf.mllog import count, select
from harness.traces.trace import Window

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline", "Interactive")
STREAMS = ("SingleStream", "MultiStream")
INFERRED = (
    ("SingleStream", "MultiStream"),
    ("SingleStream", "Offline"),
    ("MultiStream", "Offline"),
)
"""What ran, and what MLPerf lets its result be submitted as besides."""
MULTISTREAM_SAMPLES = 8.0
"""Samples of a MultiStream query since v2.0 (MLPerf inference rules, scenarios)."""
FAMILY = "mlperf-inference"
LOADGEN_OF_V1_0 = ".5a1"
"""What LoadGen calls itself in v1.0, as in v0.5 and v0.7, which had no power."""
COMPLETED_SINCE = (4, 1)
"""First round whose Server metric is the rate of completed samples; before, that of scheduled ones."""

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

Values = Mapping[str, Any]


def read_detail(content: bytes) -> tuple[Values, int]:
    """The values of `mlperf_log_detail.txt` that matter, last one wins, and the number of broken lines.

    power_end_time_ms: when the line of power_end was written, by LoadGen's steady clock since the start [ms]
    """
    lines, broken = select(content, KEYS)
    values = {line.key: line.value for line in lines}
    written = [line.time_ms for line in lines if line.key == "power_end"]
    if written and "test_datetime" in values:
        values["power_end_time_ms"] = written[-1]
    return values, broken


def window(values: Values, where: str) -> Window | None:
    """(power_begin, power_end) as LoadGen stamps them, in UTC since v1.1; None where either is missing.

    Raises UnreadableError where a stamp is no time.
    """
    begin, end = values.get("power_begin"), values.get("power_end")
    if begin is None or end is None:
        return None
    return Window(from_mlperf(begin, where=where), from_mlperf(end, where=where))


def named(text: object) -> str:
    """A scenario in MLPerf's spelling; "" for another text."""
    return next((name for name in SCENARIOS if name.lower() == str(text).lower()), "")


def ran(values: Values) -> str:
    """The scenario that ran, as the log has it; "" where it names none."""
    return named(values.get("effective_scenario", ""))


def scenario(values: Values, folder: str) -> str:
    """The scenario of a result in MLPerf's spelling: what ran, or what MLPerf lets it be submitted as in `folder`.

    Interactive runs as Server.
    """
    by_folder, by_log = named(folder), ran(values)
    if not by_log:
        return by_folder or folder
    pair = (by_log, by_folder)
    return by_folder if pair in INFERRED or pair == ("Server", "Interactive") else by_log


def inferred(values: Values, of: str) -> bool:
    """Whether a result of this scenario is taken from a run of another."""
    return (ran(values), of) in INFERRED


def samples_per_query(values: Values, of: str) -> float:
    """Samples in a query of a scenario; of a run that was submitted as MultiStream, as many as the rules say."""
    if of != "MultiStream":
        return 1.0
    stated = _first(values, "effective_samples_per_query", "generated_samples_per_query")
    return MULTISTREAM_SAMPLES if inferred(values, of) or stated is None else stated


def _first(values: Values, *keys: str) -> float | None:
    found = (count(values.get(key)) for key in keys)
    return next((value for value in found if value is not None), None)


class Issued(NamedTuple):
    """Queries that a stream issued, and the key of the log that tells."""

    queries: float
    by: str


def issued(values: Values, seconds: float | None) -> Issued | None:
    """Queries of a SingleStream or MultiStream run; `generated_query_count` is only what was planned for it.

    seconds: length of the window [s], for logs that count no queries (v1.0, v1.1)
    """
    latency = (
        "result_mean_query_latency_ns" if ran(values) == "MultiStream" else "result_mean_latency_ns"
    )
    rate, mean_ns = _first(values, "result_qps_with_loadgen_overhead"), _first(values, latency)
    for by, found in (
        ("result_query_count", _first(values, "result_query_count")),
        ("result_qps_with_loadgen_overhead", rate and seconds and round(rate * seconds)),
        (latency, mean_ns and seconds and round(seconds * 1e9 / mean_ns)),
    ):
        if number := count(found):
            return Issued(number, by)
    return None


def work(values: Values, of: str, seconds: float | None) -> Work | None:
    """What was done in the window: queries, samples (Offline) or tokens (language models).

    seconds: length of the window [s], to tell whether the log counts queries or samples
    """
    by_log = ran(values) or of
    if by_log in STREAMS:
        found = issued(values, seconds)
        return None if found is None else _of_stream(found.queries, values, by_log, of)
    done = _first(values, "result_query_count", "generated_query_count")
    if of == "Offline" and done:
        done = _samples(done, values, seconds)
    tokens, rate = _tokens_per_second(values, of), _samples_per_second(values, of)
    by_token = tokens is not None and rate is not None
    counted = count((done or 0.0) * (tokens or 0.0) / (rate or 1.0) if by_token else done)
    if counted is None:
        return None
    return Work(counted, "token" if by_token else "sample" if of == "Offline" else "query")


def _of_stream(queries: float, values: Values, by_log: str, of: str) -> Work | None:
    """Queries of a stream as work of the scenario it is submitted as."""
    if of != by_log:
        queries *= samples_per_query(values, by_log) / samples_per_query(values, of)
    done = count(queries)
    return None if done is None else Work(done, "sample" if of == "Offline" else "query")


def _samples(done: float, values: Values, seconds: float | None) -> float:
    """Samples of an Offline run, whose log counts queries or samples: the one that rate times duration agrees with."""
    per_query = _first(values, "generated_samples_per_query", "effective_samples_per_query") or 1.0
    expected = (_samples_per_second(values, "Offline") or 0.0) * (seconds or 0.0)
    return (
        min((done * per_query, done), key=lambda n: abs(n - expected))
        if expected
        else done * per_query
    )


def performance(
    values: Values, of: str, round_name: str = "", seconds: float | None = None
) -> Quantity | None:
    """The performance metric of a scenario, as MLPerf inference defines it.

    round_name: its round, "" for the newest; seconds: length of the window [s], for the rate of what ran as a stream
    """
    if of in STREAMS:
        latency_ns = _latency_ns(values, of)
        return None if latency_ns is None else Quantity(latency_ns / 1e6, "ms", "latency")
    if inferred(values, of):
        done = work(values, of, seconds)
        return (
            Quantity(done.count / seconds, "Samples/s", "throughput")
            if done and seconds and seconds > 0
            else None
        )
    tokens = _tokens_per_second(values, of)
    if tokens is not None:
        return Quantity(tokens, "Tokens/s", "throughput")
    rate = _samples_per_second(values, of, scheduled=_version(round_name) < COMPLETED_SINCE)
    return (
        None
        if rate is None
        else Quantity(rate, "Samples/s" if of == "Offline" else "Queries/s", "throughput")
    )


def _latency_ns(values: Values, of: str) -> float | None:
    """Of a query [ns]; a MultiStream query that ran sample by sample takes the time of all its samples."""
    if of == "SingleStream":
        return _first(values, "early_stopping_latency_ss", "result_90.00_percentile_latency_ns")
    if not inferred(values, of):
        return _first(
            values, "early_stopping_latency_ms", "result_99.00_percentile_per_query_latency_ns"
        )
    sample_ns = _first(values, "early_stopping_latency_ms", "result_99.00_percentile_latency_ns")
    return None if sample_ns is None else sample_ns * MULTISTREAM_SAMPLES


def _tokens_per_second(values: Values, of: str) -> float | None:
    if of == "Offline":
        return _first(values, "result_tokens_per_second", "result_inferred_tokens_per_second")
    stated = _first(
        values, "result_completed_tokens_per_second", "result_inferred_completed_tokens_per_second"
    )
    return stated or _tokens_of_v4_0(values)


def _tokens_of_v4_0(values: Values) -> float | None:
    """Completed tokens a second: the log of v4.0 has the tokens of the queries that were scheduled in a second."""
    scheduled = _first(values, "result_token_throughput_with_loadgen_overhead")
    asked, done = (
        _first(values, "result_scheduled_samples_per_sec"),
        _first(values, "result_completed_samples_per_sec"),
    )
    return scheduled * done / asked if scheduled and asked and done else None


def _samples_per_second(values: Values, of: str, *, scheduled: bool = False) -> float | None:
    if of == "Offline":
        return _first(values, "result_samples_per_second")
    keys = ("result_completed_samples_per_sec", "result_scheduled_samples_per_sec")
    return _first(values, *(reversed(keys) if scheduled else keys))


def round_of(values: Values) -> str:
    """The round that LoadGen's version belongs to, `mlperf-inference-v4.1`; "" where it does not say."""
    said = str(values.get("loadgen_version", ""))
    match = re.match(r"(\d{1,3}\.\d{1,3})(?!\d)", said)
    version = match[1] if match else "1.0" if said.startswith(LOADGEN_OF_V1_0) else ""
    return f"{FAMILY}-v{version}" if version else ""


def _version(round_name: str) -> tuple[int, int]:
    """The number of a round of MLPerf inference; a round of another name is as new as any."""
    match = re.fullmatch(rf"{FAMILY}-v(\d{{1,3}})\.(\d{{1,3}})", round_name)
    return (int(match[1]), int(match[2])) if match else (1000, 0)
