"""CSV of Yokogawa viewers."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.scoring.score import score
from tests.formats.loggers.logs import (
    SECONDS,
    T0_S,
    channels,
    energy_j,
    read,
    write,
)


def test_yokogawa_sum_contains_its_elements(tmp_path: Path) -> None:
    rows = [f"{s},2026/01/05,10:00:{s:02d},120,230.1,1.5,100.0,200.0,300.0" for s in SECONDS]
    head = "Model,WT333E\nStore No.,Date,Time,Millisecond,U-1,I-1,P-1,P-2,P-SIGMA\n"
    entry, run = read(write(tmp_path, "wt.csv", head + "\n".join(rows)), "yokogawa")
    assert channels(run)["element-1"] == ("mean", "wall", "total")
    assert energy_j(entry) == pytest.approx(3000)
    assert score(entry, draws=1000).measurement_class == "analyzer"


def test_yokogawa_value_beyond_the_range_is_dropped(tmp_path: Path) -> None:
    rows = [f"{s},2026/01/05,10:00:{s:02d},120,348.2" for s in SECONDS]
    rows[3] = rows[3].replace("348.2", "---OL---")
    head = "Store No.,Date,Time,Millisecond,P-1\n"
    _, run = read(write(tmp_path, "wt.csv", head + "\n".join(rows)), "yokogawa")
    assert [item.raw for item in run.traces[0].dropped] == ["---OL---"]


def test_yokogawa_with_dates_and_decimals_of_central_europe(tmp_path: Path) -> None:
    rows = [f"{s};05.01.2026;10:00:{s:02d};120;100,5" for s in SECONDS]
    head = "Store No.;Date;Time;Millisecond;P-1 [W]\n"
    entry, run = read(write(tmp_path, "wt.csv", head + "\n".join(rows)), "yokogawa")
    assert run.traces[0].t_ns[0] == (T0_S * 1000 + 120) * 10**6
    assert energy_j(entry) == pytest.approx(1005)


def test_a_date_that_may_be_of_two_months_is_refused(tmp_path: Path) -> None:
    rows = [f"{s},05/01/2026,10:00:{s:02d},120,100" for s in SECONDS]
    head = "Store No.,Date,Time,Millisecond,P-1\n"
    with pytest.raises(UnreadableError, match=r"no time that can be read.*Write the year first"):
        read(write(tmp_path, "wt.csv", head + "\n".join(rows)), "yokogawa")
