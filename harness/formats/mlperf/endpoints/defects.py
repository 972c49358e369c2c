"""Note the known defects of summaries: what contradicts itself, and what misleads a reader."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.formats.defects import DefectCode
from harness.formats.entry_reader import Reader
from harness.formats.mlperf.endpoints.accuracy import Score
from harness.formats.mlperf.endpoints.fields import count_in, list_in, number_in, text_in
from harness.formats.mlperf.endpoints.provisioned import ProvisionedPower
from harness.formats.mlperf.endpoints.summary import BLOCKS, StatBlock, Summary, histogram_edges

ROUNDING = 1e-9
"""Relative difference of a printed figure that the order of a sum explains."""
SERIES = {
    "sample_latency_ns": "latency",
    "ttft_ns": "ttft",
    "tpot_ns": "tpot",
    "osl": "output_sequence_lengths",
    "isl": "input_sequence_lengths",
}
"""Series of a snapshot, and the stat blocks of the summary with the same values."""
COUNTERS = {
    "tracked_samples_issued": "n_samples_issued",
    "tracked_samples_completed": "n_samples_completed",
    "tracked_samples_failed": "n_samples_failed",
    "tracked_duration_ns": "duration_ns",
    "legacy_loadgen_window_duration_ns": "legacy_loadgen_window_duration_ns",
}
"""Counters of a snapshot, and the fields of the summary with the same values."""


def note_defects(
    summary: Summary,
    scores: Sequence[Score],
    power: ProvisionedPower | None,
    snapshot: Mapping[str, Any],
    reader: Reader,
) -> None:
    """Note what is odd about the files of a point.

    Args:
        summary: ``result_summary.json``; empty without one.
        scores: Scores of ``accuracy_results.json``.
        power: Provisioned power; ``None`` without one.
        snapshot: ``final_snapshot.json``; empty without one.
        reader: Collects the defects.
    """
    if summary.document:
        _note_summary(summary, reader)
    for fault in _contradictions(summary):
        reader.note(DefectCode.FIGURE_DIFFERS, reader.root, fault)
    for fault in _snapshot_differs(summary, snapshot):
        reader.note(DefectCode.FIGURE_DIFFERS, reader.root, fault)
    for score in scores:
        if score.is_fraction and score.value > 0:
            got = (
                f"{score.metric} {score.value:g} of {score.data_set}: read as {score.percent:.2f} %"
            )
            reader.note(DefectCode.SCORE_SCALE, reader.root, got)
    if power is not None:
        for text in power.low_ratings:
            reader.note(DefectCode.RATING_LOW, reader.root, text)
        for text in power.faults:
            reader.note(DefectCode.POWER_NOT_DERIVED, reader.root, text)


def _note_summary(summary: Summary, reader: Reader) -> None:
    root = reader.root
    if not summary.has_wall_clock:
        reader.note(DefectCode.NO_WALL_CLOCK, root, "test_started_at is 0 or missing")
    if summary.drain_share > 0:
        got = (
            f"tps over {summary.legacy_window_s:.3f} s, the last reply after "
            f"{summary.duration_s:.3f} s: over the whole time the rate is "
            f"{100 * summary.drain_share:.2f} % lower"
        )
        reader.note(DefectCode.WINDOWS_DIFFER, root, got)
    issued, completed, failed = (summary.count(n) for n in ("issued", "completed", "failed"))
    if issued is not None and completed is not None and failed and completed + failed > issued:
        got = f"{completed} completed and {failed} failed of {issued}"
        reader.note(DefectCode.FAILURES_AS_COMPLETED, root, got)
    short = sorted({key for name in BLOCKS for key in _short_keys(summary, name)})
    if short:
        reader.note(DefectCode.PERCENTILE_KEYS, root, f"keys such as {short[0]!r}")
    for name in ("ttft", "tpot"):
        for got in _fewer_values(summary, name):
            reader.note(DefectCode.VALUES_FEWER, root, got)


def _short_keys(summary: Summary, name: str) -> Iterator[str]:
    percentiles = summary.block(name).document.get("percentiles")
    for key in percentiles if isinstance(percentiles, Mapping) else ():
        if "." not in str(key):
            yield str(key)


def _fewer_values(summary: Summary, name: str) -> Iterator[str]:
    """Yield that a latency has fewer values than responses, or none."""
    block, completed = summary.block(name), summary.count("completed")
    if not block.document:
        yield f"no {name}: responses were not streamed, or none was timed"
    elif block.count is not None and completed is not None and block.count < completed:
        yield f"{block.count} values of {name} for {completed} responses"


def _contradictions(summary: Summary) -> Iterator[str]:
    """Yield what contradicts the totals and counts beside it."""
    for name in BLOCKS:
        block = summary.block(name)
        for fault in _block_faults(block):
            yield f"{name}: {fault}"


def _block_faults(block: StatBlock) -> Iterator[str]:
    mean, average = block.mean, block.value("avg")
    if mean is not None and average is not None and not _equal(mean, average):
        yield f"avg {average!r}, the total over the count is {mean!r}"
    median, p50 = block.value("median"), block.percentiles.get(50.0)
    if median is not None and p50 is not None and median != p50:
        yield f"median {median!r}, P50 {p50!r}"
    yield from _order_faults(block)
    yield from _histogram_faults(block)


def _order_faults(block: StatBlock) -> Iterator[str]:
    """Yield percentiles that fall, or lie outside the values."""
    smallest, largest = block.value("min"), block.value("max")
    values = [value for _, value in sorted(block.percentiles.items())]
    bounds = [smallest, *values, largest]
    stated = [value for value in bounds if value is not None]
    if stated != sorted(stated):
        yield "percentiles fall, or lie outside min and max"


def _histogram_faults(block: StatBlock) -> Iterator[str]:
    """Yield what the histogram contradicts: its edges, and the bucket of each percentile."""
    smallest, largest, count = block.value("min"), block.value("max"), block.count
    edges = block.edges
    if smallest is None or largest is None or not count or len(edges) != len(block.counts):
        return
    ends = [pair[0] for pair in edges] + [edges[-1][1]]
    expected = histogram_edges(smallest, largest)
    if len(ends) != len(expected) or not all(map(_equal, ends, expected)):
        yield "the edges of the histogram do not follow from min and max"
        return
    for share, value in sorted(block.percentiles.items()):
        rank = math.floor((count - 1) * share / 100) if 0 <= share <= 100 else -1
        bucket = block.bucket_of_rank(rank) if rank >= 0 else None
        slack = ROUNDING * abs(value)
        if bucket is None or not bucket[0] - slack <= value <= bucket[1] + slack:
            yield f"P{share:g} {value!r} lies outside its bucket of the histogram"


def _snapshot_differs(summary: Summary, snapshot: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the last snapshot of the metrics has otherwise than the summary."""
    if not snapshot or not summary.document:
        return
    for item in list_in(snapshot, "metrics"):
        name = text_in(item, "name")
        if name in COUNTERS:
            stated, logged = number_in(summary.document, COUNTERS[name]), number_in(item, "value")
            if stated is not None and logged is not None and stated != logged:
                yield f"{COUNTERS[name]} {stated:g}, the snapshot has {logged:g}"
        elif name in SERIES and count_in(item, "count"):
            block, series = summary.block(SERIES[name]), StatBlock(item)
            if block.document and _series(block) != _series(series):
                yield f"{SERIES[name]} differs from the last snapshot of the metrics"
        if name in SERIES:
            yield from _deviation_fault(summary.block(SERIES[name]), item)


def _series(block: StatBlock) -> tuple[object, ...]:
    return block.total, block.value("min"), block.value("max"), tuple(block.percentiles.items())


def _deviation_fault(block: StatBlock, item: object) -> Iterator[str]:
    """Yield a standard deviation that the sum of squares does not give."""
    stated, squares = block.value("std_dev"), number_in(item, "sum_sq")
    count, total = count_in(item, "count"), number_in(item, "total")
    if stated is None or squares is None or total is None or not count or count < 2:
        return
    variance = (squares - total * total / count) / (count - 1)
    derived = math.sqrt(max(0.0, variance))
    if not math.isclose(stated, derived, rel_tol=1e-6):
        yield f"std_dev {stated!r}, the sum of squares gives {derived!r}"


def _equal(first: float, second: float) -> bool:
    return math.isclose(first, second, rel_tol=ROUNDING)
