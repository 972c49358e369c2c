"""LoadGen's summary, its detail log and its window agree."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.auditing.rules.printed import agrees, half_last_digit, half_significant_digit
from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.mlperf.loadgen_log import offline_counts
from harness.formats.mlperf.mllog import number
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Session
from harness.traces.trace import Window

FIX = "Submit the logs of one run, as LoadGen wrote them."
TEST_DATETIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
ERRORS = re.compile(r"^[1-9]\d* ERRORS? encountered", re.MULTILINE)
MAX_FIELD_LENGTH = 80
MIN_DURATION_SLACK_S = 1.0
QUARTER_HOUR_S = 900
DETAIL_DIGITS = 6
"""Significant digits of a figure in LoadGen's detail log."""

DETAIL_KEYS = {
    "Samples per second": "result_samples_per_second",
    "Completed samples per second": "result_completed_samples_per_sec",
    "Scheduled samples per second": "result_scheduled_samples_per_sec",
    "Tokens per second": "result_tokens_per_second",
    "Tokens per second (inferred)": "result_inferred_tokens_per_second",
    "Completed tokens per second": "result_completed_tokens_per_second",
    "Completed tokens per second (inferred)": "result_inferred_completed_tokens_per_second",
    "Mean latency (ns)": "result_mean_latency_ns",
    "Max latency (ns)": "result_max_latency_ns",
    "90th percentile latency (ns)": "result_90.00_percentile_latency_ns",
    "90.0th percentile latency (ns)": "result_90.00_percentile_latency_ns",
    "99th percentile latency (ns)": "result_99.00_percentile_per_query_latency_ns",
    "99.0th percentile latency (ns)": "result_99.00_percentile_per_query_latency_ns",
}
"""Figures of the summary, and the key of the detail log that has the same figure."""

RATES = {
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
    "Interactive": "result_completed_samples_per_sec",
}
"""Key of the rate that holds for the whole window, by scenario."""


