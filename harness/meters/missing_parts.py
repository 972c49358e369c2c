"""Say which parts of this machine a set of channels does not measure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from harness.meters.arrangement import arrange
from harness.meters.sysfs import text
from harness.meters.topology import PCI_ADDRESS, WHOLES, subject_of
from harness.traces.channel import Channel

PCI_DEVICES = Path("/sys/bus/pci/devices")
ACCELERATOR_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
"""PCI classes of graphics boards (VGA, 3D, other display) and accelerators (PCI code and ID)."""
REMOTE_CONSOLES = frozenset({"0x1a03", "0x102b", "0x1234", "0x1af4", "0x15ad", "0x1b36"})
"""Vendors whose displays are those of a BMC (ASPEED, Matrox) or of a virtual machine."""
INTEL, INTEL_INTEGRATED = "0x8086", "0000:00:02.0"
"""Intel's integrated graphics always sit at this address, and the processor's package has them."""
MACHINE_PARTS = frozenset({*WHOLES, "battery"})
PROCESSOR_PARTS = frozenset({"package", "psys", "module", "core"})
MEMORY_PARTS = frozenset({"dram", "psys", "module"})


def missing_parts(channels: Sequence[Channel], devices: Path = PCI_DEVICES) -> list[str]:
    """List what the sum of some channels lacks of this machine, as short phrases.

    Args:
        channels: Channels of one machine; only those that are summed count.
        devices: Folder with the PCI devices.
    """
    top = set(arrange(channels).top)
    subjects = [subject_of(channel) for channel in channels if channel.id in top]
    parts = {subject.part for subject in subjects}
    if parts & MACHINE_PARTS:
        return []
    missing = []
    if not parts & PROCESSOR_PARTS:
        missing.append("processor: not measured")
    measured = {subject.instance for subject in subjects if subject.part == "board"}
    boards = [] if "module" in parts else _unmeasured_boards(devices, measured)
    if boards:
        missing.append(f"GPU boards: not measured ({', '.join(boards)})")
    if not parts & MEMORY_PARTS:
        missing.append("memory: not measured")
    missing.append("fans, storage, network and losses of the supply: not measured")
    return missing


def _unmeasured_boards(devices: Path, measured: Collection[str]) -> list[str]:
    """Return the PCI addresses of boards that no channel measures.

    Args:
        devices: Folder with the PCI devices.
        measured: Addresses of the boards that are measured; a driver that states no address
            gives another name, which stands for any board.
    """
    folders = sorted(devices.glob("*")) if devices.is_dir() else []
    boards = [folder.name for folder in folders if _is_board(folder)]
    nameless = [instance for instance in measured if not PCI_ADDRESS.fullmatch(instance)]
    unmeasured = [address for address in boards if address not in measured]
    return unmeasured[len(nameless) :]


def _is_board(folder: Path) -> bool:
    """Return whether a PCI device is a board of its own that computes."""
    kind = (text(folder / "class") or "")[:6]
    vendor = text(folder / "vendor")
    if kind not in ACCELERATOR_CLASSES or vendor in REMOTE_CONSOLES:
        return False
    if vendor == INTEL and folder.name == INTEL_INTEGRATED:
        return False
    labels = [text(path) for path in folder.glob("hwmon/hwmon*/in1_label")]
    return "vddnb" not in labels  # amdgpu_pm.c: only APUs, whose graphics lie in the package
