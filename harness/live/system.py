"""The system description, collected from the machine: what it is, and nothing of whose it is.

Fields have MLPerf's names (mlcommons/policies, submission_rules.adoc, systems.json) where it has one. No serial number,
no user or host name, no address is read.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core.schemas import SCHEMA_VERSION

PACKAGES = ("numpy", "scipy", "scikit-learn", "mlcommons-loadgen", "onnxruntime", "magika", "torch")
"""Packages whose versions tell which software did the work."""
ASKED = {
    "submitter": "who submits",
    "system_name": "name of the system, as the table is to show it",
    "status": "available, preview, or rdi",
    "number_of_nodes": "machines that make up the system",
    "host_processor_model_name": "model of the processor",
    "host_memory_capacity": "memory of each node, like 768 GB",
    "cooling": "air or liquid",
    "power_management": "governor, power limits",
    "power_supply": "rated power and number of the supplies, like 2 x 1600 W",
}
"""What a submission needs, and what to write there."""


def collect(root: Path = Path("/")) -> dict[str, Any]:
    """A system document; what the machine does not tell is null. root: where /proc and /sys lie"""
    processor = _processor(root)
    accelerators, driver = _accelerators()
    return {
        "schema_version": SCHEMA_VERSION,
        "submitter": None,
        "system_name": None,
        "division": None,
        "status": None,
        "number_of_nodes": 1,
        **processor,
        "host_memory_capacity": _memory(root),
        "accelerators_per_node": len(accelerators),
        "accelerator_model_name": ", ".join(sorted(set(accelerators))) or None,
        "accelerator_driver": driver,
        "operating_system": _operating_system(root),
        "kernel": f"{platform.system()} {platform.release()}",
        "framework": ", ".join(_versions()),
        "power_management": _power_management(root),
        "power_supply": _power_supply(root),
        "cooling": None,
        "hw_notes": _virtual(root),
    }


def missing(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(JSON pointer, what to write there) of what a submission needs and the document does not say."""
    return [(f"/{name}", said) for name, said in ASKED.items() if document.get(name) in (None, "")]


def complete(collected: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was collected, with what the vendor gives laid over it; a null of the vendor's leaves what was found."""
    return dict(collected) | {key: value for key, value in given.items() if value is not None}


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return None


def _processor(root: Path) -> dict[str, Any]:
    text = _read(root / "proc/cpuinfo") or ""
    models = re.findall(r"^model name\s*:\s*(.+)$", text, re.M)
    sockets = set(re.findall(r"^physical id\s*:\s*(\d+)$", text, re.M))
    cores = set(re.findall(r"^physical id\s*:\s*(\d+)$.*?^core id\s*:\s*(\d+)$", text, re.M | re.S))
    return {
        "host_processor_model_name": models[0] if models else None,
        "host_processors_per_node": len(sockets) or None,
        "host_processor_core_count": len(cores) or None,
        "host_processor_vcpu_count": len(models) or os.cpu_count(),
    }


def _memory(root: Path) -> str | None:
    found = re.search(r"^MemTotal:\s*(\d+) kB$", _read(root / "proc/meminfo") or "", re.M)
    return f"{int(found[1]) / 2**20:.0f} GiB" if found else None


def _operating_system(root: Path) -> str:
    named = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', _read(root / "etc/os-release") or "", re.M)
    return named[1] if named else platform.system()


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _power_management(root: Path) -> str | None:
    governor = _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    said = [f"governor {governor}"] if governor else []
    for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:?")):
        limit = _read(zone / "constraint_0_power_limit_uw")
        if limit and limit.isdigit():
            said.append(f"{_read(zone / 'name')} limited to {int(limit) / 1e6:g} W")
    return ", ".join(said) or None


def _power_supply(root: Path) -> str | None:
    """From SMBIOS structures of type 39 (DSP0134 3.7, 7.40), which root may read."""
    watts = []
    for path in sorted((root / "sys/firmware/dmi/entries").glob("39-*/raw")):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if (
            len(content) >= 0x0E
            and 0 < (rated := struct.unpack_from("<H", content, 0x0C)[0]) < 0x8000
        ):
            watts.append(rated)
    return " + ".join(f"{rated} W" for rated in watts) or None


def _virtual(root: Path) -> str | None:
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", _read(root / "proc/cpuinfo") or "", re.M)
    return "runs in a virtual machine" if flags else None


def _accelerators() -> tuple[list[str], str | None]:
    """Names of NVIDIA boards and the version of their driver."""
    try:
        import pynvml
    except ImportError:
        return [], None
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        names = [
            pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in range(count)
        ]
        return [str(name) for name in names], str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return [], None
