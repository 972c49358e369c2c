"""Samples of powermetrics."""

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


def test_powermetrics_are_estimates_and_the_sum_contains_the_parts(tmp_path: Path) -> None:
    samples = [
        f"*** Sampled system activity (Mon Jan  5 11:00:{s:02d} 2026 +0100) (1000.00ms "
        f"elapsed) ***\n"
        "CPU Power: 1234 mW\nGPU Power: 56 mW\nCombined Power (CPU + GPU + ANE): 1290 mW\n"
        for s in SECONDS
    ]
    entry, run = read(write(tmp_path, "pm.txt", "\n".join(samples)), "powermetrics")
    assert channels(run)["cpu"] == ("estimate", "package", "combined")
    assert run.traces[0].t_ns[0] == T0_S * 10**9
    assert energy_j(entry) == pytest.approx(12.9)


def test_a_property_list_is_refused_by_name(tmp_path: Path) -> None:
    text = '<?xml version="1.0"?>\n<plist version="1.0"><dict><key>elapsed_ns</key></dict></plist>'
    with pytest.raises(UnreadableError, match=r"is a property list.*-f plist"):
        read(write(tmp_path, "pm.plist", text), "powermetrics")
