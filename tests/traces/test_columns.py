"""Long columns lie in files, and what is read block by block equals what is read at once."""

from __future__ import annotations

import errno
import hashlib
import json
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import files
from harness.core.errors import UnreadableError
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.traces import clean, columns, store
from harness.traces.channel import Accuracy, Channel
from harness.traces.columns import GrowingColumn, median_of, order_statistic, spans
from harness.traces.csv_store import parse_csv, stream_csv, write_csv
from harness.traces.journal import segment as journal_segment
from harness.traces.journal.reader import read_samples
from harness.traces.store import read_listed
from harness.traces.trace import Trace
from tests.signing import live

T_NS = 1_700_000_000_000_000_000


def channel(quantity: str = "power") -> Channel:
    return Channel(
        id="wall",
        quantity=quantity,
        unit="W" if quantity == "power" else "J",
        kind="mean" if quantity == "power" else "counter",
        boundary="wall",
        calibration_id="m",
        nominal_interval_s=0.001,
        accuracy=Accuracy(reading_limit_pct=1.0, source="test"),
    )


def trace_of(count: int) -> Trace:
    number = np.arange(count)
    return Trace(channel(), T_NS + number * 1_000_003, 300.0 + number * 37 % 101 / 8)


@pytest.mark.parametrize("limit", [0, 100, 10**6])
def test_a_column_holds_what_it_was_given(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "SPILL_BYTES", limit)
    column = GrowingColumn(np.int64)
    for first in range(0, 100, 7):
        column.extend(np.arange(first, min(first + 7, 100)))
    assert len(column) == 100
    assert np.array_equal(column.column(), np.arange(100))


def test_fail_temporary_folder_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "SPILL_BYTES", 0)
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(tempfile, "TemporaryFile", mock.Mock(side_effect=full))
    with pytest.raises(columns.NoTemporarySpace, match="TMPDIR") as error:
        GrowingColumn(np.int64).extend(np.arange(10))
    assert error.value.exit_code == 3


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40), st.data())
def test_order_statistics_are_those_of_sorting(values: list[int], data: st.DataObject) -> None:
    column, rank = np.array(values), data.draw(st.integers(0, len(values) - 1))
    with mock.patch.object(columns, "SPAN_ROWS", 4):
        found = order_statistic(column.__getitem__, len(values), rank)
        middle = median_of(column.__getitem__, len(values))
    ordered = sorted(values)
    half = len(values) // 2
    assert found == ordered[rank]
    assert middle == (
        float(ordered[half]) if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
    )


def test_spans_cover_each_row_once() -> None:
    rows = [row for span in spans(3, 20, 5) for row in range(span.start, span.stop)]
    assert rows == list(range(3, 20))


