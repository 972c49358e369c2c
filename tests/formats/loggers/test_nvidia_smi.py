"""Boards as nvidia-smi prints them, in CSV and by dmon."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from tests.formats.loggers.logs import (
    SECONDS,
    channels,
    codes,
    energy_j,
    read,
    write,
)

SMI_HEADER = "timestamp, index, power.draw [W], utilization.gpu [%]\n"


def smi(watts: str = "250.00 W", boards: int = 2) -> str:
    rows = [
        f"2026/01/05 10:00:{s:02d}.120, {board}, {watts}, 97 %"
        for s in SECONDS
        for board in range(boards)
    ]
    return SMI_HEADER + "\n".join(rows) + "\n"


def test_nvidia_smi_with_units_in_the_cells(tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "smi.csv", smi()), "nvidia-smi")
    assert channels(run) == {f"gpu-{n}": ("instant", "board", None) for n in (0, 1)}
    assert energy_j(entry) == pytest.approx(5000)
    assert codes(entry) == ["log-assumption", "window-assumed"]


def test_nvidia_smi_of_a_german_spreadsheet(tmp_path: Path) -> None:
    text = smi().replace(",", ";").replace("250.00", "250,00")
    entry, _ = read(write(tmp_path, "smi.csv", "\ufeff" + text), "nvidia-smi")
    assert energy_j(entry) == pytest.approx(5000)


def test_nvidia_smi_reading_that_is_not_available_is_dropped(tmp_path: Path) -> None:
    text = smi(boards=1).replace("250.00 W", "[N/A]", 1)
    _, run = read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert [item.raw for item in run.traces[0].dropped] == ["[N/A]"]


def test_nvidia_smi_board_without_power_is_named(tmp_path: Path) -> None:
    text = smi().replace(", 1, 250.00 W", ", 1, [N/A]")
    entry, run = read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert list(channels(run)) == ["gpu-0"]
    (defect,) = [d for d in entry.defects if d.code == "trace-unreadable"]
    assert "gpu-1 has no reading" in defect.got


def test_nvidia_smi_without_ids_and_two_boards_is_refused(tmp_path: Path) -> None:
    text = smi().replace(" index,", "").replace(", 0, 2", ", 2").replace(", 1, 2", ", 2")
    with pytest.raises(UnreadableError, match="share a time") as caught:
        read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert "index" in caught.value.fix


def test_nvidia_smi_without_times_is_refused(tmp_path: Path) -> None:
    text = "index, power.draw [W]\n0, 250.00 W\n"
    with pytest.raises(UnreadableError, match="states no time") as caught:
        read(write(tmp_path, "smi.csv", text), "nvidia-smi")
    assert "timestamp" in caught.value.fix


def test_dmon(tmp_path: Path) -> None:
    rows = [f" 20260105  10:00:{s:02d}     0    250     50     -" for s in SECONDS]
    head = (
        "#Date       Time        gpu    pwr  gtemp  mtemp\n#YYYYMMDD   HH:MM:SS    Idx      "
        "W      C      C\n"
    )
    entry, run = read(write(tmp_path, "dmon.log", head + "\n".join(rows)), "nvidia-smi")
    assert channels(run) == {"gpu-0": ("instant", "board", None)}
    assert energy_j(entry) == pytest.approx(2500)


def test_dmon_without_times_says_how_to_get_them(tmp_path: Path) -> None:
    text = "# gpu    pwr  gtemp\n# Idx      W      C\n    0    250     50\n"
    with pytest.raises(UnreadableError, match="states no time") as caught:
        read(write(tmp_path, "dmon.log", text), "nvidia-smi")
    assert "-o DT" in caught.value.fix


def test_a_file_without_names_of_columns_says_which_are_missing(tmp_path: Path) -> None:
    rows = "".join(f"2026/01/05 10:00:{s:02d}.120, 0, 250.00 W\n" for s in range(11))
    with pytest.raises(UnreadableError, match="without noheader"):
        read(write(tmp_path, "smi.csv", rows), "nvidia-smi")


def test_readings_that_are_all_not_available_are_quoted(tmp_path: Path) -> None:
    rows = "".join(f"2026/01/05 10:00:{s:02d}.120, 0, [N/A]\n" for s in range(11))
    head = "timestamp, index, power.draw [W]\n"
    with pytest.raises(UnreadableError, match=r"no reading that is a number; got '\[N/A\]'"):
        read(write(tmp_path, "smi.csv", head + rows), "nvidia-smi")
