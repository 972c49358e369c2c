"""The system description: what the machine states, from fake trees, and nothing about its owner."""

from __future__ import annotations

import getpass
import json
import socket
import struct
from pathlib import Path

from harness.core.schemas import check
from harness.live.system import collect, missing_fields, overlay

CPU = (
    "processor\t: {n}\nmodel name\t: Fast CPU 9000\nphysical id\t: {socket}\ncore id\t\t: "
    "{core}\nflags\t\t: fpu\n\n"
)


def machine(root: Path) -> Path:
    """Two sockets of two cores, two threads each; a governor, limits, two supplies."""
    rows = [(socket_, core) for socket_ in (0, 1) for core in (0, 1) for _ in (0, 1)]
    tree = {
        "proc/cpuinfo": "".join(CPU.format(n=n, socket=s, core=c) for n, (s, c) in enumerate(rows)),
        "proc/meminfo": "MemTotal:       528280064 kB\nMemFree: 1 kB\n",
        "etc/os-release": 'NAME="X"\nPRETTY_NAME="Example Linux 9"\n',
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance\n",
        "sys/class/powercap/intel-rapl:0/name": "package-0\n",
        "sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw": "205000000\n",
    }
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for number, watts in enumerate((1600, 1600, 0x8000)):
        raw = root / f"sys/firmware/dmi/entries/39-{number}/raw"
        raw.parent.mkdir(parents=True)
        raw.write_bytes(
            struct.pack("<BBH", 39, 22, 7)
            + b"\0" * 8
            + struct.pack("<H", watts)
            + b"SECRET-SERIAL\0"
        )
    return root


def test_what_the_machine_tells(tmp_path: Path) -> None:
    found = collect(machine(tmp_path))
    check("system", found)
    assert found["host_processor_model_name"] == "Fast CPU 9000"
    assert (found["host_processors_per_node"], found["host_processor_core_count"]) == (2, 4)
    assert found["host_processor_vcpu_count"] == 8
    assert found["host_memory_capacity"] == "504 GiB"
    assert found["operating_system"] == "Example Linux 9"
    assert found["power_management"] == "governor performance, package-0 limited to 205 W"
    assert found["power_supply"] == "1600 W + 1600 W"


def test_what_it_does_not_tell_is_null_and_listed(tmp_path: Path) -> None:
    found = collect(tmp_path)
    check("system", found)
    assert found["host_processor_model_name"] is None
    assert found["host_memory_capacity"] is None
    pointers = {pointer for pointer, _ in missing_fields(found)}
    assert {"/submitter", "/host_processor_model_name", "/power_supply", "/cooling"} <= pointers
    filled = overlay(found, {"submitter": "A", "cooling": "air", "host_memory_capacity": None})
    assert {"/submitter", "/cooling"} & {pointer for pointer, _ in missing_fields(filled)} == set()


def test_nothing_private_is_collected(tmp_path: Path) -> None:
    for root in (Path("/"), machine(tmp_path)):
        text = json.dumps(collect(root))
        assert "SECRET" not in text
        assert socket.gethostname() not in text
        assert str(Path.home()) not in text
        if len(getpass.getuser()) > 4:
            assert getpass.getuser() not in text
