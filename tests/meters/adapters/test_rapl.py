"""RAPL on odd machines: what is counted once, what wraps, what fails, what is forbidden."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from fakes import lay_out, machines

from harness.energy.integrate import energy
from harness.meters.adapters.rapl import Rapl
from harness.meters.base import ReadFailed, Unavailable
from harness.traces.clean import build_trace
from harness.traces.trace import Window

REPOSITORY = Path(__file__).resolve().parents[3]


def stand_in(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Lay out a server's zones; return the options of a meter that reads them."""
    return {"root": str(lay_out("rapl/two-sockets", folder / "powercap"))}


MACHINES = {
    "two-sockets": {
        "package-0": None,
        "package-0-dram": None,
        "package-1": None,
        "package-1-dram": None,
    },
    "laptop-psys": {
        "package-0": "psys",
        "package-0-core": "package-0",
        "package-0-uncore": "package-0",
        "psys": None,
    },
    "laptop-dead-psys": {"package-0": None, "package-0-core": "package-0"},
    "amd": {"package-0": None, "package-0-core": "package-0"},
    "two-dies": {"package-0-die-0": None, "package-0-die-1": None},
    "same-names": {"package-0-0": None, "package-0-1": None},
    "garbled-dram": {"package-0": None, "package-0-dram": None},
    "many-sockets": {"package-0": None, "package-1": None, "package-2": None, "package-10": None},
}
"""Channels of each machine, and the channel that contains each."""


def test_every_fake_machine_is_tried() -> None:
    assert {*MACHINES, "no-zone"} == set(machines("rapl"))


@pytest.mark.parametrize("name", MACHINES)
def test_counts_each_joule_once(name: str, tmp_path: Path) -> None:
    meter = Rapl(str(lay_out(f"rapl/{name}", tmp_path / "rapl")))
    assert {channel.id: channel.part_of for channel in meter.probe()} == MACHINES[name]
    assert {reading.channel for reading in meter.read()} == MACHINES[name].keys()


def test_order_is_by_number(tmp_path: Path) -> None:
    meter = Rapl(str(lay_out("rapl/many-sockets", tmp_path / "rapl")))
    assert [channel.id for channel in meter.probe()] == [
        "package-0",
        "package-1",
        "package-2",
        "package-10",
    ]


