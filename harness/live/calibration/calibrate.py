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
from harness.energy.sampling import inferred_resolution
from harness.live.calibration.faults import name_faults, refresh_s
from harness.live.calibration.fit import Fit, fit
from harness.live.calibration.interval import LEVEL, Interval
from harness.live.calibration.pulses import play, schedule
from harness.live.recording import traces_of
from harness.meters import public_spec
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.signing import dsse
from harness.traces.journal.reader import journal_paths, read_samples
from harness.traces.trace import Trace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DOCUMENT, ENVELOPE, SAMPLES = "calibration.json", "calibration.dsse.json", "samples"
PAYLOAD_TYPE = "application/vnd.joulemark.calibration+json"
UNRESOLVED = "the meter averages over longer than the pulses last"
Play = Callable[[Callable[[], None]], list[tuple[int, bool]]]


@dataclass(frozen=True, slots=True)
class CalibrationRequest:
    """What to calibrate, and how.

    Attributes:
        meters: The meters.
        reference: Id of the channel that the others are compared with; "" for the first.
        out: Folder for the document and the readings.
        seconds: Time for all pulses [s].
    """

    meters: Sequence[MeterRequest]
    reference: str
    out: Path
    seconds: float


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
    samples = request.out / SAMPLES
    play_pulses = pulses or (lambda check: play(schedule(request.seconds), check))
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
    quantum = trace.channel.resolution
    if quantum is None and trace.channel.quantity == "power" and len(trace):
        quantum = inferred_resolution(trace.value) or None
    item: dict[str, Any] = {
        "id": trace.channel.id,
        "calibration_id": trace.channel.calibration_id,
        "reference": reference.channel.id,
        "readings": len(trace),
        "quantum": quantum,
        "refresh_s": refresh_s(trace),
    }
    if trace is reference:
        return item | {"faults": []}
    is_power = trace.channel.quantity == "power"
    estimate = fit(trace, reference, (quantum or 0.0) if is_power else 0.0)
    faults = list(name_faults(trace, estimate))
    codes = {fault.code for fault in faults}
    is_resolved = not codes & {"one-minute-means", "other-feed"}
    return item | _estimates(estimate, is_resolved) | {"faults": [asdict(item) for item in faults]}


def _estimates(estimate: Fit | None, is_resolved: bool) -> dict[str, Any]:
    if estimate is None:
        return {}
    none = {"value": None, "low": None, "high": None, "level": LEVEL, "note": UNRESOLVED}
    return {
        "gain": _document(estimate.gain, "1") if is_resolved else none | {"unit": "1"},
        "offset_w": _document(estimate.offset_w, "W") if is_resolved else none | {"unit": "W"},
        "lag_s": _document(estimate.lag_s, "s"),
        "averaging_s": _document(estimate.averaging_s, "s"),
        "explained": round(estimate.explained, 4),
    }


def _document(interval: Interval, unit: str) -> dict[str, Any]:
    return {
        "value": interval.value,
        "low": interval.low,
        "high": interval.high,
        "level": LEVEL,
        "unit": unit,
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
        for name in ("gain", "offset_w", "lag_s", "averaging_s"):
            lines.append(f"  {name:<12} {_shown(item.get(name))}")
        lines.append(f"  {'quantum':<12} {_number(item['quantum'])}")
        lines.append(f"  {'refresh_s':<12} {_number(item['refresh_s'])}")
        lines += [f"  fault: {fault['message']}" for fault in item["faults"]]
    return "".join(f"{line}\n" for line in lines)


def _shown(estimate: dict[str, Any] | None) -> str:
    if estimate is None or estimate["value"] is None:
        return "cannot be had"
    low, high = estimate["low"], estimate["high"]
    return f"{estimate['value']:.5g} [{low:.5g}, {high:.5g}] {estimate['unit']}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
