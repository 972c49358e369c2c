"""Write evidence into a run record, and read it back.

In ``run.json`` the evidence of a run is one flat object, ``facts``, under the names of the foreign
logs. `facts_of` makes it and `evidence_from_facts` reads it::

    evidence, malformed = evidence_from_facts({"values": {"result_validity": "VALID"}})
    evidence.inference.loadgen["result_validity"]  # "VALID"
    facts_of(evidence)  # {"values": {"result_validity": "VALID"}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeGuard

from harness.formats.evidence import (
    LOGGED_NAMES,
    EndpointEvidence,
    Evidence,
    InferenceEvidence,
    PackageEvidence,
    Progress,
    RecordingEvidence,
    TinyEvidence,
    TrainingEvidence,
)
from harness.traces.trace import T_MAX_NS, T_MIN_NS, Window


def facts_of(evidence: Evidence) -> dict[str, Any]:
    """Return the object ``facts`` of a run record; large foreign documents are left out."""
    facts: dict[str, Any] = {}
    if evidence.inference is not None:
        facts |= _inference_facts(evidence.inference)
    if evidence.training is not None:
        facts |= _training_facts(evidence.training)
    if evidence.tiny is not None:
        facts["tiny"] = _tiny_facts(evidence.tiny)
    if evidence.recording is not None:
        facts |= _recording_facts(evidence.recording)
    if evidence.endpoint is not None:
        facts["endpoint"] = dict(evidence.endpoint.record)
    if evidence.package is not None:
        facts["mlperf_endpoints"] = dict(evidence.package.figures)
    return facts | dict(evidence.extra)


def _inference_facts(part: InferenceEvidence) -> dict[str, Any]:
    facts: dict[str, Any] = {"values": dict(part.loadgen)}
    if part.identity:
        facts["identity"] = part.identity
    if part.range_w is not None:
        facts["range_w"] = part.range_w
    if part.utc_shift_ns:
        facts["utc_shift_ns"] = part.utc_shift_ns
    return facts


def _training_facts(part: TrainingEvidence) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "progress": None if part.progress is None else list(part.progress),
        "stated": dict(part.stated),
    }
    if part.seeds is not None:
        facts["seeds"] = list(part.seeds)
    if part.lost_lines:
        facts["lost_lines"] = {name: list(counts) for name, counts in part.lost_lines.items()}
    if part.rated_stamps:
        facts["rated_stamps"] = dict(part.rated_stamps)
    return facts


def _tiny_facts(part: TinyEvidence) -> dict[str, Any]:
    facts: dict[str, Any] = {
        item.name: value for item in fields(part) if (value := getattr(part, item.name)) is not None
    }
    if part.recomputed_uj is not None:
        facts["recomputed_uj"] = list(part.recomputed_uj)
    return facts


def _recording_facts(part: RecordingEvidence) -> dict[str, Any]:
    facts: dict[str, Any] = dict(part.logged)
    if part.incomplete:
        facts["incomplete"] = part.incomplete
    if part.window_from:
        facts["window_from"] = part.window_from
    if part.idle is not None:
        facts["idle"] = {
            name: {"start_ns": span.start_ns, "stop_ns": span.stop_ns}
            for name, span in part.idle.items()
        }
    if part.samplers is not None:
        facts["sampler"] = [dict(item) for item in part.samplers]
    if part.rank is not None:
        facts["rank"] = dict(part.rank)
    if part.ranks is not None:
        facts["ranks"] = list(part.ranks)
    return facts


def evidence_from_facts(facts: Mapping[str, Any]) -> tuple[Evidence, tuple[str, ...]]:
    """Read the object ``facts`` of a run record, which may be of any release, or forged.

    Args:
        facts: The object, as JSON gives it.

    Returns:
        The evidence, and the names of facts that are not of the type that joulemark writes.
        Those, and facts that this release does not know, are kept in ``extra``.
    """
    reader = _FactReader(facts)
    inference = _read_inference(reader)
    training = _read_training(reader)
    tiny = _read_tiny(reader)
    recording = _read_recording(reader)
    endpoint = _read_endpoint(reader)
    package = _read_package(reader)
    evidence = Evidence(
        inference=inference,
        training=training,
        tiny=tiny,
        recording=recording,
        endpoint=endpoint,
        package=package,
        extra=reader.remaining,
    )
    return evidence, tuple(reader.malformed)


class _FactReader:
    """Takes facts of a known type out of the object; what remains is unknown or malformed."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.remaining = dict(facts)
        self.malformed: list[str] = []

    def any_of(self, *names: str) -> bool:
        """Whether one of some facts is there, whatever its type."""
        return any(name in self.remaining for name in names)

    def take(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """Take a fact of a type; ``None`` if it is missing, null or of another type."""
        value = self.remaining.get(name)
        if value is None:
            self.remaining.pop(name, None)
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.malformed.append(name)
            return None
        return self.remaining.pop(name)

    def give_back(self, name: str, value: Any) -> None:
        """Put back a fact whose parts are not what joulemark writes."""
        self.remaining[name] = value
        self.malformed.append(name)


def _read_inference(reader: _FactReader) -> InferenceEvidence | None:
    if not reader.any_of("values", "identity", "range_w", "utc_shift_ns"):
        return None
    return InferenceEvidence(
        loadgen=reader.take("values", dict) or {},
        identity=reader.take("identity", str) or "",
        range_w=reader.take("range_w", (int, float)),
        utc_shift_ns=reader.take("utc_shift_ns", int) or 0,
    )


def _read_training(reader: _FactReader) -> TrainingEvidence | None:
    if not reader.any_of("seeds", "progress", "stated", "lost_lines", "rated_stamps"):
        return None
    seeds = reader.take("seeds", list)
    return TrainingEvidence(
        seeds=None if seeds is None else tuple(seeds),
        progress=_read_progress(reader),
        stated=reader.take("stated", dict) or {},
        lost_lines=_read_lost_lines(reader),
        rated_stamps=_read_rated_stamps(reader),
    )


def _read_tiny(reader: _FactReader) -> TinyEvidence | None:
    facts = reader.take("tiny", dict)
    if facts is None:
        return None
    numbers = {item.name: facts.get(item.name) for item in fields(TinyEvidence)}
    span = numbers.pop("recomputed_uj")
    is_span = isinstance(span, list) and len(span) == 2 and all(map(_is_number, span))
    has_numbers = all(value is None or _is_number(value) for value in numbers.values())
    needed = (numbers["energy_uj"], numbers["per_inference_uj"])
    if not has_numbers or None in needed or not (span is None or is_span):
        reader.give_back("tiny", facts)
        return None
    recomputed = (float(span[0]), float(span[1])) if is_span and span is not None else None
    return TinyEvidence(**numbers, recomputed_uj=recomputed)


def _read_progress(reader: _FactReader) -> Progress | None:
    pair = reader.take("progress", list)
    if pair is None:
        return None
    if len(pair) != 2 or not isinstance(pair[0], str) or not _is_number(pair[1]):
        reader.give_back("progress", pair)
        return None
    return pair[0], float(pair[1])


def _read_lost_lines(reader: _FactReader) -> dict[str, tuple[int, int]]:
    counts = reader.take("lost_lines", dict) or {}
    for pair in counts.values():
        if not isinstance(pair, list) or len(pair) != 2 or not all(map(_is_count, pair)):
            reader.give_back("lost_lines", counts)
            return {}
    return {name: (lost, lines) for name, (lost, lines) in counts.items()}


def _read_rated_stamps(reader: _FactReader) -> dict[str, int | None]:
    stamps: dict[str, int | None] = reader.take("rated_stamps", dict) or {}
    for t_ns in stamps.values():
        if t_ns is not None and not _is_time(t_ns):
            reader.give_back("rated_stamps", stamps)
            return {}
    return stamps


def _read_recording(reader: _FactReader) -> RecordingEvidence | None:
    names = ("incomplete", "window_from", "idle", "sampler", "rank", "ranks")
    if not reader.any_of(*names, *LOGGED_NAMES):
        return None
    logged = {name: reader.remaining.pop(name) for name in LOGGED_NAMES if name in reader.remaining}
    ranks = reader.take("ranks", list)
    return RecordingEvidence(
        incomplete=reader.take("incomplete", str) or "",
        window_from=reader.take("window_from", str) or "",
        logged=logged,
        idle=_read_idle(reader),
        samplers=_read_samplers(reader),
        rank=reader.take("rank", dict),
        ranks=None if ranks is None else tuple(ranks),
    )


def _read_endpoint(reader: _FactReader) -> EndpointEvidence | None:
    record = reader.take("endpoint", dict)
    if record is None:
        return None
    model, load, grading = (record.get(name) for name in ("model", "load", "grading"))
    is_sound = (
        isinstance(model, str) and isinstance(load, dict) and isinstance(grading, dict | None)
    )
    if not is_sound:
        reader.give_back("endpoint", record)
        return None
    return EndpointEvidence(model=model, load=load, grading=grading or {}, record=record)


def _read_package(reader: _FactReader) -> PackageEvidence | None:
    figures = reader.take("mlperf_endpoints", dict)
    if figures is None:
        return None
    if not all(map(_is_number, figures.values())):
        reader.give_back("mlperf_endpoints", figures)
        return None
    return PackageEvidence(figures=figures)


def _read_idle(reader: _FactReader) -> dict[str, Window] | None:
    spans = reader.take("idle", dict)
    if spans is None:
        return None
    idle: dict[str, Window] = {}
    for name, span in spans.items():
        window = _read_window(span)
        if window is None:
            reader.give_back("idle", spans)
            return None
        idle[name] = window
    return idle


def _read_window(span: object) -> Window | None:
    if not isinstance(span, dict):
        return None
    start_ns, stop_ns = span.get("start_ns"), span.get("stop_ns")
    if not _is_time(start_ns) or not _is_time(stop_ns) or start_ns > stop_ns:
        return None
    return Window(start_ns, stop_ns)


def _read_samplers(reader: _FactReader) -> tuple[Mapping[str, Any], ...] | None:
    items = reader.take("sampler", list)
    if items is None:
        return None
    if not all(isinstance(item, dict) for item in items):
        reader.malformed.append("sampler")
    return tuple(item for item in items if isinstance(item, dict))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_time(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and T_MIN_NS <= value <= T_MAX_NS
