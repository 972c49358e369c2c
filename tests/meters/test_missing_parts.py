"""What a sum of channels lacks of the machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.meters.missing_parts import missing_parts
from harness.meters.topology import Subject
from harness.traces.channel import Channel

REST = "fans, storage, network and losses of the supply: not measured"
MEMORY = "memory: not measured"
BOARDS = "GPU boards: not measured (0000:41:00.0, 0000:81:00.0)"


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """Two boards, an accelerator's console, integrated graphics of Intel and AMD, a network
    card."""
    rows = {
        "0000:00:02.0": ("0x030000", "0x8086"),
        "0000:03:00.0": ("0x030000", "0x1a03"),
        "0000:05:00.0": ("0x030000", "0x1002"),
        "0000:18:00.0": ("0x020000", "0x15b3"),
        "0000:41:00.0": ("0x030200", "0x10de"),
        "0000:81:00.0": ("0x120000", "0x1002"),
    }
    for address, (kind, vendor) in rows.items():
        folder = tmp_path / address
        folder.mkdir()
        (folder / "class").write_text(f"{kind}\n")
        (folder / "vendor").write_text(f"{vendor}\n")
    sensors = tmp_path / "0000:05:00.0" / "hwmon" / "hwmon4"
    sensors.mkdir(parents=True)
    (sensors / "in1_label").write_text("vddnb\n")
    return tmp_path


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([("package", "0")], [BOARDS, MEMORY, REST]),
        ([("package", "0"), ("dram", "0")], [BOARDS, REST]),
        ([("psys", "")], [BOARDS, REST]),
        ([("package", "0"), ("board", "0000:41:00.0"), ("board", "0000:81:00.0")], [MEMORY, REST]),
        (
            [("board", "0000:41:00.0")],
            [
                "processor: not measured",
                "GPU boards: not measured (0000:81:00.0)",
                MEMORY,
                REST,
            ],
        ),
        ([("board", "gpu-0"), ("board", "gpu-1")], ["processor: not measured", MEMORY, REST]),
        ([("module", "0")], [REST]),
        ([("node", "h"), ("package", "0")], []),
        ([("psu", "5")], []),
        ([("wall", "")], []),
    ],
)
def test_what_is_missing(
    parts: list[tuple[str, str]],
    expected: list[str],
    devices: Path,
    channel: Callable[..., Channel],
) -> None:
    channels = [
        channel("mean", id=f"c{n}", boundary=part, extra=Subject(part, instance).header())
        for n, (part, instance) in enumerate(parts)
    ]
    assert missing_parts(channels, devices) == expected


def test_without_pci_no_board_is_missed(tmp_path: Path, channel: Callable[..., Channel]) -> None:
    package = channel("mean", boundary="package", extra=Subject("package", "0").header())
    assert missing_parts([package], tmp_path / "absent") == [MEMORY, REST]
