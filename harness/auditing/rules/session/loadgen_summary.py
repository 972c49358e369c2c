"""LoadGen's summary, its detail log and its window tell one story."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from harness.auditing.rules.base import (
    POWER_SESSION,
    Outcome,
    Rule,
    RuleContext,
    Violation,
    for_session,
)
from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.mlperf.mllog import number
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Session

FIX = "Submit the logs of one run, as LoadGen wrote them."
STAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")
FIGURES = (
    ("Samples per second", ("result_samples_per_second",)),
    ("Completed samples per second", ("result_completed_samples_per_sec",)),
    ("Scheduled samples per second", ("result_scheduled_samples_per_sec",)),
    ("Tokens per second", ("result_tokens_per_second",)),
    ("Tokens per second (inferred)", ("result_inferred_tokens_per_second",)),
    ("Completed tokens per second", ("result_completed_tokens_per_second",)),
    ("Completed tokens per second (inferred)", ("result_inferred_completed_tokens_per_second",)),
    ("Mean latency (ns)", ("result_mean_latency_ns",)),
    ("Max latency (ns)", ("result_max_latency_ns",)),
    ("90th percentile latency (ns)", ("result_90.00_percentile_latency_ns",)),
    ("90.0th percentile latency (ns)", ("result_90.00_percentile_latency_ns",)),
    ("99th percentile latency (ns)", ("result_99.00_percentile_per_query_latency_ns",)),
    ("99.0th percentile latency (ns)", ("result_99.00_percentile_per_query_latency_ns",)),
)
"""Lines of the summary, and the keys of the detail log that have the same figure; percentiles in two spellings."""

RATES = {
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
    "Interactive": "result_completed_samples_per_sec",
}


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    for mode in MODES:
        status: Outcome | None = None if mode == "testing" else "warn"
        text, values = session.open().summary(mode), session.values.get(mode, {})
        if text:
            yield from _summary(
                text, values, f"performance/{FOLDERS[mode]}/mlperf_log_summary.txt", case, status
            )
        yield from _window(session, mode, case, status)


def _summary(
    text: str, values: Mapping[str, Any], where: str, case: RuleContext, status: Outcome | None
) -> Iterator[Violation]:
    fields = _fields(text)
    result, mode, scenario = (fields.get(name, "") for name in ("Result is", "Mode", "Scenario"))
    detail = str(values.get("result_validity"))
    for what, got, expected in (
        ("Result is", result, "VALID"),
        ("result_validity", detail, "VALID"),
        ("Mode", mode, "PerformanceOnly"),
        ("effective_test_mode", str(values.get("effective_test_mode")), "PerformanceOnly"),
        ("Scenario", scenario, str(values.get("effective_scenario"))),
    ):
        if got != expected:
            yield Violation(
                where,
                f"{what} {shorten(got or 'nothing', 60)}",
                shorten(expected, 60),
                FIX,
                status=status,
            )
    for label, keys in FIGURES:
        stated = fields.get(label)
        if not stated:
            continue
        mine, theirs = (
            number(stated) if re.fullmatch(r"[-+.\deE]{1,40}", stated) else None,
            next((n for k in keys if (n := number(values.get(k)))), None),
        )
        if label.startswith(("Mean", "Max")) and scenario == "MultiStream":
            continue  # there of a query in one file, of a sample in the other
        if (
            mine is not None
            and theirs is not None
            and abs(mine - theirs) > case.limits["figure_slack"] * abs(theirs)
        ):
            yield Violation(
                where,
                f"{label} {mine:.9g}",
                f"{theirs:.9g}, as the detail log has it",
                FIX,
                status=status,
            )
    if re.search(r"^[1-9]\d* ERRORS? encountered", text, re.MULTILINE):
        yield Violation(where, "errors encountered", "none", "See the detail log.", status="warn")


def _fields(text: str) -> dict[str, str]:
    """What stands before and behind the colon of each line; the first line of a name counts."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon and len(value.strip()) <= 80:
            found.setdefault(name.rstrip(" "), value.strip())
    return found


