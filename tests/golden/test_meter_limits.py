"""In every real session, the limit of the analyzer is at least the PTDaemon's own reply."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness import api
from harness.formats.base import Entry
from harness.formats.ptdaemon.analyzer import analyzer

MIN_SESSIONS = 13
"""Sessions with a reply among the published results at hand. In each, the limits of the manual
alone lie below it."""


def limits_and_replies(entry: Entry, root: Path) -> Iterator[tuple[float, float]]:
    """Yield the relative limit of each run's analyzer, and the PTDaemon's reply [%]."""
    for run in entry.runs:
        for trace in run.outer:
            for path in (root / entry.id).glob("**/power/server.json"):
                identified = analyzer(json.loads(path.read_bytes()), b"", "testing")
                if identified.stated_limit_pct is None or run.window is None:
                    continue
                mean_w = float(trace.window(run.window).value.mean())
                accuracy = trace.channel.accuracy
                limit_pct = 100 * (accuracy.gain_mpe + accuracy.range_limit_w / mean_w)
                yield limit_pct, identified.stated_limit_pct


def test_limits_reach_the_replies_of_all_real_sessions(real_rounds: Path, real_data: Path) -> None:
    sessions = []
    for root in (real_rounds, real_data / "mlperf-inference-v4.1"):
        for result in api.score(root):
            sessions += list(limits_and_replies(result.entry, root))
    assert len(sessions) >= MIN_SESSIONS
    assert [pair for pair in sessions if pair[0] < pair[1] * 0.9999] == []