class Duration(NamedTuple):
    """The least and the most time that the work can have taken [s]."""

    least_s: float
    most_s: float


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Report contradictions in the logs of the testing run; warn of those of the ranging run."""
    for mode in MODES:
        for violation in _contradictions(context, session, mode):
            yield violation if mode == "testing" else replace(violation, status="warn")


def _contradictions(context: RuleContext, session: Session, mode: Mode) -> Iterator[Violation]:
    values = session.values.get(mode, {})
    summary = session.open().summary(mode)
    if summary:
        where = f"performance/{FOLDERS[mode]}/mlperf_log_summary.txt"
        fields = _fields(summary)
        yield from _wrong_settings(fields, values, where)
        yield from _wrong_figures(fields, values, where)
        if ERRORS.search(summary):
            fix = "See the detail log."
            yield Violation(where, "errors encountered", "none", fix, status="warn")
    window = session.window(mode)
    if window is not None and window.seconds > 0:  # else reported by window-present
        where = f"performance/{FOLDERS[mode]}/mlperf_log_detail.txt"
        yield from _wrong_duration(window, values, where, context.limits["duration_slack"])
        yield from _shorter_than_queries(window, values, where)
        yield from _wrong_end(window, values, where, context.limits["written_slack_s"])


def _wrong_settings(
    fields: Mapping[str, str], values: Mapping[str, Any], where: str
) -> Iterator[Violation]:
    """Report a result that is not valid, no performance run, or another scenario."""
    settings = (
        ("Result is", fields.get("Result is", ""), "VALID"),
        ("result_validity", str(values.get("result_validity")), "VALID"),
        ("Mode", fields.get("Mode", ""), "PerformanceOnly"),
        ("effective_test_mode", str(values.get("effective_test_mode")), "PerformanceOnly"),
        ("Scenario", fields.get("Scenario", ""), str(values.get("effective_scenario"))),
    )
    for name, stated, expected in settings:
        if stated != expected:
            got = f"{name} {shorten(stated or 'nothing', 60)}"
            yield Violation(where, got, shorten(expected, 60), FIX)


def _wrong_figures(
    fields: Mapping[str, str], values: Mapping[str, Any], where: str
) -> Iterator[Violation]:
    """Compare the figures of the summary with those of the detail log, within their digits."""
    for label, key in DETAIL_KEYS.items():
        text = fields.get(label, "")
        is_query_latency = label.startswith(("Mean", "Max"))
        if is_query_latency and fields.get("Scenario") == "MultiStream":
            continue  # of a query in one file, of a sample in the other
        exact = number(values.get(key))
        if not exact or half_last_digit(text) is None:
            continue
        if not agrees(exact, text, value_error=half_significant_digit(exact, DETAIL_DIGITS)):
            got = f"{label} {text}"
            yield Violation(where, got, f"{exact:.9g}, as the detail log has it", FIX)


def _fields(summary: str) -> dict[str, str]:
    """Return name and value of each line with a colon; the first line of a name counts."""
    fields: dict[str, str] = {}
    for line in summary.split("\n"):
        name, colon, value = line.partition(":")
        if colon and len(value.strip()) <= MAX_FIELD_LENGTH:
            fields.setdefault(name.rstrip(" "), value.strip())
    return fields


def _wrong_duration(
    window: Window, values: Mapping[str, Any], where: str, duration_slack: float
) -> Iterator[Violation]:
    """Compare the length of the window with the time that the work took."""
    duration = _duration(values)
    if duration is None:
        return
    slack_s = max(MIN_DURATION_SLACK_S, duration_slack * duration.most_s)
    if duration.least_s - slack_s <= window.seconds <= duration.most_s + slack_s:
        return
    expected = f"{duration.least_s:.3f}"
    if duration.most_s > duration.least_s:
        expected = f"{expected} to {duration.most_s:.3f}"
    got = f"a window of {window.seconds:.3f}"
    yield Violation(where, got, f"{expected}, by LoadGen's own count and rate", FIX, "s")


def _duration(values: Mapping[str, Any]) -> Duration | None:
    """Return work over rate, where the rate is that of the whole window; else None.

    The rate of a server counts up to its last query; its window ends with the last answer. An
    Offline run may complete more samples than planned, up to a whole number of data sets.
    """
    scenario = str(values.get("effective_scenario"))
    count = number(values.get("result_query_count"))
    rate = number(values.get(RATES.get(scenario, "")))
    if not count or not rate or rate <= 0:
        return None
    if scenario == "Offline":
        planned, padded, stated = offline_counts(values)
        if count == 1:
            return Duration(planned / rate, padded / rate)
        return Duration(stated / rate, stated / rate)
    longest_ns = number(values.get("result_max_latency_ns")) or 0.0
    return Duration(count / rate, count / rate + max(longest_ns, 0.0) / NS)


def _shorter_than_queries(
    window: Window, values: Mapping[str, Any], where: str
) -> Iterator[Violation]:
    """Report a window that is shorter than all queries of a stream one after the other."""
    if values.get("effective_scenario") not in ("SingleStream", "MultiStream"):
        return
    queries = number(values.get("result_query_count"))
    mean_latency_ns = number(values.get("result_mean_latency_ns"))
    if not queries or not mean_latency_ns:
        return
    queries_s = queries * mean_latency_ns / NS
    if queries_s > window.seconds * 1.001 + 0.01:
        expected = f"at least {queries_s:.3f}, the time of all queries"
        yield Violation(where, f"a window of {window.seconds:.3f}", expected, FIX, "s")


def _wrong_end(
    window: Window, values: Mapping[str, Any], where: str, written_slack_s: float
) -> Iterator[Violation]:
    """Compare the end of the window with the time at which LoadGen wrote that line."""
    written_ns = _written_ns(values)
    if written_ns is None:
        return
    late_s = (window.stop_ns - written_ns) / NS
    late_s -= QUARTER_HOUR_S * round(late_s / QUARTER_HOUR_S)  # test_datetime is local time
    if abs(late_s) > written_slack_s:
        side = "after" if late_s > 0 else "before"
        got = f"an end {abs(late_s):.3f} {side} LoadGen wrote it"
        yield Violation(where, got, f"within {written_slack_s:g}", FIX, "s")


def _written_ns(values: Mapping[str, Any]) -> float | None:
    """Return when the line of power_end was written, in local time [ns]; None if not known."""
    elapsed_ms = number(values.get("power_end_time_ms"))
    began_text = str(values.get("test_datetime"))[:19]
    if elapsed_ms is None or not TEST_DATETIME.fullmatch(began_text):
        return None
    try:
        began = datetime.fromisoformat(began_text).replace(tzinfo=UTC)
    except ValueError:
        return None
    return began.timestamp() * NS + elapsed_ms * 1e6


RULE = Rule(
    id="loadgen-summary",
    title="LoadGen's logs agree",
    why="A summary that says VALID beside a log that does not, a rate that was raised in one "
    "file, a window that is shorter than the work took: each is an edit, and the joules per "
    "sample follow it.",
    evidence="mlperf_log_summary.txt of each run: VALID, performance mode, its figures against "
    "the detail log, within half of the last printed digit. Length of the window against work "
    "over rate, of a server at most its longest latency more, of Offline at most a whole number "
    "of data sets; its end against the steady clock of the line that states it. For the ranging "
    "run, warnings.",
    remedy="Submit the logs of one run, as LoadGen wrote them.",
    applies_to=POWER_SESSION,
    limits=("duration_slack", "written_slack_s"),
    check=check,
)
