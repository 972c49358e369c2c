"""A long journal is written in segments and read as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import UnreadableError
from harness.traces.channel import Channel
from harness.traces.journal.reader import journal_paths, read_samples, segment_paths
from harness.traces.journal.writer import Journal

T = 1_700_000_000_000_000_000


def write(path: Path, channel: Channel, count: int, segment_bytes: int, ends: bool = True) -> None:
    journal = Journal(path, [channel], {"meter": "m", "interval_s": 0.1}, segment_bytes)
    for index in range(count):
        t_ns = T + index * 100_000_000
        journal.rows([journal.row(channel.id, t_ns, index, 0, 100.0 + index % 7)])
        if index % 10 == 0:
            journal.clock()
    if ends:
        journal.end({"missed": 0, "hung": False})


@pytest.fixture
def meter(channel: Callable[..., Channel]) -> Channel:
    return channel("instant", id="total")


def test_segments_give_the_readings_of_one_file(meter: Channel, tmp_path: Path) -> None:
    write(tmp_path / "whole.csv", meter, 500, 10**9)
    write(tmp_path / "parts" / "m.csv", meter, 500, 2000)
    whole, parts = read_samples(tmp_path / "whole.csv"), read_samples(tmp_path / "parts" / "m.csv")
    assert len(segment_paths(tmp_path / "parts" / "m.csv")) > 10
    assert journal_paths(tmp_path / "parts") == [tmp_path / "parts" / "m.csv"]
    assert np.array_equal(whole.traces[0].t_ns, parts.traces[0].t_ns)
    assert np.array_equal(whole.traces[0].value, parts.traces[0].value)
    assert parts.links.whole
    assert parts.links.broken is None
    assert parts.cut == 0
    assert parts.end == whole.end


def test_a_failed_read_keeps_its_reason_in_a_later_segment(meter: Channel, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "m.csv", [meter], {"meter": "m"}, 500)
    for index in range(50):
        journal.rows([journal.row("total", T + index * 10**8, index, 0, 5.0)])
        journal.clock()
    journal.rows([journal.row("total", T + 60 * 10**8, 60, 0, float("nan"), "unplugged")])
    journal.end({"missed": 0})
    (dropped,) = read_samples(tmp_path / "m.csv").traces[0].dropped
    assert (dropped.raw, dropped.position) == ("unplugged", 50)


def test_fail_a_segment_that_is_missing(meter: Channel, tmp_path: Path) -> None:
    write(tmp_path / "m.csv", meter, 500, 2000)
    segments = segment_paths(tmp_path / "m.csv")
    segments[-1].unlink()
    assert read_samples(tmp_path / "m.csv").end is None
    segments[3].unlink()
    assert read_samples(tmp_path / "m.csv").end is None


def test_fail_a_segment_of_another_journal(meter: Channel, tmp_path: Path) -> None:
    write(tmp_path / "m.csv", meter, 500, 2000)
    write(tmp_path / "other.csv", meter, 500, 2100)
    (tmp_path / "other.0003.csv").replace(tmp_path / "m.0003.csv")
    with pytest.raises(UnreadableError, match="is not the continuation of the segment before"):
        read_samples(tmp_path / "m.csv")


def test_fail_segments_in_another_order(meter: Channel, tmp_path: Path) -> None:
    write(tmp_path / "m.csv", meter, 500, 2000)
    second, third = tmp_path / "m.0002.csv", tmp_path / "m.0003.csv"
    content = second.read_bytes()
    second.write_bytes(third.read_bytes())
    third.write_bytes(content)
    with pytest.raises(UnreadableError, match="expected segment 2"):
        read_samples(tmp_path / "m.csv")


@pytest.mark.parametrize("cell", ["1_00.5", " 100.5", "１００", "0x10"])
def test_numbers_that_only_python_reads_are_not_readings(
    cell: str, meter: Channel, tmp_path: Path
) -> None:
    write(tmp_path / "m.csv", meter, 5, 10**9)
    path = tmp_path / "m.csv"
    path.write_bytes(path.read_bytes().replace(b",100.0,", f",{cell},".encode(), 1))
    samples = read_samples(path)
    assert samples.cut == 1
    assert len(samples.traces[0]) == 4
