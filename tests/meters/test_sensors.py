"""RAPL, hwmon and NVML on odd machines: what is counted once, what wraps, what fails, what is forbidden."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from fakes import lay_out, machines
from fakes.pynvml import Board, Driver

from harness.energy.integrate import energy
from harness.meters.adapters.estimator import Estimator
from harness.meters.adapters.hwmon import Hwmon
from harness.meters.adapters.nvml import Nvml
from harness.meters.adapters.rapl import Rapl
from harness.meters.base import ReadFailed, Unavailable
from harness.traces.clean import build_trace
from harness.traces.trace import Window

REPOSITORY = Path(__file__).resolve().parents[2]

RAPL = {
    "two-sockets": {
        "package-0": None,
        "package-0-dram": "package-0",
        "package-1": None,
        "package-1-dram": "package-1",
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
RAPL["two-sockets"] |= {"package-0-dram": None, "package-1-dram": None}


def test_every_fake_machine_is_tried() -> None:
    assert {*RAPL, "no-zone"} == set(machines("rapl"))


@pytest.mark.parametrize("name", RAPL)
def test_rapl_counts_each_joule_once(name: str, tmp_path: Path) -> None:
    meter = Rapl(str(lay_out(f"rapl/{name}", tmp_path / "rapl")))
    assert {channel.id: channel.part_of for channel in meter.probe()} == RAPL[name]
    assert {reading.channel for reading in meter.read()} == RAPL[name].keys()


def test_rapl_order_is_by_number(tmp_path: Path) -> None:
    meter = Rapl(str(lay_out("rapl/many-sockets", tmp_path / "rapl")))
    assert [channel.id for channel in meter.probe()] == [
        "package-0",
        "package-1",
        "package-2",
        "package-10",
    ]


def test_rapl_in_a_virtual_machine_says_what_to_use(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no RAPL zone.*--meter estimator"):
        Rapl(str(lay_out("rapl/no-zone", tmp_path / "rapl"))).probe()


def test_rapl_energy_is_right_across_a_wrap(tmp_path: Path) -> None:
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


def test_rapl_one_broken_counter_leaves_the_others(tmp_path: Path) -> None:
    meter = Rapl(str(lay_out("rapl/garbled-dram", tmp_path / "rapl")))
    meter.probe()
    package, memory = meter.read()
    assert package.value == pytest.approx(51234.56789)
    assert math.isnan(memory.value)
    assert "not a number" in memory.fault


def test_rapl_that_vanishes_fails_and_comes_back(tmp_path: Path) -> None:
    root = lay_out("rapl/amd", tmp_path / "rapl")
    meter = Rapl(str(root))
    meter.probe()
    for file in root.glob("*/energy_uj"):
        file.write_text("")
    with pytest.raises(ReadFailed, match="energy_uj"):
        meter.read()
    lay_out("rapl/amd", root)
    assert [math.isnan(reading.value) for reading in meter.read()] == [False, False]


def test_rapl_names_the_command_that_permits_reading() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not tmp_path: another user must reach it
        os.chmod(folder, 0o755)
        root = lay_out("rapl/amd", Path(folder) / "rapl")
        for file in root.glob("*/energy_uj"):
            file.chmod(0o400)
        code = (
            "import os, sys; from harness.meters.adapters.rapl import Rapl; from harness.meters.base import Unavailable\n"
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


def test_hwmon_takes_the_outermost_boundary(tmp_path: Path) -> None:
    channels = Hwmon(str(lay_out("hwmon/server-two-psus", tmp_path / "h"))).probe()
    summed = {channel.id: channel.boundary for channel in channels if channel.part_of is None}
    assert summed == {"hwmon1-pmbus-pin": "psu", "hwmon2-pmbus-pin": "psu"}
    assert len(channels) == 4


def test_hwmon_node_meter_contains_the_board(tmp_path: Path) -> None:
    node, board = Hwmon(str(lay_out("hwmon/acpi-meter", tmp_path / "h"))).probe()
    assert (node.kind, node.boundary, node.part_of, node.current) == ("mean", "node", None, "ac")
    assert node.accuracy.reading_limit_pct == pytest.approx(5.0)
    assert (board.boundary, board.part_of) == ("board", node.id)


def test_hwmon_prefers_the_counter(tmp_path: Path) -> None:
    meter = Hwmon(str(lay_out("hwmon/amd-energy", tmp_path / "h")))
    (channel,) = meter.probe()
    assert (channel.kind, channel.unit) == ("counter", "J")
    assert meter.read()[0].value == pytest.approx(912.345678)


def test_hwmon_leaves_out_what_does_not_answer(tmp_path: Path) -> None:
    (channel,) = Hwmon(str(lay_out("hwmon/dead-sensor", tmp_path / "h"))).probe()
    assert channel.id == "hwmon1-ina3221-VDD_IN"
    assert channel.accuracy.assumed


def test_hwmon_only_takes_what_is_asked(tmp_path: Path) -> None:
    root = str(lay_out("hwmon/server-two-psus", tmp_path / "h"))
    assert len(Hwmon(root, only=".*pin").probe()) == 2
    with pytest.raises(Unavailable, match="regular expression"):
        Hwmon(root, only="(").probe()
    with pytest.raises(Unavailable, match="no power sensor"):
        Hwmon(str(lay_out("hwmon/no-power", tmp_path / "n"))).probe()


def test_nvml_counter_or_instant_with_its_caveat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Driver([Board(), Board(energy_mj=None)]).module())
    counter, instant = Nvml().probe()
    assert (counter.kind, counter.unit, instant.kind, instant.unit) == (
        "counter",
        "J",
        "instant",
        "W",
    )
    assert counter.accuracy.reading_limit_pct < instant.accuracy.reading_limit_pct
    assert "25 %" in instant.accuracy.source
    assert "serial" not in repr((counter, instant))


def test_nvml_one_lost_board_is_a_gap_of_that_board(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = [Board(), Board()]
    monkeypatch.setitem(sys.modules, "pynvml", Driver(boards).module())
    meter = Nvml()
    meter.probe()
    boards[0].lost = True
    lost, alive = meter.read()
    assert lost.fault == "GPU is lost"
    assert alive.value > 0
    boards[1].lost = True
    with pytest.raises(ReadFailed, match="lost"):
        meter.read()


def test_nvml_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[nvidia\]'"):
        Nvml().probe()
    monkeypatch.setitem(sys.modules, "pynvml", Driver(present=False).module())
    with pytest.raises(Unavailable, match="nvidia-smi"):
        Nvml().probe()
    monkeypatch.setitem(sys.modules, "pynvml", Driver([Board()]).module())
    with pytest.raises(Unavailable, match="numbers below 1"):
        Nvml(devices="3").probe()


def test_nvml_without_the_library_here() -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has an NVIDIA driver")
    pytest.importorskip("pynvml")
    with pytest.raises(Unavailable, match=r"NVML does not answer.*driver"):
        Nvml().probe()


@pytest.mark.parametrize(("busy", "power_w"), [(0, 10.0), (50, 37.5), (100, 65.0)])
def test_estimator_is_linear_in_processor_time(busy: int, power_w: float, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    meter = Estimator("10", "65", str(tmp_path))
    (channel,) = meter.probe()
    stat.write_text(f"cpu  {100 + busy} 0 0 {1000 - busy} 0 0 0 0 0 0\n")
    assert meter.read()[0].value == pytest.approx(power_w)
    assert (channel.kind, channel.meter) == ("estimate", "declared-model")


def test_estimator_without_a_model_says_so(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    (channel,) = Estimator(root=str(tmp_path)).probe()
    assert channel.accuracy.assumed
    assert channel.accuracy.reading_limit_pct >= 50
    with pytest.raises(Unavailable, match="Use a meter"):
        Estimator(root=str(tmp_path / "absent")).probe()
