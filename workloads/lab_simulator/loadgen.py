"""LoadGen's two logs of one performance run: mlperf_log_detail.txt and mlperf_log_summary.txt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from .clock import false_utc_stamp, utc_stamp
from .power import MS, NS

Scenario = Literal["SingleStream", "MultiStream", "Server", "Offline"]
Items = list[tuple[str, object]]

SAMPLES_PER_MULTISTREAM_QUERY = 8
SUT_NAME = "SIMULATED"
LATENCY_SHAPE = (
    ("50.00", 0.99),
    ("90.00", 1.04),
    ("95.00", 1.07),
    ("97.00", 1.10),
    ("99.00", 1.16),
    ("99.90", 1.30),
)
"""Latency percentiles, relative to the mean; LoadGen prints these six."""
LONGEST_REL, SHORTEST_REL = 1.6, 0.9


@dataclass(frozen=True)
class LoadgenRun:
    """One performance run: window, work, and the clock on the wall."""

    scenario: Scenario
    start_ns: int
    """When the LoadGen process started."""
    t0_ns: int
    t1_ns: int
    """The load window: `power_begin` and `power_end`."""
    queries: int
    samples: int
    tokens: int
    """Work done; 0 tokens where they are not counted."""
    zone_h: float
    """Hours the local clock is east of UTC."""
    version: str = "4.1"
    """Release of LoadGen, which tells the round."""

    @property
    def duration_s(self) -> float:
        return (self.t1_ns - self.t0_ns) / NS

    @property
    def latency_ns(self) -> int:
        """Mean latency [ns]: exact for one query at a time, plausible for the others."""
        if self.scenario in ("SingleStream", "MultiStream"):
            return round(self.duration_s * NS / self.queries)
        return round(self.duration_s * NS / 2) if self.scenario == "Offline" else 15 * MS


def detail_text(run: LoadgenRun) -> str:
    """mlperf_log_detail.txt. The window is written after the run, in UTC; `test_datetime` is
    local time."""
    end_ms = (run.t1_ns - run.start_ns) / MS + 130.0
    begin = [(key, value, 0.026669, "loadgen.cc") for key, value in _setup_items(run)]
    settings = [
        (key, value, 0.036719, "test_settings_internal.cc") for key, value in _settings_items(run)
    ]
    window = [
        ("power_begin", utc_stamp(run.t0_ns), end_ms, "loadgen.cc"),
        ("power_end", utc_stamp(run.t1_ns), end_ms, "loadgen.cc"),
    ]
    results = [(key, value, end_ms + 590.0, "results.cc") for key, value in _result_items(run)]
    return "".join(
        _line(number, *item) for number, item in enumerate(begin + settings + window + results, 1)
    )


def summary_text(run: LoadgenRun) -> str:
    """mlperf_log_summary.txt."""
    bar = "=" * 48
    constraint = ["  Performance constraints satisfied : Yes"] if run.scenario == "Server" else []
    extra = (
        [f"Scheduled samples per second : {run.samples / run.duration_s:.2f}"] if constraint else []
    )
    percentiles = [f"{name} percentile latency (ns)   : {ns}" for name, ns in _percentiles(run)]
    return "\n".join(
        [
            *(bar, "MLPerf Results Summary", bar),
            *(f"SUT name : {SUT_NAME}", f"Scenario : {run.scenario}", "Mode     : PerformanceOnly"),
            *_headline(run),
            *(
                "Result is : VALID",
                *constraint,
                "  Min duration satisfied : Yes",
                "  Min queries satisfied : Yes",
            ),
            *("  Early stopping satisfied: Yes", "", bar, "Additional Stats", bar, *extra),
            f"Min latency (ns)                : {round(run.latency_ns * SHORTEST_REL)}",
            f"Max latency (ns)                : {round(run.latency_ns * LONGEST_REL)}",
            f"Mean latency (ns)               : {run.latency_ns}",
            *percentiles,
            *("", bar, "Test Parameters Used", bar),
            *(_parameter(key, value) for key, value in _settings_items(run)[3:]),
            *(
                "",
                "No warnings encountered during test.",
                "",
                "No errors encountered during test.",
                "",
            ),
        ]
    )


def _line(number: int, key: str, value: object, time_ms: float, file: str) -> str:
    metadata = {
        "is_error": False,
        "is_warning": False,
        "file": f"loadgen/{file}",
        "line_no": number,
        "pid": 1,
        "tid": 1,
    }
    entry = {
        "key": key,
        "value": value,
        "time_ms": round(time_ms, 6),
        "namespace": "mlperf::logging",
        "event_type": "POINT_IN_TIME",
        "metadata": metadata,
    }
    return f":::MLLOG {json.dumps(entry)}\n"


def _parameter(key: str, value: object) -> str:
    name = key.removeprefix("effective_")
    for suffix in ("ns", "ms"):
        if name.endswith(f"_{suffix}"):
            return f"{name[:-3]} ({suffix}): {value}"
    return f"{name} : {value}"


def _setup_items(run: LoadgenRun) -> Items:
    return [
        ("loadgen_version", f"{run.version} @ simulated"),
        ("test_datetime", false_utc_stamp(run.start_ns, run.zone_h)),
        ("sut_name", SUT_NAME),
        ("qsl_name", "SIMULATED_QSL"),
    ]


def _settings_items(run: LoadgenRun) -> Items:
    per_query = {"MultiStream": SAMPLES_PER_MULTISTREAM_QUERY, "Offline": run.samples}.get(
        run.scenario, 1
    )
    return [
        ("requested_scenario", run.scenario),
        ("effective_scenario", run.scenario),
        ("effective_test_mode", "PerformanceOnly"),
        ("effective_samples_per_query", per_query),
        ("effective_target_qps", float(f"{run.samples / run.duration_s:.6g}")),
        ("effective_target_latency_ns", 0),
        ("effective_max_async_queries", 0 if run.scenario == "Server" else 1),
        ("effective_min_duration_ms", round(run.duration_s * 1000)),
        ("effective_max_duration_ms", 0),
        ("effective_min_query_count", 1),
        ("effective_max_query_count", 0),
        ("effective_qsl_rng_seed", 3066443479025735752),
        ("effective_sample_index_rng_seed", 10688027786191513374),
        ("effective_schedule_rng_seed", 14962580496156340209),
        ("effective_performance_sample_count", 2048),
    ]


def _result_items(run: LoadgenRun) -> Items:
    items: Items = [("result_validity", "VALID")]
    if run.scenario == "Server":
        items += [("result_perf_constraints_met", True)]
    items += [
        ("result_min_duration_met", True),
        ("result_min_queries_met", True),
        ("early_stopping_met", True),
        ("result_query_count", run.queries),
        *_performance_items(run),
        ("result_min_latency_ns", round(run.latency_ns * SHORTEST_REL)),
        ("result_max_latency_ns", round(run.latency_ns * LONGEST_REL)),
        ("result_mean_latency_ns", run.latency_ns),
    ]
    return items + [(f"result_{name}_percentile_latency_ns", ns) for name, ns in _percentiles(run)]


def _performance_items(run: LoadgenRun) -> Items:
    """The keys that carry the performance figure of each scenario; rates have six digits, as in
    real logs."""
    per_second = float(f"{run.samples / run.duration_s:.6g}")
    tokens_per_second = float(f"{run.tokens / run.duration_s:.6g}")
    if run.scenario == "Offline":
        tokens: Items = [("result_tokens_per_second", tokens_per_second)] if run.tokens else []
        return [("result_samples_per_second", per_second), *tokens]
    if run.scenario == "Server":
        tokens = [("result_completed_tokens_per_second", tokens_per_second)] if run.tokens else []
        scheduled: Items = [
            ("result_overlatency_query_count", 0),
            ("result_scheduled_samples_per_sec", per_second),
        ]
        return [*scheduled, ("result_completed_samples_per_sec", per_second), *tokens]
    early = dict(_percentiles(run))
    if run.scenario == "MultiStream":
        return [
            ("early_stopping_latency_ms", early["99.00"]),
            *((f"result_{name}_percentile_per_query_latency_ns", ns) for name, ns in early.items()),
        ]
    return [
        ("result_qps_with_loadgen_overhead", per_second),
        ("result_qps_without_loadgen_overhead", per_second),
        ("early_stopping_latency_ss", early["90.00"]),
        ("early_stopping_latency_ms", early["99.00"]),
    ]


def _headline(run: LoadgenRun) -> list[str]:
    rates = dict(_performance_items(run))
    percentiles = dict(_percentiles(run))
    if run.scenario == "SingleStream":
        return [f"90th percentile latency (ns) : {percentiles['90.00']}"]
    if run.scenario == "MultiStream":
        return [f"99th percentile latency (ns) : {percentiles['99.00']}"]
    if run.scenario == "Offline":
        lines = [f"Samples per second: {rates['result_samples_per_second']}"]
        return lines + (
            [f"Tokens per second: {rates['result_tokens_per_second']}"] if run.tokens else []
        )
    lines = [f"Completed samples per second    : {rates['result_completed_samples_per_sec']}"]
    tokens = (
        [f"Completed tokens per second: {run.tokens / run.duration_s:.2f}"] if run.tokens else []
    )
    return lines + tokens


def _percentiles(run: LoadgenRun) -> list[tuple[str, int]]:
    return [(name, round(run.latency_ns * shape)) for name, shape in LATENCY_SHAPE]
