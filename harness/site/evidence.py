"""The evidence of one entry for browsers: readings, window and budget in one compressed file.

A page that is opened from a disk may load a script and nothing else. So the evidence is a script
of one call, whose argument is a Base64 text. Decoded and inflated, it is:

1. the length of the header in bytes, as an unsigned integer of 32 bits, little-endian;
2. the header, JSON in UTF-8, padded with spaces so that what follows begins at a multiple of 8;
3. for each channel in the order of the header its times [ns UTC] as signed integers of 64 bits,
   then its readings as double-precision numbers, both little-endian. These are the bytes that a
   trace's ``content_sha256`` is taken over.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import JoulemarkError
from harness.core.files import read_inside, sha256
from harness.emissions.decomposition import factor_budgets
from harness.energy.components import ChannelReadings, clock_error
from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.formats.run_directory import RECORD
from harness.ranking.shared_meters import instrument_claims
from harness.scoring.repeated_runs import valid_runs
from harness.scoring.result import Result
from harness.traces.trace import Trace
from harness.uncertainty.budget import Budget

MAX_READINGS = 1_000_000
"""An entry with more readings has no evidence file: a browser would not open it."""
COMPRESSION = 1
"""The fastest level of zlib: readings are mostly noise, which no level compresses."""
RECOMPUTED = frozenset(["clock", "rated parts", "supplies at part load"])
"""Terms of a budget with an expectation that `energy.js` computes again; what others expect is
stated in the evidence, and the page says so."""
PREFIX, SUFFIX = b'joulemark.receiveEvidence("', b'");\n'


@dataclass(frozen=True, slots=True)
class Packed:
    """The submission that an entry is packed in.

    Attributes:
        folder: The submission.
        path: Folder of the entry inside it, with slashes.
        file: Its file of signatures inside the site.
        listed: SHA-256 of each file that its manifest lists, by path.
    """

    folder: Path
    path: str
    file: str
    listed: Mapping[str, str]


def evidence_script(
    result: Result, about: Mapping[str, Any], packed: Packed | None
) -> bytes | None:
    """Return the evidence file of an entry; ``None`` where it has no readings, or too many.

    Args:
        result: The result.
        about: What else the header says: name, verdict, what the pages show.
        packed: The submission that holds it.
    """
    if not has_evidence(result):
        return None
    channels = [reading for run in result.runs for reading in run.readings]
    columns: list[bytes] = []
    for reading in channels:
        columns.append(np.ascontiguousarray(reading.trace.t_ns, "<i8").tobytes())
        columns.append(np.ascontiguousarray(reading.trace.value, "<f8").tobytes())
    header = json.dumps({**about, **_header(result, packed)}, separators=(",", ":")).encode()
    header += b" " * (-(len(header) + 4) % 8)
    length = len(header).to_bytes(4, "little")
    content = zlib.compress(b"".join([length, header, *columns]), COMPRESSION)
    return PREFIX + base64.b64encode(content) + SUFFIX


def has_evidence(result: Result) -> bool:
    """Return whether an entry has an evidence file."""
    return 0 < count_readings(result) <= MAX_READINGS


def count_readings(result: Result) -> int:
    """Return the number of readings that are at hand; those of a store are not."""
    return sum(len(reading.trace) for run in result.runs for reading in run.readings)


def _header(result: Result, packed: Packed | None) -> dict[str, Any]:
    counted = {id(run) for run in valid_runs(result.runs)}
    return {
        "energy_j": result.energy.value,
        "per_unit": result.energy_per_unit.value,
        "per_unit_unit": result.energy_per_unit.unit,
        "level": result.energy_per_unit.level,
        "budget": budget_document(result.per_unit_budget),
        "co2e": _emission_factors(result),
        "claims": instrument_claims(result.entry),
        "runs": [_run(result.entry, run, id(run) in counted, packed) for run in result.runs],
        "signed": None if packed is None else packed.file,
    }


def _run(entry: Entry, run: RunEnergy, counts: bool, packed: Packed | None) -> dict[str, Any]:
    window = run.run.window
    work = run.run.work
    return {
        "id": run.run.id,
        # as texts: a browser's numbers do not hold nanoseconds since 1970
        "window_ns": None if window is None else [str(window.start_ns), str(window.stop_ns)],
        "counts": counts,
        "energy_j": run.energy_j,
        "work": None if work is None else work.count,
        "nodes_expected": run.nodes[1],
        "rated": [
            {"power_w": item.power_w, "idle_share": item.idle_share} for item in run.run.rated
        ],
        "corrections": _corrections(run),
        "channels": [_channel(entry, reading) for reading in run.readings],
        "record": None if packed is None else _record(run, packed, entry),
    }


def _corrections(run: RunEnergy) -> list[dict[str, Any]]:
    """Return what the budget expects besides the terms that a browser computes again [J]."""
    return [
        {"name": item.name, "energy_j": item.mean, "is_bound": item.base == "uniform"}
        for item in run.terms
        if item.name not in RECOMPUTED and item.mean
    ]


def _channel(entry: Entry, reading: ChannelReadings) -> dict[str, Any]:
    trace = reading.trace
    channel = trace.channel
    clock = clock_error(channel, entry)
    return {
        "id": channel.id,
        "kind": channel.kind,
        "boundary": channel.boundary,
        "node": channel.node,
        "factor": reading.factor,
        "below": reading.conversion.below,
        "counter_modulus_j": channel.counter_modulus_j,
        "nominal_interval_s": channel.nominal_interval_s,
        "update_interval_s": channel.update_interval_s,
        "stamp_lag_s": channel.stamp_lag_s,
        "clock": [clock.scale_s, clock.base],
        "readings": len(trace),
        "content_sha256": trace.content_sha256,
        "left_out": _positions(trace, reading.checked.trace),
        "fault": reading.fault,
        "energy_j": None if reading.energy is None else reading.energy.energy_j,
        "source": channel.source,
    }


def _positions(trace: Trace, kept: Trace) -> list[int]:
    """Return the indices of the readings that the check left out."""
    if len(kept) == len(trace):
        return []
    missing = ~np.isin(trace.t_ns, kept.t_ns)
    return [int(i) for i in np.flatnonzero(missing)]


def _record(run: RunEnergy, packed: Packed, entry: Entry) -> dict[str, str] | None:
    """Return path and text of the record of a run, which the manifest lists by its hash."""
    inside = _record_path(run, entry)
    path = f"{packed.path}/{inside}"
    if inside is None or path not in packed.listed:
        return None
    try:
        content = read_inside(packed.folder, path)
        text = content.decode()
    except (JoulemarkError, UnicodeDecodeError):
        return None
    return {"path": path, "text": text} if sha256(content) == packed.listed[path] else None


def _record_path(run: RunEnergy, entry: Entry) -> str | None:
    """Return the path of the record of a run inside its entry."""
    candidates = (RECORD, f"{run.run.id}/{RECORD}")
    return next((path for path in candidates if path in entry.digests), None)


def _emission_factors(result: Result) -> dict[str, Any] | None:
    """Return what, beside the energy, makes the CO2e of a result: PUE and grid."""
    budgets = factor_budgets(result, "location_based")
    if budgets is None:
        return None
    _, overhead, grid = budgets
    return {"mechanization": budget_document(overhead), "map": budget_document(grid)}


def budget_document(budget: Budget | None) -> dict[str, Any] | None:
    """Return a budget as plain data, its scatter between runs as a factor."""
    if budget is None or budget.value <= 0:
        return None
    budget = budget.logarithmic()
    scatter = budget.run_scatter
    document: dict[str, Any] = {
        "id": budget.id,
        "metered": [
            [
                item.correlation_key,
                item.energy,
                item.gain_mpe,
                item.offset_mpe_j,
                item.efficiency_limit,
            ]
            for item in budget.metered
        ],
        "components": [
            [item.name, item.up, item.down, item.base, item.correlation_key, item.dof, item.profile]
            for item in budget.components
        ],
        "factors": [
            [item.name, item.scale, item.correlation_key, item.floor] for item in budget.factors
        ],
        "scatter": None,
    }
    if scatter is not None:
        document["scatter"] = {
            "scale": scatter.scale,
            "dof": scatter.dof if np.isfinite(scatter.dof) else None,
            "source": scatter.source,
            "n": scatter.n,
            "mixture": None if scatter.mixture is None else asdict(scatter.mixture),
        }
    return document
