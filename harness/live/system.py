"""The system description, collected from the machine.

It states what the machine is, never whose it is: no serial number, user name, host name or address
is read. Fields have MLPerf's names where it has one (mlcommons/policies, submission_rules.adoc,
systems.json).
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

from harness.core.errors import UsageError, shorten
from harness.core.schemas import SCHEMA_VERSION

PACKAGES = ("numpy", "scipy", "scikit-learn", "mlcommons-loadgen", "onnxruntime", "magika", "torch")
"""Packages whose versions identify the software that did the work."""
REQUIRED = {
    "submitter": "who submits",
    "system_name": "name of the system, as the table is to show it",
    "status": "available, preview, or rdi",
    "number_of_nodes": "machines that make up the system",
    "host_processor_model_name": "model of the processor",
    "host_memory_capacity": "memory of each node, like 768 GB",
    "cooling": "air, liquid, hybrid, immersion or passive",
    "power_management": "governor, power limits",
    "power_supply": "rated power and number of the supplies, like 2 x 1600 W",
}
"""Fields that a submission needs, and what to write in each."""
CHOICES = {
    "status": ("available", "preview", "rdi"),
    "cooling": ("air", "liquid", "hybrid", "immersion", "passive"),
}
"""Words that a vendor's description may use."""


def collect(root: Path = Path("/")) -> dict[str, Any]:
    """Return a system document of this machine; what it does not reveal is null.

    Args:
        root: Where /proc and /sys lie.
    """
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


def missing_fields(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return pointer and description of the required fields that a document leaves empty."""
    return [
        (f"/{name}", description)
        for name, description in REQUIRED.items()
        if document.get(name) in (None, "")
    ]


def check_choices(document: Mapping[str, Any], where: str) -> None:
    """Check the words that a vendor's description uses, whatever their case.

    Raises:
        UsageError: A word is none of those that are understood.
    """
    for name, choices in CHOICES.items():
        word = document.get(name)
        if word is not None and str(word).strip().casefold() not in choices:
            raise UsageError(
                f"is no {name}",
                where=f"{where}#/{name}",
                got=shorten(repr(word)),
                expected=", ".join(choices),
            )


def overlay(collected: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Lay what a vendor states over what was collected; a null keeps the collected value."""
    return dict(collected) | {key: value for key, value in stated.items() if value is not None}


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
    total = re.search(r"^MemTotal:\s*(\d+) kB$", _read(root / "proc/meminfo") or "", re.M)
    return f"{int(total[1]) / 2**20:.0f} GiB" if total else None


def _operating_system(root: Path) -> str:
    release = _read(root / "etc/os-release") or ""
    name = re.search(r'^PRETTY_NAME="?([^"\n]+)"?$', release, re.M)
    return name[1] if name else platform.system()


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for name in PACKAGES:
        try:
            yield f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue


def _power_management(root: Path) -> str | None:
    governor = _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    settings = [f"governor {governor}"] if governor else []
    for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:?")):
        limit_uw = _read(zone / "constraint_0_power_limit_uw")
        if limit_uw and limit_uw.isdigit():
            settings.append(f"{_read(zone / 'name')} limited to {int(limit_uw) / 1e6:g} W")
    return ", ".join(settings) or None


SMBIOS_MAX_POWER = 0x0C
"""Offset of the field "Max Power Capacity" [W] in a structure of type 39 (DSP0134 3.7, 7.40)."""
SMBIOS_UNKNOWN = 0x8000
"""Value of that field where the capacity is not known."""


def _power_supply(root: Path) -> str | None:
    """Read the rated power of the supplies from SMBIOS, which root may read."""
    watts = []
    for path in sorted((root / "sys/firmware/dmi/entries").glob("39-*/raw")):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if len(content) < SMBIOS_MAX_POWER + 2:
            continue
        (rated_w,) = struct.unpack_from("<H", content, SMBIOS_MAX_POWER)
        if 0 < rated_w < SMBIOS_UNKNOWN:
            watts.append(rated_w)
    return " + ".join(f"{rated_w} W" for rated_w in watts) or None


def _virtual(root: Path) -> str | None:
    flags = re.search(r"^flags\s*:.*\bhypervisor\b", _read(root / "proc/cpuinfo") or "", re.M)
    return "runs in a virtual machine" if flags else None


def _accelerators() -> tuple[list[str], str | None]:
    """Return the names of NVIDIA boards and the version of their driver."""
    try:
        import pynvml
    except ImportError:
        return [], None
    try:
        pynvml.nvmlInit()
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        names = [str(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
        return names, str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return [], None
