"""AMD SMI: values and units of boards, second dies, partitions, and old answers."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
from fakes.amdsmi import RESOLUTION_UJ, Board, Driver

from harness.meters.adapters.amdsmi import Amdsmi
from harness.meters.base import NoteKind, ReadFailed, Unavailable
from harness.meters.topology import Subject, subject_of


def stand_in(_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Install two boards; return the options of a meter that reads them."""
    boards = [Board(), Board("0000:22:00.0", energy_j=None)]
    put(monkeypatch, Driver(boards))
    return {}


def put(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> None:
    """Let a driver take the place of AMD's; its boards work while a meter waits."""
    monkeypatch.setitem(sys.modules, "amdsmi", driver.module())
    monkeypatch.setattr(Amdsmi, "pause", driver.wait)


def meter(monkeypatch: pytest.MonkeyPatch, *boards: Board, **driver: bool) -> Amdsmi:
    put(monkeypatch, Driver(list(boards), **driver))
    return Amdsmi()


@pytest.mark.parametrize("old", [False, True])
def test_the_counter_is_read_in_joules(monkeypatch: pytest.MonkeyPatch, old: bool) -> None:
    board = Board()
    amd = meter(monkeypatch, board, old=old)
    (channel,) = amd.probe()
    board.energy_j = 1234.5
    assert (channel.kind, channel.unit, channel.boundary) == ("counter", "J", "board")
    assert subject_of(channel) == Subject("board", "0000:0c:00.0", "amdsmi", "")
    assert amd.read()[0].value == pytest.approx(1234.5, abs=RESOLUTION_UJ * 1e-6)
    board.energy_j = 1734.5
    assert amd.read()[0].value == pytest.approx(1734.5, abs=RESOLUTION_UJ * 1e-6)
    assert amd.read()[0].t_ns is None


@pytest.mark.parametrize(
    ("answer", "power_w"),
    [
        ({"current_socket_power": 250, "average_socket_power": "N/A"}, 250.0),
        ({"current_socket_power": "N/A", "average_socket_power": 91}, 91.0),
        ({"current_socket_power": 0xFFFF, "average_socket_power": 91}, 91.0),
        ({"current_socket_power": 0, "average_socket_power": 91}, 91.0),
        ({"current_socket_power": 1, "average_socket_power": 91}, 1.0),
    ],
)
def test_without_a_counter_socket_power_is_read_in_watts(
    monkeypatch: pytest.MonkeyPatch, answer: dict, power_w: float
) -> None:
    amd = meter(monkeypatch, Board(energy_j=None, power=answer))
    (channel,) = amd.probe()
    assert (channel.kind, channel.unit, channel.resolution) == ("instant", "W", 1.0)
    assert [reading.value for reading in amd.read()] == [power_w]


def test_a_second_die_is_no_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = Board("0000:0d:00.0", energy_j=0.0, power={"average_socket_power": "N/A"})
    amd = meter(monkeypatch, Board(), silent)
    assert [channel.id for channel in amd.probe()] == ["amd-gpu-0"]
    assert [(note.kind, note.channel) for note in amd.notes] == [(NoteKind.REMARK, "amd-gpu-1")]


def test_a_counter_that_stands_still_gives_way_to_power(monkeypatch: pytest.MonkeyPatch) -> None:
    """An MI100 with an old ROCm: one energy for ever."""
    amd = meter(monkeypatch, Board(frozen=True))
    (channel,) = amd.probe()
    assert channel.kind == "instant"
    assert [reading.value for reading in amd.read()] == [250.0]
    (note,) = amd.notes
    assert note.kind is NoteKind.LEFT_OUT
    assert "stands still" in note.message


HEAT = {"active_ppt_pwr": True, "active_socket_thrm": False, "active_hbm_thrm": True}


@pytest.mark.parametrize(
    ("violations", "throttling"),
    [
        (None, {}),
        (HEAT, {"power_capped": 1.0, "slowed_by_heat": 1.0}),
        ({"active_ppt_pwr": "N/A", "active_vr_thrm": False}, {"slowed_by_heat": 0.0}),
    ],
)
def test_context_has_its_units(
    monkeypatch: pytest.MonkeyPatch, violations: dict | None, throttling: dict[str, float]
) -> None:
    amd = meter(monkeypatch, Board(violations=violations))
    amd.probe()
    stated = {"temperature_c": 64.0, "clock_mhz": 1700.0, "power_limit_w": 750.0}
    assert amd.context() == {"amd-gpu-0": stated | throttling}


def test_an_older_release_gives_less_context(monkeypatch: pytest.MonkeyPatch) -> None:
    amd = meter(monkeypatch, Board())
    amd.probe()
    for name in ("amdsmi_get_violation_status", "AmdSmiTemperatureType"):
        delattr(sys.modules["amdsmi"], name)
    assert amd.context() == {"amd-gpu-0": {"clock_mhz": 1700.0, "power_limit_w": 750.0}}


def test_a_board_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Board("0000:22:00.0")
    amd = meter(monkeypatch, Board(), lost)
    assert len(amd.probe()) == 2
    lost.lost = True
    alive, dead = amd.read()
    assert alive.value > 0
    assert math.isnan(dead.value)
    assert dead.fault == "device lost"
    amd.probe()
    (note,) = amd.notes
    assert (note.kind, note.channel) == (NoteKind.UNMEASURED, "amd-gpu-1")
    assert "device lost" in note.message


def test_a_board_whose_counter_says_not_available_is_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Board()
    amd = meter(monkeypatch, board)
    amd.probe()
    board.energy_j = 2.0**64 * RESOLUTION_UJ * 1e-6
    with pytest.raises(ReadFailed, match="not available"):
        amd.read()


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", None)
    with pytest.raises(Unavailable, match=r"/opt/rocm/share/amd_smi.*--meter hwmon"):
        Amdsmi().probe()
    with pytest.raises(Unavailable, match="modprobe amdgpu"):
        meter(monkeypatch, present=False).probe()
    with pytest.raises(Unavailable, match="no AMD board"):
        meter(monkeypatch).probe()