# A CSV trace, block by block


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read everything in blocks of a few lines, and keep columns in files."""
    monkeypatch.setattr(files, "BLOCK_BYTES", 97)
    monkeypatch.setattr(store, "STREAM_BYTES", 0)
    monkeypatch.setattr(columns, "SPILL_BYTES", 256)
    monkeypatch.setattr(clean, "SPAN_ROWS", 16)


def same(first: Trace, second: Trace) -> bool:
    """Whether two traces are equal, but for the words in which a dropped reading was written."""
    return (
        first.channel == second.channel
        and np.array_equal(first.t_ns, second.t_ns)
        and np.array_equal(first.value, second.value)
        and (first.position is None) == (second.position is None)
        and (first.position is None or np.array_equal(first.position, second.position))
        and [(d.position, d.t_ns, d.reason) for d in first.dropped]
        == [(d.position, d.t_ns, d.reason) for d in second.dropped]
    )


@pytest.mark.usefixtures("small_blocks")
def test_a_trace_is_the_same_block_by_block(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(trace_of(500), path)
    content = path.read_bytes()
    streamed, digest = stream_csv(path)
    assert same(streamed, parse_csv(content, where="x"))
    assert digest == hashlib.sha256(content).hexdigest()
    assert same(read_listed(path, digest), streamed)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    "row",
    [
        b"1700000000900000000,",
        b"1700000000900000000,1_0",
        b"1700000000900000000,-5",
        b"1700000000900000000,+5",
        b"1700000000900000000,nan",
        b"1700000000900000000,1e400",
        b"1.7e18,5",
        b"+1700000000900000000,5",
        b"-5,5",
        b",5",
        b"1700000000000000000,5",
        b"1600000000000000000,5",
        "1700000000900000000,\N{FULLWIDTH DIGIT FIVE}".encode(),
        b"# a comment",
        b"",
    ],
)
def test_an_odd_row_is_the_same_block_by_block(tmp_path: Path, row: bytes) -> None:
    header = json.dumps(channel().header())
    rows = [b"%d,%d.5" % (T_NS + k * 10**6, 300 + k) for k in range(900)]
    rows.insert(700, row)
    text = f"# joulemark-trace: {header}\nt_ns,power_w\n".encode() + b"\n".join(rows) + b"\n"
    (tmp_path / "t.csv").write_bytes(text)
    assert same(stream_csv(tmp_path / "t.csv")[0], parse_csv(text, where="x"))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("row", [b"1,2,3", b"1700000000900000000"])
def test_fail_broken_row_with_its_line(tmp_path: Path, row: bytes) -> None:
    path = tmp_path / "t.csv"
    write_csv(trace_of(200), path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:150], row + b"\n", *lines[150:]]))
    with pytest.raises(UnreadableError) as error:
        stream_csv(path)
    assert error.value.where.endswith("t.csv:151")


@pytest.mark.usefixtures("small_blocks")
def test_fail_edited_long_trace(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(trace_of(200), path)
    path.write_bytes(path.read_bytes().replace(b",301.", b",201."))
    with pytest.raises(UnreadableError, match="not the trace its header describes"):
        stream_csv(path)
    with pytest.raises(UnreadableError):
        read_listed(path, "0" * 64)


def test_fail_line_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    header = json.dumps(channel().header())
    path.write_text(f"# joulemark-trace: {header}\nt_ns,power_w\n")
    with path.open("r+b") as file:
        file.truncate(2**30)  # a sparse file of zeros
    monkeypatch.setattr(store, "STREAM_BYTES", 0)
    with deadline(60), pytest.raises(UnreadableError, match="line without end"):
        stream_csv(path)


@pytest.mark.usefixtures("small_blocks")
def test_fail_readings_out_of_order_and_too_many_to_sort(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clean, "MAX_UNORDERED", 100)
    times = [T_NS + (k ^ 1) * 10**6 for k in range(200)]
    header = json.dumps(channel().header())
    text = "".join(f"{t},5.0\n" for t in times)
    (tmp_path / "t.csv").write_text(f"# joulemark-trace: {header}\nt_ns,power_w\n{text}")
    with pytest.raises(UnreadableError, match="out of order"):
        stream_csv(tmp_path / "t.csv")


# A journal, group by group


def test_a_journal_is_the_same_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = live.write_journal(tmp_path / "m.csv")
    at_once = read_samples(path)
    monkeypatch.setattr(journal_segment.SegmentReadings, "add_plain", lambda *_: False)
    by_line = read_samples(path)
    assert same(at_once.traces[0], by_line.traces[0])
    assert at_once.traces[0].dropped == by_line.traces[0].dropped
    assert at_once.statistics() == by_line.statistics()
    assert np.array_equal(at_once.clocks, by_line.clocks)


@pytest.mark.parametrize(
    "row",
    [
        "9,1700000000000000000,1,1,5.0,",
        "0,1700000000900000000,1,-5,5.0,",
        "0,-1,1,1,5.0,",
        "0,1.7e18,1,1,5.0,",
        "0,1700000000900000000,1,1,1_0,",
        "0,1700000000900000000,1,1,,",
        "0,1700000000900000000,1,1,5.0,x",
        "0,1700000000900000000,1,1,5.0",
        "0,1700000000900000000,1,,5.0,",
        "0,,1,1,5.0,",
    ],
)
def test_an_odd_reading_is_the_same_line_by_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str
) -> None:
    path = live.write_journal(tmp_path / "m.csv")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:40], row + "\n", *lines[40:]]))
    at_once = read_samples(path)
    monkeypatch.setattr(journal_segment.SegmentReadings, "add_plain", lambda *_: False)
    by_line = read_samples(path)
    assert same(at_once.traces[0], by_line.traces[0])
    assert at_once.cut == by_line.cut
    assert np.array_equal(at_once.late_ns, by_line.late_ns)


def test_the_time_limit_ends_the_reading_of_an_endless_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(files.os, "read", lambda *_: b"1,2\n" * 1000)
    with pytest.raises(TimeLimitExceeded), deadline(0.1):
        files.file_sha256(__file__)
