"""Calibrate meters against each other: play the pulses, fit each meter, write the document.

The document (schema `calibration`) states for each channel gain, offset, lag, averaging and quantum
relative to the reference, and names faults. With a key it is signed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import __version__
from harness.core.documents import canonical
from harness.core.errors import UsageError
from harness.core.files import write_text
from harness.core.schemas import SCHEMA_VERSION, check
from harness.core.timestamps import to_iso
from harness.live.calibration.faults import name_faults
from harness.live.calibration.fit import Fit, fit
from harness.live.calibration.interval import LEVEL, Interval
from harness.live.calibration.loads import workers
from harness.live.calibration.pulses import play, schedule
from harness.live.calibration.steps import quantum, refresh
from harness.live.recording import traces_of
from harness.meters import public_spec
from harness.meters.calibration import PAYLOAD_TYPE
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.signing import dsse
from harness.traces.channel import Accuracy
from harness.traces.journal.reader import journal_paths, read_samples
from harness.traces.trace import Trace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOCUMENT, ENVELOPE, SAMPLES = "calibration.json", "calibration.dsse.json", "samples"
NO_STEP = "the readings lie on no grid"
NO_CHANGES = "the readings hardly change"
UNRESOLVED = "the meter averages over longer than the pulses last"
SHOWN = {
    "gain": "gain",
    "offset_w": "offset_w",
    "lag_s": "lag_s",
    "averaging_s": "averaging_s",
    "quantum_estimate": "quantum",
    "refresh_estimate": "refresh_s",
}
"""Estimates that a terminal shows, with their labels."""
Play = Callable[[Callable[[], None]], list[tuple[int, bool]]]


@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """What to calibrate, and how.

    Attributes:
        meters: The meters.
        reference: Id of the channel that the others are compared with; "" for the first.
        out: Folder for the document and the readings.
        seconds: Time for all pulses [s].
        load: What works in the pulses: `cpu`, `gpu` or `both`.
    """

    meters: Sequence[MeterRequest]
    reference: str
    out: Path
    seconds: float
    load: str = "cpu"


def calibrate(
    request: CalibrationRequest,
    key: Ed25519PrivateKey | None = None,
    pulses: Play | None = None,
) -> dict[str, Any]:
    """Play the pulses, fit all meters, and write the document.

    Args:
        request: What to calibrate.
        key: Key to sign with; None for an unsigned document.
        pulses: Plays a load; None for the processors of this machine.

    Raises:
        JoulemarkError: A meter cannot be used, or the reference is none of the channels.
    """
    if request.out.exists():
        raise UsageError("is there already", where=str(request.out), fix="Choose another --out.")
    play_pulses = pulses or _pulses_of(request)
    samples = request.out / SAMPLES
    with SamplerGroup(request.meters, samples) as samplers:
        edges = play_pulses(samplers.check)
    traces = list(traces_of([read_samples(path) for path in journal_paths(samples)]))
    reference = _reference(traces, request.reference)
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "created": to_iso(time.time_ns()),
        "tool": {"name": "joulemark", "version": __version__},
        "reference": reference.channel.id,
        "specs": [str(public_spec(item.spec)) for item in request.meters],
        "edges": [{"at": to_iso(t_ns), "busy": busy} for t_ns, busy in edges],
        "meters": [meter_document(trace, reference) for trace in traces],
    }
    write_calibration(document, request.out, key)
    return document


def _pulses_of(request: CalibrationRequest) -> Play:
    """Return what plays the pulses; a load that is not there is refused before."""
    load = workers(request.load)
    return lambda check: play(schedule(request.seconds), check, load)


def _reference(traces: Sequence[Trace], id_: str) -> Trace:
    ids = [trace.channel.id for trace in traces]
    if not id_ and traces:
        return traces[0]
    if id_ not in ids:
        raise UsageError("no such channel", where="--reference", got=id_, expected=" or ".join(ids))
    return traces[ids.index(id_)]


def meter_document(trace: Trace, reference: Trace) -> dict[str, Any]:
    """Return what the document states of one channel.

    Args:
        trace: Its readings.
        reference: Readings of the reference.
    """
    step, refreshed = quantum(trace), refresh(trace)
    is_power = trace.channel.quantity == "power"
    resolution = trace.channel.resolution
    if resolution is None and step is not None:
        resolution = step.value
    item: dict[str, Any] = {
        "id": trace.channel.id,
        "calibration_id": trace.channel.calibration_id,
        "reference": reference.channel.id,
        "readings": len(trace),
        "quantum": resolution,
        "refresh_s": None if refreshed is None else refreshed.value,
        "quantum_estimate": _estimate(step, "W" if is_power else "J", NO_STEP),
        "refresh_estimate": _estimate(refreshed, "s", NO_CHANGES),
    }
    if trace is reference:
        return item | {"accuracy": _limits(trace.channel.accuracy), "faults": []}
    estimate = fit(trace, reference, (resolution or 0.0) if is_power else 0.0)
    faults = list(name_faults(trace, estimate))
    codes = {fault.code for fault in faults}
    is_resolved = not codes & {"one-minute-means", "other-feed"}
    item["reference_accuracy"] = _limits(reference.channel.accuracy)
    return item | _estimates(estimate, is_resolved) | {"faults": [asdict(item) for item in faults]}


def _estimates(estimate: Fit | None, is_resolved: bool) -> dict[str, Any]:
    if estimate is None:
        return {}
    gain = estimate.gain if is_resolved else None
    offset_w = estimate.offset_w if is_resolved else None
    return {
        "gain": _estimate(gain, "1", UNRESOLVED),
        "offset_w": _estimate(offset_w, "W", UNRESOLVED),
        "lag_s": _estimate(estimate.lag_s, "s", ""),
        "averaging_s": _estimate(estimate.averaging_s, "s", ""),
        "explained": round(estimate.explained, 4),
    }


def _estimate(interval: Interval | None, unit: str, reason: str) -> dict[str, Any]:
    """Return an estimate; without an interval it states the reason instead."""
    if interval is None:
        missing = {"value": None, "low": None, "high": None}
        return missing | {"level": LEVEL, "unit": unit, "note": reason}
    ends = {"value": interval.value, "low": interval.low, "high": interval.high}
    return ends | {"level": LEVEL, "unit": unit}


def _limits(accuracy: Accuracy) -> dict[str, Any]:
    """Return the limits of a channel, as later runs need them of the reference."""
    return {
        "gain_mpe": accuracy.gain_mpe,
        "offset_mpe_w": accuracy.range_limit_w,
        "source": accuracy.source,
        "assumed": accuracy.assumed,
    }


def write_calibration(
    document: dict[str, Any], folder: Path, key: Ed25519PrivateKey | None
) -> None:
    """Write the document, and with a key the envelope that signs it.

    Args:
        document: The document.
        folder: Where to.
        key: Key to sign with; None for none.
    """
    check("calibration", document, where=DOCUMENT)
    content = canonical(document)
    write_text(folder / DOCUMENT, content.decode())
    if key is not None:
        envelope = dsse.sign(PAYLOAD_TYPE, content, key, ())
        write_text(folder / ENVELOPE, dsse.dump(envelope).decode())


def table(document: dict[str, Any]) -> str:
    """Return a calibration as text for a terminal."""
    lines = [f"reference: {document['reference']}"]
    for item in document["meters"]:
        if item["id"] == document["reference"]:
            continue
        lines.append(item["id"])
        for name, label in SHOWN.items():
            lines.append(f"  {label:<12} {_shown(item.get(name))}")
        lines += [f"  fault: {fault['message']}" for fault in item["faults"]]
    return "".join(f"{line}\n" for line in lines)


def _shown(estimate: dict[str, Any] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "cannot be had"
    low, high = estimate["low"], estimate["high"]
    return f"{estimate['value']:.5g} [{low:.5g}, {high:.5g}] {estimate['unit']}"
