"""LoadGen's detail log and the accuracy script's output: performance, work done, window, quality."""

from __future__ import annotations

import re
from typing import Any

from harness.documents.errors import UnreadableError
from harness.documents.times import from_mlperf
from harness.formats.base import Quality, Quantity, Work
from harness.formats.benchmarks import quality
from harness.formats.mllog import count, select
from harness.traces.trace import Window

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline", "Interactive")

KEYS = (
    "loadgen_version", "test_datetime", "power_begin", "power_end", "effective_scenario", "effective_test_mode",
    "effective_min_duration_ms", "effective_samples_per_query", "effective_target_duration_ms",
    "effective_max_async_queries", "result_mean_latency_ns", "result_max_latency_ns", "early_stopping_met",
    "generated_query_count", "generated_samples_per_query", "result_validity", "result_query_count",
    "result_min_duration_met", "result_min_queries_met", "result_invalid_reason",
    "result_samples_per_second", "result_tokens_per_second", "result_inferred_tokens_per_second",
    "result_completed_samples_per_sec", "result_scheduled_samples_per_sec", "result_completed_tokens_per_second",
    "result_inferred_completed_tokens_per_second", "early_stopping_latency_ss", "early_stopping_latency_ms",
    "result_90.00_percentile_latency_ns", "result_99.00_percentile_per_query_latency_ns",
)  # fmt: skip


def read_detail(content: bytes) -> tuple[dict[str, Any], int]:
    """The values of `mlperf_log_detail.txt` that matter, last one wins, and the number of broken lines.

    power_end_time_ms: when the line of power_end was written, by LoadGen's steady clock since the start [ms]
    """
    lines, broken = select(content, KEYS)
    values = {line.key: line.value for line in lines}
    written = [line.time_ms for line in lines if line.key == "power_end"]
    if written and "test_datetime" in values:
        values["power_end_time_ms"] = written[-1]
    return values, broken


def window(values: dict[str, Any], where: str) -> Window | None:
    """(power_begin, power_end), which LoadGen stamps in UTC; None where either is missing.

    Raises UnreadableError where a stamp is no time.
    """
    begin, end = values.get("power_begin"), values.get("power_end")
    if begin is None or end is None:
        return None
    return Window(from_mlperf(begin, where=where), from_mlperf(end, where=where))


def scenario(values: dict[str, Any], folder: str) -> str:
    """Scenario in MLPerf's spelling; the folder tells Interactive from the Server it runs as."""
    named = {name.lower(): name for name in SCENARIOS}
    by_folder = named.get(folder.lower())
    by_log = named.get(str(values.get("effective_scenario", "")).lower())
    if by_folder == "Interactive" or by_log is None:
        return by_folder or folder
    return by_log


def _first(values: dict[str, Any], *keys: str) -> float | None:
    found = (count(values.get(key)) for key in keys)
    return next((value for value in found if value is not None), None)


def performance(values: dict[str, Any], of: str) -> Quantity | None:
    """The performance metric of a scenario, as MLPerf inference v4.1 defines it."""
    if of in ("SingleStream", "MultiStream"):
        keys = (
            ("early_stopping_latency_ss", "result_90.00_percentile_latency_ns")
            if of == "SingleStream"
            else ("early_stopping_latency_ms", "result_99.00_percentile_per_query_latency_ns")
        )
        latency_ns = _first(values, *keys)
        return None if latency_ns is None else Quantity(latency_ns / 1e6, "ms", "latency")
    tokens = _tokens_per_second(values, of)
    if tokens is not None:
        return Quantity(tokens, "Tokens/s", "throughput")
    rate = _samples_per_second(values, of)
    return None if rate is None else Quantity(rate, "Samples/s" if of == "Offline" else "Queries/s", "throughput")


def _tokens_per_second(values: dict[str, Any], of: str) -> float | None:
    if of == "Offline":
        return _first(values, "result_tokens_per_second", "result_inferred_tokens_per_second")
    return _first(values, "result_completed_tokens_per_second", "result_inferred_completed_tokens_per_second")


def _samples_per_second(values: dict[str, Any], of: str) -> float | None:
    if of == "Offline":
        return _first(values, "result_samples_per_second")
    return _first(values, "result_completed_samples_per_sec", "result_scheduled_samples_per_sec")


def work(values: dict[str, Any], of: str, seconds: float | None) -> Work | None:
    """What was done in the window: queries, samples (Offline) or tokens (language models).

    seconds: length of the window [s], to tell whether the log counts queries or samples.
    """
    queries = _first(values, "result_query_count", "generated_query_count")
    if of in ("SingleStream", "MultiStream"):
        return Work(queries, "query") if queries else None
    rate = _samples_per_second(values, of)
    done = queries
    if of == "Offline" and queries:
        per_query = _first(values, "generated_samples_per_query", "effective_samples_per_query") or 1.0
        expected = (rate or 0.0) * (seconds or 0.0)
        done = min((queries * per_query, queries), key=lambda n: abs(n - expected)) if expected else queries * per_query
    tokens = _tokens_per_second(values, of)
    by_token = tokens is not None and rate is not None
    counted = count((done or 0.0) * (tokens or 0.0) / (rate or 1.0) if by_token else done)
    if counted is None:
        return None
    return Work(counted, "token" if by_token else "sample" if of == "Offline" else "query")


_QUALITY = (
    ("AUC", r"AUC=([\d.]+)%"),
    ("f1", r"[\"']f1[\"']: ([\d.]+)"),
    ("rouge1", r"[\"']rouge1[\"']: ([\d.]+)"),
    ("mAP", r"mAP=([\d.]+)%"),
    ("DICE", r"Accuracy: mean = ([\d.]+)"),
    ("WER accuracy", r"Word Error Rate: .{0,200}accuracy=([\d.]+)%"),
    ("FID", r"FID_SCORE'?: ?([\d.]+)"),
    ("accuracy", r"accuracy=([\d.]+)%"),
)


def read_accuracy(content: bytes, benchmark: str) -> Quality | None:
    """The quality that `accuracy.txt` reports, in the unit it reports it in; None where it has another form."""
    text = content[-65536:].decode("utf-8", "replace")
    for metric, pattern in _QUALITY:
        found = re.findall(pattern, text)
        if found:
            try:
                return quality("inference", benchmark, metric, float(found[-1]))
            except ValueError:
                return None
    return None


def round_of(values: dict[str, Any]) -> str:
    """The round that LoadGen's version belongs to, `mlperf-inference-v4.1`; "" where it does not say."""
    match = re.match(r"(\d+)\.(\d+)", str(values.get("loadgen_version", "")))
    return f"mlperf-inference-v{match[1]}.{match[2]}" if match else ""


def stamp(values: dict[str, Any], key: str) -> int | None:
    """A stamp of the log [ns], or None."""
    try:
        return from_mlperf(values.get(key))
    except UnreadableError:
        return None
