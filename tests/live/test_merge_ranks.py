"""Merging joins the channels and records of the ranks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.errors import JoulemarkError, UnreadableError, UsageError
from harness.formats.base import Entry, Run
from harness.formats.evidence_facts import evidence_from_facts
from harness.formats.run_directory import INCOMPLETE
from harness.formats.run_directory_writer import write_run
from harness.live.distributed.clock_offset import Clock, Offset
from harness.live.merge_ranks import RANKS, merge
from harness.live.recording import create_run_directory
from harness.traces.trace import Trace, Window

T = 1_700_000_000_000_000_000
CLOCK = Clock(Offset(T, 5_000_000_000, 2_000_000), Offset(T + 20 * 10**9, 5_000_000_000, 4_000_000))
FACT = {"of": 2, "meeting": "m"}


@pytest.fixture
def several(
    tmp_path: Path, trace: Callable[..., Trace], entry_of: Callable[..., Entry]
) -> Callable[..., Path]:
    """A run of two ranks, as they left it. changes: to what rank 1 says of itself"""

    def make(clock_error_s: float | None = 0.003, **changes: Any) -> Path:
        folder = tmp_path / "work" / "run-1"
        entry = replace(entry_of(), directory=folder.parent, format="joulemark")
        create_run_directory(folder, entry)
        said = [FACT | {"number": 0, "node": "node-0", "clock": None}]
        said.append(FACT | {"number": 1, "node": "node-1", "clock": CLOCK.facts()} | changes)
        for rank, facts in enumerate(said):
            ahead = 0 if rank == 0 else 5
            wall, part = (
                trace(
                    np.arange(20.0) - ahead,
                    [100.0 * (rank + 1)] * 20,
                    id=name,
                    part_of=inside,
                    clock="system",
                    clock_error_s=clock_error_s,
                )
                for name, inside in (("wall", None), ("package", "wall"))
            )
            run = Run(
                id=str(rank),
                window=Window(T + 5 * 10**9, T + 15 * 10**9),
                traces=(wall, part),
                success=True,
                evidence=evidence_from_facts({"rank": facts, "sampler": [{"meter": "m"}]})[0],
            )
            write_run(entry, run, folder / RANKS / str(rank))
        return folder

    return make


def test_channels_keep_their_order_within_each_machine(several: Callable[..., Path]) -> None:
    run = merge(several())
    found = {trace.channel.id: trace for trace in run.traces}
    assert {name: trace.channel.part_of for name, trace in found.items()} == {
        "node-0-wall": None,
        "node-0-package": "node-0-wall",
        "node-1-wall": None,
        "node-1-package": "node-1-wall",
    }
    assert np.array_equal(
        found["node-0-wall"].t_ns, found["node-1-wall"].t_ns
    )  # five seconds behind, and moved
    assert run.window == Window(T + 5 * 10**9, T + 15 * 10**9)
    assert [item["node"] for item in run.evidence.samplers] == ["node-0", "node-1"]


@pytest.mark.parametrize("own", [0.0, 0.003, None])
def test_the_bound_of_the_comparison_stands_beside_the_error_of_the_meters_clock(
    own: float | None, several: Callable[..., Path]
) -> None:
    channels = {
        trace.channel.id: trace.channel for trace in merge(several(clock_error_s=own)).traces
    }
    assert {channel.clock_error_s for channel in channels.values()} == {own}
    assert channels["node-0-wall"].edge_bounds_s is None  # rank 0 set both edges
    half_of_the_longer_round_trip_s = 0.002
    assert channels["node-1-wall"].edge_bounds_s == (half_of_the_longer_round_trip_s,) * 2
    assert channels["node-0-wall"].clock != channels["node-1-wall"].clock


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"meeting": "another"}, "is not rank 1 of this run"),
        ({"of": 3}, "is not rank 1 of this run"),
        ({"number": 0}, "is not rank 1 of this run"),
        ({"node": None}, "is not the record of a rank"),
        ({"number": True}, "is not the record of a rank"),
        ({"of": "2"}, "is not the record of a rank"),
        ({"clock": None}, "states no usable clock comparison"),
        ({"clock": {"before": []}}, "states no usable clock comparison"),
    ],
)
def test_a_record_that_does_not_belong_is_refused_and_nothing_is_written(
    changes: dict[str, Any], words: str, several: Callable[..., Path]
) -> None:
    folder = several(**changes)
    with pytest.raises(UnreadableError, match=words):
        merge(folder)
    assert (folder / INCOMPLETE).is_file()
    assert not (folder / "run.json").exists()


def test_a_trace_of_a_rank_that_was_edited_is_refused(several: Callable[..., Path]) -> None:
    folder = several()
    path = folder / RANKS / "1" / "traces" / "wall.csv"
    path.write_text(path.read_text().replace("200.0", "20.0"))
    with pytest.raises(JoulemarkError, match=r"wall\.csv.*is not as it was recorded"):
        merge(folder)


def test_only_runs_of_several_ranks_are_merged(
    several: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="is not a run of several ranks"):
        merge(tmp_path)
    folder = several()
    merge(folder)
    record = json.loads((folder / "run.json").read_text())
    assert {item["path"] for item in record["files"]} >= {f"ranks/{n}/run.json" for n in (0, 1)}
    with pytest.raises(UsageError, match="is a complete run already"):
        merge(folder)
