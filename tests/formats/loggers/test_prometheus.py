"""Dumps of DCGM and Kepler, and answers of Prometheus."""

from __future__ import annotations

import json
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


def test_dcgm_counter_is_preferred_to_the_gauge(tmp_path: Path) -> None:
    dumps = [
        f"# scraped {T0_S + s}\n"
        f'DCGM_FI_DEV_POWER_USAGE{{gpu="0",UUID="GPU-a"}} 999\n'
        f'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{gpu="0",UUID="GPU-a"}} {1_000_000 + 250_000 * s}\n'
        for s in SECONDS
    ]
    entry, run = read(write(tmp_path, "dcgm.prom", "".join(dumps)), "prometheus")
    assert list(channels(run).values()) == [("counter", "board", None)]
    assert energy_j(entry) == pytest.approx(2500)


def test_kepler_modes_add_up_and_packages_lie_in_the_platform(tmp_path: Path) -> None:
    lines = [
        f'kepler_node_{name}_joules_total{{instance="n",mode="{mode}"}} {50 * s} '
        f"{(T0_S + s) * 1000}"
        for s in SECONDS
        for name in ("platform", "package")
        for mode in ("idle", "dynamic")
    ]
    entry, run = read(write(tmp_path, "kepler.prom", "\n".join(lines)), "prometheus")
    assert channels(run)["package-n"] == ("counter", "package", "platform-n")
    assert energy_j(entry) == pytest.approx(1000)


def test_an_answer_of_prometheus(tmp_path: Path) -> None:
    metric = {"__name__": "DCGM_FI_DEV_POWER_USAGE", "gpu": "0", "Hostname": "n"}
    values = [[T0_S + s + 0.5, "250"] for s in SECONDS]
    answer = {"data": {"resultType": "matrix", "result": [{"metric": metric, "values": values}]}}
    entry, _ = read(write(tmp_path, "range.json", json.dumps(answer)), "prometheus")
    assert energy_j(entry) == pytest.approx(2500)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('DCGM_FI_DEV_POWER_USAGE{gpu="0"} 251.3\n', "no time of its values"),
        ('DCGM_FI_DEV_POWER_USAGE{gpu="0"} 251.3 1767607200000\n', "one moment"),
    ],
)
def test_one_dump_is_no_course_of_power(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(write(tmp_path, "dcgm.prom", text), "prometheus")


def test_zones_of_newer_kepler_lie_in_each_other(tmp_path: Path) -> None:
    """80 W of two packages, 50 W of them in the cores, and 8 W of memory beside them."""
    zones = {"package-0": 50.0, "package-1": 30.0, "core": 50.0, "dram": 8.0, "unheard-of": 99.0}
    dumps = [
        f"# scraped 2026-01-05T10:00:{s:02d}Z\n"
        + "".join(
            f'kepler_node_cpu_joules_total{{zone="{zone}",path="/sys/x"}} {1000 + watts * s}\n'
            for zone, watts in zones.items()
        )
        for s in SECONDS
    ]
    entry, run = read(write(tmp_path, "kepler.prom", "".join(dumps)), "prometheus")
    assert channels(run) == {
        "package": ("counter", "package", None),
        "dram": ("counter", "dram", None),
        "core": ("counter", "core", "package"),
    }
    assert energy_j(entry) == pytest.approx(880)
