"""NVML: energy in joules, power in watts, boards that do not answer, bindings that are old."""

from __future__ import annotations

import math
import shutil
import sys
from pathlib import Path

import pytest
from fakes.pynvml import Board, Driver

from harness.meters.adapters.nvml import Nvml
from harness.meters.base import NoteKind, ReadFailed, Unavailable
from harness.meters.topology import Subject, subject_of


def stand_in(_folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Install a board with a counter and one without; return a meter's options."""
    put(monkeypatch, Driver([Board(), Board(energy_mj=None)]))
    return {}


def put(monkeypatch: pytest.MonkeyPatch, driver: Driver) -> None:
    """Let a driver take the place of NVIDIA's; its boards work while a meter waits."""
    monkeypatch.setitem(sys.modules, "pynvml", driver.module())
    monkeypatch.setattr(Nvml, "pause", driver.wait)


def install(monkeypatch: pytest.MonkeyPatch, *boards: Board, **driver: bool) -> Nvml:
    put(monkeypatch, Driver(list(boards), **{"step": False, **driver}))
    return Nvml()


def test_the_counter_is_read_in_joules(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board(power_mw=300_000, pci="0000:41:00.0")
    meter = install(monkeypatch, board)
    (channel,) = meter.probe()
    board.energy_mj = 1_234_567_891
    assert (channel.kind, channel.quantity, channel.unit) == ("counter", "energy", "J")
    assert channel.resolution == 1e-3
    assert subject_of(channel) == Subject("board", "0000:41:00.0", "nvml", "")
    (reading,) = meter.read()
    assert (reading.channel, reading.t_ns, reading.fault) == ("gpu-0", None, "")
    assert reading.value == pytest.approx(1_234_567.891, abs=1e-6)
    board.energy_mj += 30_000
    assert meter.read()[0].value == pytest.approx(1_234_597.891, abs=1e-6)


def test_without_a_counter_power_is_read_in_watts(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = install(monkeypatch, Board(energy_mj=None, power_mw=312_450))
    (channel,) = meter.probe()
    assert (channel.kind, channel.quantity, channel.unit) == ("instant", "power", "W")
    assert "25 %" in channel.accuracy.source
    assert channel.accuracy.reading_limit_pct == 35.0
    assert [reading.value for reading in meter.read()] == [pytest.approx(312.450)]


def test_the_counter_is_trusted_more_than_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    counter, instant = install(monkeypatch, Board(), Board(energy_mj=None)).probe()
    assert counter.accuracy.reading_limit_pct == 5.0
    assert counter.accuracy.reading_limit_pct < instant.accuracy.reading_limit_pct
    assert counter.calibration_id != instant.calibration_id
    assert "serial" not in repr((counter, instant))


def test_bindings_without_the_counter_sample_power(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = install(monkeypatch, Board(power_mw=300_000), counts=False)
    (channel,) = meter.probe()
    assert channel.kind == "instant"
    assert meter.read()[0].value == pytest.approx(300.0)
    (note,) = meter.notes
    assert note.kind is NoteKind.OUTDATED
    assert "pip install -U nvidia-ml-py" in note.message


@pytest.mark.parametrize("energy_mj", [None, 1_000_000])
def test_error_values_are_faults(monkeypatch: pytest.MonkeyPatch, energy_mj: int | None) -> None:
    board = Board(energy_mj=energy_mj)
    meter = install(monkeypatch, board)
    meter.probe()
    board.power_mw, board.energy_mj = 0xFFFFFFFF, 2**64 - 1
    with pytest.raises(ReadFailed, match="error value"):
        meter.read()


def test_a_counter_of_error_values_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = install(monkeypatch, Board(energy_mj=2**64 - 1, power_mw=312_450))
    (channel,) = meter.probe()
    assert channel.kind == "instant"
    assert meter.read()[0].value == pytest.approx(312.45)


def test_a_counter_that_stands_still_gives_way_to_power(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = Board(energy_mj=5_198_685_762, power_mw=301_500, frozen=True)
    meter = install(monkeypatch, frozen, Board())
    dead, alive = meter.probe()
    assert (dead.kind, dead.unit, alive.kind) == ("instant", "W", "counter")
    assert meter.read()[0].value == pytest.approx(301.5)
    (note,) = meter.notes
    assert (note.kind, note.channel) == (NoteKind.LEFT_OUT, "gpu-0")
    assert "stands still at 5.19869e+06 J while it draws 301.5 W" in note.message


@pytest.mark.parametrize("power_mw", [None, 900])
def test_a_counter_that_has_no_reason_to_move_stays(
    monkeypatch: pytest.MonkeyPatch, power_mw: int | None
) -> None:
    meter = install(monkeypatch, Board(energy_mj=7_000, power_mw=power_mw, frozen=True))
    (channel,) = meter.probe()
    assert (channel.kind, meter.notes) == ("counter", [])


def test_one_lost_board_is_a_gap_of_that_board(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = [Board(), Board()]
    meter = install(monkeypatch, *boards)
    meter.probe()
    boards[1].energy_mj = 7_000
    boards[0].lost = True
    lost, alive = meter.read()
    assert lost.fault == "GPU is lost"
    assert math.isnan(lost.value)
    assert alive.value == pytest.approx(7.0)
    boards[1].lost = True
    with pytest.raises(ReadFailed, match="lost"):
        meter.read()


def test_a_board_without_power_is_named_and_the_others_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = install(monkeypatch, Board(watts=None), Board())
    assert [channel.id for channel in meter.probe()] == ["gpu-1"]
    (note,) = meter.notes
    assert (note.kind, note.channel) == (NoteKind.UNMEASURED, "gpu-0")
    with pytest.raises(Unavailable, match=r"no NVIDIA board that can be measured.*neither"):
        install(monkeypatch, Board(watts=None)).probe()


@pytest.mark.parametrize(
    ("visible", "options", "noted"),
    [
        (None, "", False),
        ("0,1", "", False),
        ("1", "", True),
        ("-1", "", True),
        ("", "", True),
        ("1", "1", False),
    ],
)
def test_boards_that_the_workload_may_not_use_are_noted(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, options: str, noted: bool
) -> None:
    install(monkeypatch, Board(), Board())
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    meter = Nvml(devices=options)
    meter.probe()
    assert [note.kind for note in meter.notes] == [NoteKind.BEYOND_WORKLOAD] * noted


def test_chosen_boards_only_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    boards = [Board() for _ in range(3)]
    install(monkeypatch, *boards)
    meter = Nvml(devices="0+2")
    assert [channel.id for channel in meter.probe()] == ["gpu-0", "gpu-2"]
    for number, board in enumerate(boards, 1):
        board.energy_mj = 1000 * number
    assert [reading.value for reading in meter.read()] == [1.0, 3.0]
    for wrong in ("3", "a", "-1"):
        with pytest.raises(Unavailable, match="numbers below 3"):
            Nvml(devices=wrong).probe()


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize(
    ("reasons", "capped", "slowed"),
    [(0x0, 0, 0), (0x1, 0, 0), (0x4, 1, 0), (0x20, 0, 1), (0x40, 0, 1), (0x8, 0, 1), (0x44, 1, 1)],
)
def test_context_has_its_units(
    monkeypatch: pytest.MonkeyPatch, counts: bool, reasons: int, capped: int, slowed: int
) -> None:
    """Old bindings call the reasons by another name."""
    meter = install(monkeypatch, Board(reasons=reasons), Board(), counts=counts)
    meter.probe()
    told, silent = meter.context().values()
    assert told == {
        "temperature_c": 61,
        "clock_mhz": 1410,
        "power_limit_w": 400.0,
        "power_capped": capped,
        "slowed_by_heat": slowed,
    }
    assert silent.keys() == {"temperature_c", "clock_mhz", "power_limit_w"}


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[nvidia\]'"):
        Nvml().probe()
    with pytest.raises(Unavailable, match="nvidia-smi"):
        install(monkeypatch, present=False).probe()


def test_without_the_library_here() -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine has an NVIDIA driver")
    pytest.importorskip("pynvml")
    with pytest.raises(Unavailable, match=r"NVML does not answer.*driver"):
        Nvml().probe()
