"""The estimator: processor time times declared watts, and never more than a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.meters.adapters.estimator import BUSY_W, IDLE_W, Estimator
from harness.meters.base import ReadFailed, Unavailable


def stand_in(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Write a /proc/stat; return the options of a meter that reads it."""
    (folder / "stat").write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    return {"idle_w": "10", "busy_w": "65", "root": str(folder)}


@pytest.mark.parametrize(("busy", "power_w"), [(0, 10.0), (50, 37.5), (100, 65.0)])
def test_power_is_linear_in_processor_time(busy: int, power_w: float, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    meter = Estimator("10", "65", str(tmp_path))
    (channel,) = meter.probe()
    stat.write_text(f"cpu  {100 + busy} 0 0 {1000 - busy} 0 0 0 0 0 0\n")
    assert meter.read()[0].value == pytest.approx(power_w)
    assert (channel.kind, channel.meter) == ("estimate", "declared-model")


def test_waiting_for_a_disk_is_idle_time_and_interrupts_are_not(tmp_path: Path) -> None:
    """Columns of /proc/stat: user nice system idle iowait irq softirq steal."""
    stat = tmp_path / "stat"
    stat.write_text("cpu  0 0 0 0 0 0 0 0 0 0\n")
    meter = Estimator("0", "100", str(tmp_path))
    meter.probe()
    stat.write_text("cpu  5 5 5 40 30 5 5 5 0 0\n")
    assert meter.read()[0].value == pytest.approx(30.0)


def test_between_two_ticks_of_the_kernel_the_power_holds(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    meter = Estimator("10", "65", str(tmp_path))
    meter.probe()
    stat.write_text("cpu  150 0 0 950 0 0 0 0 0 0\n")
    assert [meter.read()[0].value for _ in range(3)] == [pytest.approx(37.5)] * 3


def test_without_a_model_the_assumption_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    (tmp_path / "stat").write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    meter = Estimator(root=str(tmp_path))
    (channel,) = meter.probe()
    assert channel.accuracy.assumed
    assert channel.accuracy.reading_limit_pct == 60.0
    assert (meter.idle_w, meter.busy_w) == pytest.approx((8 * IDLE_W, 8 * BUSY_W))
    assert channel.extra["model"] == {
        "idle_w": meter.idle_w,
        "busy_w": meter.busy_w,
        "declared": False,
    }


def test_without_processor_time_there_is_no_estimate(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="Use a meter"):
        Estimator(root=str(tmp_path / "absent")).probe()
    (tmp_path / "stat").write_text("cpu  100 0 0 900 0 0 0 0 0 0\n")
    meter = Estimator(root=str(tmp_path))
    meter.probe()
    (tmp_path / "stat").write_text("cpu  one two\n")
    with pytest.raises(ReadFailed, match="stat"):
        meter.read()
