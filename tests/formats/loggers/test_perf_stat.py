"""Joules of each interval of perf stat, by domain."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from tests.formats.loggers.logs import (
    channels,
    energy_j,
    read,
    write,
)


def perf(form: str, count: str = "52.31") -> str:
    return "".join(form.format(t=s, n=count) for s in range(1, 12))


PERF_LINE = "     {t}.000123456   {n} Joules power/energy-pkg/\n"
STARTED = "# started on Mon Jan  5 10:00:00 2026\n\n#           time   counts unit events\n"


@pytest.mark.parametrize(
    "line", [PERF_LINE, "{t}.000123456,{n},Joules,power/energy-pkg/,1000,100.00,,\n"]
)
def test_perf_stat_in_both_forms(line: str, tmp_path: Path) -> None:
    entry, run = read(write(tmp_path, "perf.txt", STARTED + perf(line)), "perf-stat")
    assert channels(run) == {"package": ("mean", "package", None)}
    assert energy_j(entry) == pytest.approx(523.1, rel=1e-4)


def test_perf_stat_with_a_decimal_comma(tmp_path: Path) -> None:
    text = STARTED + perf(PERF_LINE, "52,31")
    entry, _ = read(write(tmp_path, "perf.txt", text), "perf-stat")
    assert energy_j(entry) == pytest.approx(523.1, rel=1e-4)


def test_perf_stat_interval_that_was_not_counted_is_not_zero(tmp_path: Path) -> None:
    text = STARTED + perf(PERF_LINE).replace("52.31", "<not counted>", 1)
    _, run = read(write(tmp_path, "perf.txt", text), "perf-stat")
    assert len(run.traces[0]) == 10
    assert len(run.traces[0].dropped) == 1


def test_perf_stat_domains_lie_inside_each_other(tmp_path: Path) -> None:
    domains = ("psys", "pkg", "cores", "ram")
    lines = [PERF_LINE.replace("pkg", domain) for domain in domains]
    _, run = read(write(tmp_path, "perf.txt", STARTED + perf("".join(lines))), "perf-stat")
    inside = {name: part_of for name, (_, _, part_of) in channels(run).items()}
    assert inside == {"psys": None, "package": "psys", "cores": "package", "dram": "psys"}


def test_perf_stat_of_two_sockets_adds_up(tmp_path: Path) -> None:
    line = "     {t}.000123456 S0 1 {n} Joules power/energy-pkg/\n"
    text = STARTED + perf(line + line.replace("S0", "S1"))
    entry, run = read(write(tmp_path, "perf.txt", text), "perf-stat")
    assert sorted(channels(run)) == ["s0-package", "s1-package"]
    assert energy_j(entry) == pytest.approx(1046.2, rel=1e-4)


def test_perf_stat_without_a_start_needs_one(tmp_path: Path) -> None:
    path = write(tmp_path, "perf.txt", perf(PERF_LINE))
    with pytest.raises(UnreadableError, match="at which it started"):
        read(path, "perf-stat")
    write(tmp_path, "perf.txt", perf(PERF_LINE), start="2026-01-05T10:00:00Z")
    assert energy_j(read(path, "perf-stat")[0]) == pytest.approx(523.1, rel=1e-4)


def test_perf_stat_domains_of_sockets_lie_inside_the_platform(tmp_path: Path) -> None:
    line = "     {t}.000123456 S0 1 {n} Joules power/energy-pkg/\n"
    other_socket = line.replace("S0", "S1")
    platform = line.replace("pkg", "psys")
    text = STARTED + perf(platform, "150") + perf(line + other_socket)
    entry, run = read(write(tmp_path, "perf.txt", text), "perf-stat")
    inside = {name: part_of for name, (_, _, part_of) in channels(run).items()}
    assert inside == {"s0-psys": None, "s0-package": "s0-psys", "s1-package": "s0-psys"}
    assert energy_j(entry) == pytest.approx(1500, rel=1e-4)


def test_perf_stat_platforms_of_two_sockets_hold_a_socket_each(tmp_path: Path) -> None:
    line = "     {t}.000123456 S0 1 {n} Joules power/energy-psys/\n"
    platforms = line + line.replace("S0", "S1")
    text = STARTED + perf(platforms, "150") + perf(platforms.replace("psys", "pkg"))
    entry, run = read(write(tmp_path, "perf.txt", text), "perf-stat")
    inside = {name: part_of for name, (_, _, part_of) in channels(run).items()}
    assert inside["s0-package"] == "s0-psys"
    assert inside["s1-package"] == "s1-psys"
    assert energy_j(entry) == pytest.approx(3000, rel=1e-4)


def test_perf_stat_cores_lie_inside_the_platform_where_no_package_is_read(tmp_path: Path) -> None:
    lines = [PERF_LINE.replace("pkg", domain) for domain in ("psys", "cores")]
    _, run = read(write(tmp_path, "perf.txt", STARTED + perf("".join(lines))), "perf-stat")
    inside = {name: part_of for name, (_, _, part_of) in channels(run).items()}
    assert inside == {"psys": None, "cores": "psys"}