def test_in_a_virtual_machine_says_what_to_use(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no RAPL zone.*--meter estimator"):
        Rapl(str(lay_out("rapl/no-zone", tmp_path / "rapl"))).probe()


def test_energy_is_right_across_a_wrap(tmp_path: Path) -> None:
    root = lay_out("rapl/two-sockets", tmp_path / "rapl")
    meter, counter = Rapl(str(root)), root / "intel-rapl:0" / "energy_uj"
    channel = next(c for c in meter.probe() if c.id == "package-0")
    largest = 262_143_328_850
    values = []
    for step in range(11):  # 50 W; wraps after 5 s
        counter.write_text(str((largest - 250_000_000 + step * 50_000_000) % (largest + 1)))
        values.append(next(r.value for r in meter.read() if r.channel == "package-0"))
    assert min(np.diff(values)) < 0
    t_ns = np.arange(11, dtype=np.int64) * 10**9 + 1_700_000_000 * 10**9
    found = energy(
        build_trace(channel, t_ns, np.array(values)), Window(int(t_ns[0]), int(t_ns[-1]))
    )
    assert found is not None
    assert found.energy_j == pytest.approx(500.0, abs=1e-3)
    assert found.resets == 0


def test_one_broken_counter_leaves_the_others(tmp_path: Path) -> None:
    meter = Rapl(str(lay_out("rapl/garbled-dram", tmp_path / "rapl")))
    meter.probe()
    package, memory = meter.read()
    assert package.value == pytest.approx(51234.56789)
    assert math.isnan(memory.value)
    assert "not a number" in memory.fault


def test_that_vanishes_fails_and_comes_back(tmp_path: Path) -> None:
    root = lay_out("rapl/amd", tmp_path / "rapl")
    meter = Rapl(str(root))
    meter.probe()
    for file in root.glob("*/energy_uj"):
        file.write_text("")
    with pytest.raises(ReadFailed, match="energy_uj"):
        meter.read()
    lay_out("rapl/amd", root)
    assert [math.isnan(reading.value) for reading in meter.read()] == [False, False]


def test_names_the_command_that_permits_reading() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path: another user must reach it
        os.chmod(folder, 0o755)
        root = lay_out("rapl/amd", Path(folder) / "rapl")
        for file in root.glob("*/energy_uj"):
            file.chmod(0o400)
        code = (
            "import os, sys; from harness.meters.adapters.rapl import Rapl; from "
            "harness.meters.base import Unavailable\n"
            "import harness.traces.instruments as i; i.instruments()\n"
            "os.getuid() == 0 and os.setuid(65534)\n"
            "try: Rapl(sys.argv[1]).probe()\nexcept Unavailable as e: print(e)\n"
        )
        if os.getuid() != 0:
            for file in root.glob("*/energy_uj"):
                file.chmod(0)
        done = subprocess.run(
            [sys.executable, "-c", code, str(root)],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
        )
        assert f"sudo chmod a+r {root}/*/energy_uj" in done.stdout
        assert "permission denied" in done.stdout


def test_counters_are_read_in_joules_and_stamped_by_the_sampler(tmp_path: Path) -> None:
    meter = Rapl(str(lay_out("rapl/amd", tmp_path / "rapl")))
    package, core = meter.probe()
    assert {(c.kind, c.quantity, c.unit) for c in (package, core)} == {("counter", "energy", "J")}
    assert package.counter_modulus_j == pytest.approx(65_532.610988, abs=1e-9)
    assert (package.boundary, core.boundary) == ("package", "core")
    readings = {reading.channel: reading for reading in meter.read()}
    assert readings["package-0"].value == pytest.approx(51_234.567890, abs=1e-9)
    assert readings["package-0-core"].value == pytest.approx(21_234.567890, abs=1e-9)
    assert {reading.t_ns for reading in readings.values()} == {None}


def test_a_server_platform_counts_in_whole_joules(tmp_path: Path) -> None:
    """Sapphire Rapids: the platform counter has a unit of 1 J, and so a larger range."""
    root = lay_out("rapl/two-sockets", tmp_path / "rapl")
    platform = root / "intel-rapl:2"
    platform.mkdir()
    (platform / "name").write_text("psys\n")
    (platform / "energy_uj").write_text("60293987000000\n")
    (platform / "max_energy_range_uj").write_text("4294967295000000\n")
    channels = {channel.id: channel for channel in Rapl(str(root)).probe()}
    assert channels["psys"].resolution == 1.0
    assert channels["package-0"].resolution == pytest.approx(61e-6)
    assert channels["package-1"].part_of == "psys"


@pytest.mark.parametrize("count", [2**64 - 1, 2**64 - 4096, -1])
def test_error_values_are_faults(count: int, tmp_path: Path) -> None:
    root = lay_out("rapl/amd", tmp_path / "rapl")
    meter = Rapl(str(root))
    meter.probe()
    (root / "intel-rapl:0" / "energy_uj").write_text(f"{count}\n")
    package, core = meter.read()
    assert math.isnan(package.value)
    assert "error value" in package.fault
    assert core.value > 0


def test_links_into_a_hidden_folder_name_what_to_mount(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").symlink_to("../../devices/virtual/powercap/intel-rapl:0")
    with pytest.raises(Unavailable, match=r"links to nowhere.*-v /sys/devices/virtual/powercap"):
        Rapl(str(tmp_path)).probe()


def test_windows_is_not_supported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(Unavailable, match="Windows is not supported"):
        Rapl(str(tmp_path)).probe()


def test_throttling_since_boot_is_read_as_the_largest_count(tmp_path: Path) -> None:
    for number, count in enumerate((3, 7, 7)):
        folder = tmp_path / f"cpu{number}" / "thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "package_throttle_count").write_text(f"{count}\n")
    meter = Rapl(str(lay_out("rapl/amd", tmp_path / "rapl")), str(tmp_path))
    assert meter.context() == {"processors": {"throttle_count": 7.0}}
    assert Rapl(processors=str(tmp_path / "absent")).context() == {}
