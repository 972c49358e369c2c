"""Mean power of each interval of turbostat."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from tests.formats.loggers.logs import (
    SECONDS,
    T0_S,
    channels,
    energy_j,
    read,
    write,
)


def turbostat(time: bool = True) -> str:
    names = (["Time_Of_Day_Seconds"] if time else []) + ["CPU", "PkgWatt", "CorWatt", "RAMWatt"]
    lines = ["\t".join(names)]
    for s in SECONDS:
        for cpu in ("-", "0"):
            cells = ([f"{T0_S + s}.500000"] if time else []) + [cpu, "52.10", "31.0", "3.20"]
            lines.append("\t".join(cells))
    return "\n".join(lines) + "\n"


def test_turbostat_takes_the_row_of_all_processors(tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "turbostat.txt", turbostat()), "turbostat")
    assert channels(run) == {
        "package": ("mean", "package", None),
        "cores": ("mean", "core", "package"),
        "dram": ("mean", "dram", None),
    }
    assert energy_j(entry) == pytest.approx(553.0)


def test_turbostat_without_times_needs_start_and_interval(tmp_path: Path) -> None:
    path = write(tmp_path, "turbostat.txt", turbostat(time=False))
    with pytest.raises(UnreadableError, match="states no time"):
        read(path, "turbostat")
    about = {"start": "2026-01-05T10:00:00Z", "interval_s": 5}
    write(tmp_path, "turbostat.txt", turbostat(time=False), **about)
    assert energy_j(read(path, "turbostat")[0]) == pytest.approx(5 * 553.0)
