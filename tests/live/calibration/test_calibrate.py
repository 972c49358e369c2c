"""A calibration from the pulses to the signed document, with two analyzers that see one load."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lab_simulator.daemon import EmulatedDaemon

from harness.cli import main
from harness.core.schemas import check
from harness.live.calibration.calibrate import (
    DOCUMENT,
    ENVELOPE,
    CalibrationRequest,
    calibrate,
    table,
)
from harness.live.calibration.loads import work_on_processor
from harness.live.calibration.pulses import IDLE_S, LONGEST_S, play, schedule
from harness.meters import parse
from harness.meters.calibration import PAYLOAD_TYPE, calibrated, read_calibration
from harness.meters.sampler_process import MeterRequest
from harness.signing import dsse
from harness.signing.keys import generate, read_private
from harness.traces.channel import Accuracy, Channel

PULSES_S = (0.6, 0.4, 0.7, 0.3, 0.5, 0.8, 0.35, 0.65, 0.45, 0.55)
SAMPLE_S = 0.02
GAIN = 1.25


def load_w(t_ns: int, begun_ns: int) -> float:
    """A square load of irregular pulses from some time on [W]."""
    since_s = (t_ns - begun_ns) / 1e9
    busy = False
    for length_s in PULSES_S:
        if since_s < 0:
            break
        since_s -= length_s
        busy = not busy
    flicker_w = 0.4 * (t_ns // 20_000_000 % 7)
    return (250.0 if busy and since_s < 0 else 100.0) + flicker_w


def pulses(check: Callable[[], None]) -> list[tuple[int, bool]]:
    """Let the time of all pulses pass, and as much idle time as the daemons are asked once in."""
    end_s = time.monotonic() + sum(PULSES_S) + 3.0
    while time.monotonic() < end_s:
        check()
        time.sleep(0.05)
    return [(time.time_ns(), True)]


def test_two_meters_are_compared_and_the_document_signed(tmp_path: Path) -> None:
    begun = {"ns": 1 << 62}  # the load begins once all meters are read
    daemons = [
        EmulatedDaemon(
            lambda a, b, gain=gain: gain * load_w((a + b) // 2, begun["ns"]), sample_s=SAMPLE_S
        )
        for gain in (1.0, GAIN)
    ]
    specs = [f"ptdaemon:host=127.0.0.1,port={one.port},refresh={SAMPLE_S}" for one in daemons]
    requests = [MeterRequest(parse(spec), 0.05) for spec in specs]
    keys = generate(tmp_path / "keys", "lab")
    key = read_private(keys.private, lambda: b"")
    request = CalibrationRequest(requests, "ptdaemon-total", tmp_path / "out", 30.0)

    def wait(check: Callable[[], None]) -> list[tuple[int, bool]]:
        begun["ns"] = time.time_ns() + 500_000_000
        return pulses(check)

    document = calibrate(request, key, wait)
    for one in daemons:
        one.close()
    check("calibration", document)
    (compared,) = [item for item in document["meters"] if "gain" in item]
    assert compared["gain"]["low"] <= GAIN <= compared["gain"]["high"]
    assert compared["gain"]["value"] == pytest.approx(GAIN, rel=0.02)
    assert abs(compared["lag_s"]["value"]) < 0.02
    written = json.loads((tmp_path / "out" / DOCUMENT).read_text())
    assert written["meters"] == document["meters"]
    envelope = dsse.parse((tmp_path / "out" / ENVELOPE).read_bytes(), where="envelope")
    assert envelope.payload_type == PAYLOAD_TYPE
    assert dsse.is_signed_by(envelope, envelope.signatures[0], key.public_key())
    assert "127.0.0.1" not in json.dumps(written)
    # A later run uses it: the limits of the second analyzer hold its gain.
    calibration = read_calibration(tmp_path / "out" / DOCUMENT, str(keys.public))
    assert calibration.signature == "verified"
    for name in ("quantum_estimate", "refresh_estimate"):
        assert compared[name]["low"] <= compared[name]["value"] <= compared[name]["high"]
    assert compared["refresh_estimate"]["value"] == pytest.approx(SAMPLE_S, rel=0.5)
    later = Channel(
        id=compared["id"],
        kind="mean",
        boundary="wall",
        calibration_id=compared["calibration_id"],
        accuracy=Accuracy(reading_limit_pct=0.1, source="its manual"),
    )
    (applied,) = calibrated([later], calibration)
    assert applied.accuracy.gain_mpe >= GAIN - 1 - 0.02
    assert "gain" in table(document)


def test_the_schedule_is_irregular_and_ends_idle() -> None:
    steps = schedule(60.0)
    assert sum(step.seconds for step in steps) == pytest.approx(60.0 + 2 * IDLE_S)
    assert not steps[0].busy
    assert not steps[-1].busy
    assert max(step.seconds for step in steps[1:-1]) <= LONGEST_S
    assert len({round(step.seconds, 3) for step in steps[1:-2]}) == len(steps[1:-2])
    assert steps == schedule(60.0)


def test_the_processors_work_as_the_pulses_say() -> None:
    class Short:
        def __init__(self, busy: bool, seconds: float) -> None:
            self.busy, self.seconds = busy, seconds

    pulses = [Short(True, 0.2), Short(False, 0.1)]
    edges = play(pulses, lambda: None, [(work_on_processor, ())])  # type: ignore[arg-type]
    assert [busy for _, busy in edges] == [True, False]
    assert 0.15 < (edges[1][0] - edges[0][0]) / 1e9 < 2.0


def test_one_meter_cannot_be_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", "--meter", "estimator", "--out", str(out)])
    assert ended.value.code == 2
    assert "comparing takes two meters" in capsys.readouterr().err
    assert not out.exists()