def _window(
    session: Session, mode: Mode, case: RuleContext, status: Outcome | None
) -> Iterator[Violation]:
    """The window is as long as the work took, and ends when LoadGen wrote that it ended."""
    window, values = session.window(mode), session.values.get(mode, {})
    where = f"performance/{FOLDERS[mode]}/mlperf_log_detail.txt"
    if window is None or window.seconds <= 0:
        return  # window-present tells it
    took = _took_s(values)
    slack = max(1.0, case.limits["duration_slack"] * took[1]) if took else 0.0
    if took and not took[0] - slack <= window.seconds <= took[1] + slack:
        expected = f"{took[0]:.3f}" + (f" to {took[1]:.3f}" if took[1] > took[0] else "")
        got, expected = (
            f"a window of {window.seconds:.3f}",
            f"{expected}, by LoadGen's own count and rate",
        )
        yield Violation(where, got, expected, FIX, "s", status)
    query, mean = (
        number(values.get("result_query_count")),
        number(values.get("result_mean_latency_ns")),
    )
    single = values.get("effective_scenario") in ("SingleStream", "MultiStream")
    if single and query and mean and query * mean / NS > window.seconds * 1.001 + 0.01:
        yield Violation(
            where,
            f"a window of {window.seconds:.3f}",
            f"at least {query * mean / NS:.3f}, the time of all queries",
            FIX,
            "s",
            status,
        )
    wrote = _written_ns(values)
    if wrote is not None:
        late = (window.stop_ns - wrote) / NS
        late -= 900 * round(late / 900)  # test_datetime is local time
        if abs(late) > case.limits["written_slack_s"]:
            got = f"an end {abs(late):.3f} {'after' if late > 0 else 'before'} LoadGen wrote it"
            yield Violation(
                where, got, f"within {case.limits['written_slack_s']:g}", FIX, "s", status
            )


def _took_s(values: Mapping[str, Any]) -> tuple[float, float] | None:
    """Work over rate [s], the least and the most that it can have taken, where the rate is that of the whole window.

    The rate of a server is that up to the last query it was given; the window ends with the last answer.
    """
    scenario = values.get("effective_scenario")
    count = number(values.get("result_query_count"))
    rate = number(values.get(RATES.get(str(scenario), "")))
    if not count or not rate or rate <= 0:
        return None
    if scenario == "Offline":
        if count == 1:
            count = number(
                values.get("generated_samples_per_query", values.get("effective_samples_per_query"))
            )
        return (count / rate, count / rate) if count else None
    longest = number(values.get("result_max_latency_ns")) or 0.0
    return count / rate, count / rate + max(longest, 0.0) / NS


def _written_ns(values: Mapping[str, Any]) -> float | None:
    """When the line of power_end was written [ns], but for the zone."""
    after_ms = number(values.get("power_end_time_ms"))
    stated = str(values.get("test_datetime"))[:19]
    if after_ms is None or not STAMP.fullmatch(stated):
        return None
    try:
        began = datetime.fromisoformat(stated).replace(tzinfo=UTC)
    except ValueError:
        return None
    return began.timestamp() * NS + after_ms * 1e6


RULE = Rule(
    id="loadgen-summary",
    title="LoadGen's logs tell one story",
    why="A summary that says VALID beside a log that does not, a rate that was raised in one file, a window that is "
    "shorter than the work took: each is an edit, and joules per sample follow it.",
    evidence="mlperf_log_summary.txt of each run: VALID, performance mode, its figures against the detail log. Length "
    "of the window against work over rate, of a server at most its longest latency more; its end against the steady "
    "clock of the line that states it. Of the ranging run, warnings.",
    remedy="Submit the logs of one run, as LoadGen wrote them.",
    limits=("figure_slack", "duration_slack", "written_slack_s"),
    applies_to=POWER_SESSION,
    check=check,
)
