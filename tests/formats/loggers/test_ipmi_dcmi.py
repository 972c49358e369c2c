"""Blocks of ipmitool dcmi power reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from tests.formats.loggers.logs import (
    SECONDS,
    channels,
    energy_j,
    read,
    write,
)


def dcmi(state: str = "activated") -> str:
    return "".join(
        f"    Instantaneous power reading:                   220 Watts\n"
        f"    Minimum during sampling period:                  3 Watts\n"
        f"    IPMI timestamp:                           Mon Jan  5 10:00:{s:02d} 2026\n"
        f"    Power reading state is:                   {state}\n\n"
        for s in SECONDS
    )


def test_ipmi_dcmi(tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "dcmi.txt", dcmi()), "ipmi-dcmi")
    assert channels(run) == {"bmc": ("instant", "node", None)}
    assert energy_j(entry) == pytest.approx(2200)


def test_ipmi_dcmi_that_is_not_activated_measures_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "dcmi.txt", dcmi("deactivated"))
    with pytest.raises(UnreadableError, match=r"deactivated.*dcmi power activate"):
        read(path, "ipmi-dcmi")


def test_ipmi_dcmi_without_times_is_refused(tmp_path: Path) -> None:
    text = "    Instantaneous power reading:                   220 Watts\n" * 5
    with pytest.raises(UnreadableError, match="states no time"):
        read(write(tmp_path, "dcmi.txt", text), "ipmi-dcmi")
