"""Numbers that firmware returns instead of a reading."""

from __future__ import annotations

import math

import pytest

from harness.meters.base import ReadFailed, Reading, whole_read
from harness.meters.readings import counter_fault, power_fault


@pytest.mark.parametrize(
    ("count", "is_fault"),
    [
        (0, False),
        (2**63 - 1, False),
        (2**63, True),
        (2**64 - 1, True),
        (2**64 - 512, True),
        (-1, True),
    ],
)
def test_counters(count: int, is_fault: bool) -> None:
    assert bool(counter_fault(count, "uJ")) is is_fault


@pytest.mark.parametrize(
    ("power_w", "part", "raw", "is_fault"),
    [
        (0.0, "board", 0, False),
        (700.0, "board", 700_000, False),
        (5999.0, "board", 5_999_000, False),
        (6001.0, "board", 6_001_000, True),
        (3000.0, "core", None, False),
        (3000.5, "core", None, True),
        (20_000.0, "psys", None, False),
        (20_000.5, "psys", None, True),
        (90_000.0, "node", 90_000_000_000, False),
        (65_535.0, "node", 65_535_000_000, True),
        (4294967.295, "node", 4_294_967_295_000, True),
        (4294.967295, "node", 4_294_967_295, True),
        (2147.483647, "node", 2_147_483_647, True),
        (2147.483648, "node", 0x80000000, True),
        (2147.483649, "node", 0x80000001, False),
        (9.2, "node", 2**63 - 1, True),
        (18.4, "node", 2**64 - 1, True),
        (-1.0, "board", -1000, True),
        (999_999.0, "unknown", None, False),
        (1_000_001.0, "unknown", None, True),
    ],
)
def test_powers(power_w: float, part: str, raw: int | None, is_fault: bool) -> None:
    assert bool(power_fault(power_w, part, raw)) is is_fault


def test_a_read_without_any_value_fails_with_the_first_reason() -> None:
    faults = [Reading("a", math.nan, fault="lost"), Reading("b", math.nan, fault="asleep")]
    with pytest.raises(ReadFailed, match=r"^lost$"):
        whole_read(faults)
    with pytest.raises(ReadFailed, match="not probed"):
        whole_read([])
    one = [faults[0], Reading("b", 1.0)]
    assert whole_read(one) == one
