"""What a disclosure states, and the evidence behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.core.errors import JoulemarkError
from harness.core.files import read_inside, sha256
from harness.core.timestamps import to_iso
from harness.formats.base import Entry, Run
from harness.scoring.result import Result
from harness.traces.trace import Window
from harness.uncertainty.estimate import Estimate

Status = Literal["measured", "estimated", "declared", "simulated", "computed", "unknown"]
Facts = Mapping[str, Any]
"""What the publisher states beside the results: a document of the schema `disclosure-facts`."""

JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One line of a disclosure.

    Attributes:
        name: What is stated, in the words of the standard.
        clause: Where the standard asks for it.
        status: How the value is known.
        value: A number in `unit`, words, or None where it is unknown.
        unit: Unit of value, low and high, "" where there is none.
        low: Low end of the interval; None where there is none.
        high: High end of the interval; None where there is none.
        level: Coverage probability of the interval, 0 to 1; None where there is none.
        note: What a reader must know beside the value.
    """

    name: str
    clause: str
    status: Status
    value: float | str | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    note: str = ""


def unknown(name: str, clause: str, note: str, unit: str = "") -> Statement:
    """Return the statement that something is not known, and what would make it known."""
    return Statement(name=name, clause=clause, status="unknown", unit=unit, note=note)


def energy_status(result: Result) -> Status:
    """Return how the energy of a result is known; in part estimated counts as estimated."""
    if result.entry.simulated:
        return "simulated"
    if result.measurement_class == "declared":
        return "declared"
    if result.measurement_class == "modelled" or result.estimated_share > 0:
        return "estimated"
    return "measured"


def in_kwh(name: str, clause: str, energy: Estimate, result: Result, note: str = "") -> Statement:
    """State an energy [J] in kilowatt-hours, with its interval."""
    if energy.value is None:
        return unknown(name, clause, energy.note or "no energy could be computed", "kWh")
    has_interval = energy.low is not None and energy.high is not None
    return Statement(
        name=name,
        clause=clause,
        status=energy_status(result),
        value=energy.value / JOULES_PER_KWH,
        unit="kWh",
        low=None if energy.low is None else energy.low / JOULES_PER_KWH,
        high=None if energy.high is None else energy.high / JOULES_PER_KWH,
        level=energy.level if has_interval else None,
        note="; ".join(filter(None, (note, energy.note))),
    )


def estimated_part(clause: str, result: Result) -> Iterator[Statement]:
    """State the part of the energy that was not measured, where there is one."""
    energy_j = result.energy.value
    if energy_j is None or not 0 < result.estimated_share < 1:
        return
    yield Statement(
        name="of which estimated, from rated power or unmeasured nodes",
        clause=clause,
        status="estimated",
        value=result.estimated_share * energy_j / JOULES_PER_KWH,
        unit="kWh",
    )


def recorded_total(name: str, clause: str, result: Result) -> Statement:
    """State the energy of all recorded runs together."""
    energies = [run.energy_j for run in result.runs]
    numbers = [energy for energy in energies if energy is not None]
    if not numbers or len(numbers) < len(energies):
        note = f"{len(numbers)} of {len(energies)} runs have an energy"
        return unknown(name, clause, note, "kWh")
    return Statement(
        name=name,
        clause=clause,
        status=energy_status(result),
        value=sum(numbers) / JOULES_PER_KWH,
        unit="kWh",
        note=f"{len(numbers)} runs",
    )


def evidence(result: Result) -> list[dict[str, Any]]:
    """Return the runs behind a result: window, energy, meters, files and their SHA-256."""
    return [
        {
            "run": item.run.id,
            "window": _window(item.run.window),
            "energy_j": item.energy_j,
            "estimated_j": item.estimated_j,
            "channels": [
                {"id": trace.channel.id, "meter": trace.channel.meter, "kind": trace.channel.kind}
                for trace in item.run.outer
            ],
            "files": [
                {"path": path, "sha256": _digest(result.entry, path)}
                for path in _files(result.entry, item.run)
            ],
        }
        for item in result.runs
    ]


def _files(entry: Entry, run: Run) -> tuple[str, ...]:
    """Return the files of a run; a run directory names them by its own folder."""
    if run.sources:
        return run.sources
    return tuple(sorted(path for path in entry.digests if path.startswith(f"{run.id}/")))


def _digest(entry: Entry, path: str) -> str | None:
    """Return the SHA-256 of a file: as it was read, else as it lies there now."""
    if path in entry.digests:
        return entry.digests[path]
    try:
        return sha256(read_inside(entry.directory, path))
    except JoulemarkError:
        return None


def _window(window: Window | None) -> dict[str, str] | None:
    if window is None:
        return None
    return {"start": to_iso(window.start_ns), "stop": to_iso(window.stop_ns)}


def entry_document(result: Result, verdict: str, statements: list[Statement]) -> dict[str, Any]:
    """Make the object of one entry in a disclosure."""
    entry = result.entry
    return {
        "id": entry.id,
        "submitter": entry.submitter,
        "system": entry.system,
        "benchmark": entry.benchmark,
        "scenario": entry.scenario,
        "task": entry.task,
        "measurement_class": result.measurement_class,
        "boundary": result.boundary,
        "verdict": verdict,
        "statements": [asdict(statement) for statement in statements],
        "evidence": evidence(result),
        "notes": list(result.notes),
    }
