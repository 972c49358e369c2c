"""Results without their readings: small enough to travel, to be kept by the thousand, and stored.

A record holds what tables, documents and rankings need of a result. Of a trace it keeps the channel
and the hash of its readings, so a table sees which results share a measurement. An outline, which
is compared with other entries, keeps the readings too.

The encoded form is MessagePack, read with the types of the fields: numbers keep all their bits,
infinite ones too, and decoding runs no code.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from harness.carbon.co2e import Co2e
from harness.core.errors import SchemaError
from harness.energy.components import ChannelReadings
from harness.energy.conversion import Conversion
from harness.energy.reading_checks import CheckedReadings
from harness.energy.run import RunEnergy
from harness.formats.base import Defect, Entry, Quality, Quantity, Run, Task, Work
from harness.scoring.endpoint.provision import Provision
from harness.scoring.result import Result
from harness.scoring.run_scatter import ScatterSummary
from harness.scoring.training_steps import Training
from harness.traces.channel import Channel
from harness.traces.trace import Trace, Window
from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import BudgetRow
from harness.uncertainty.estimate import Estimate


def _alike(kind: type[Any], source: object, *but: str) -> dict[str, Any]:
    """Return the fields that a record and what it records have alike.

    Args:
        kind: Class of the record.
        source: The record, or what it records.
        but: Fields of the record that stand in another form.
    """
    return {
        field.name: getattr(source, field.name) for field in fields(kind) if field.name not in but
    }


@dataclass(frozen=True, slots=True)
class TraceRecord:
    """A trace: its channel, and the hash of its readings.

    Attributes:
        header: The channel, as the header of a trace states it.
        content_sha256: SHA-256 of all readings.
        t_ns: Times [ns UTC] as little-endian int64; empty where the readings are left out.
        value: Readings as little-endian float64, likewise.
    """

    header: dict[str, Any]
    content_sha256: str
    t_ns: bytes = b""
    value: bytes = b""

    @staticmethod
    def build(trace: Trace, *, with_readings: bool) -> TraceRecord:
        """Return the record of a trace."""
        header, digest = trace.channel.header(), trace.content_sha256
        if not with_readings:
            return TraceRecord(header, digest)
        t_ns, value = trace.t_ns.astype("<i8").tobytes(), trace.value.astype("<f8").tobytes()
        return TraceRecord(header, digest, t_ns, value)

    def trace(self) -> Trace:
        """Return the trace; without readings it has the hash of those that were left out."""
        channel = Channel.from_header(self.header)
        t_ns = np.frombuffer(self.t_ns, "<i8").astype(np.int64)
        value = np.frombuffer(self.value, "<f8").astype(np.float64)
        trace = Trace(channel, t_ns, value)
        trace.__dict__["content_sha256"] = self.content_sha256  # cached, as if it were computed
        return trace


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run without what its logs state; attributes as in `Run`."""

    id: str
    window: Window | None
    traces: tuple[TraceRecord, ...]
    work: Work | None = None
    performance: Quantity | None = None
    quality: Quality | None = None
    seconds: float | None = None
    success: bool | None = None
    declared_energy_j: float | None = None
    sources: tuple[str, ...] = ()

    @staticmethod
    def build(run: Run, *, with_readings: bool) -> RunRecord:
        """Return the record of a run."""
        traces = tuple(TraceRecord.build(t, with_readings=with_readings) for t in run.outer)
        return RunRecord(traces=traces, **_alike(RunRecord, run, "traces"))

    def run(self) -> Run:
        """Return the run."""
        traces = tuple(record.trace() for record in self.traces)
        return Run(traces=traces, **_alike(RunRecord, self, "traces"))


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """An entry with the records of its runs; attributes as in `Entry`."""

    id: str
    directory: str
    format: str
    round: str
    task: Task
    submitter: str
    system: str
    benchmark: str
    scenario: str
    division: str
    runs: tuple[RunRecord, ...]
    system_description: dict[str, Any] | None
    scaling_factor: float | None
    simulated: bool
    family: str
    origin: str
    defects: tuple[Defect, ...]
    digests: dict[str, str]

    @staticmethod
    def build(entry: Entry, *, with_readings: bool = False) -> EntryRecord:
        """Return the record of an entry.

        Args:
            entry: The entry.
            with_readings: Whether its traces keep their readings.
        """
        description = entry.system_description
        return EntryRecord(
            directory=str(entry.directory),
            runs=tuple(RunRecord.build(run, with_readings=with_readings) for run in entry.runs),
            system_description=None if description is None else dict(description),
            digests=dict(entry.digests),
            **_alike(EntryRecord, entry, "directory", "runs", "system_description", "digests"),
        )

    def entry(self) -> Entry:
        """Return the entry."""
        return Entry(
            directory=Path(self.directory),
            runs=tuple(record.run() for record in self.runs),
            **_alike(EntryRecord, self, "directory", "runs"),
        )


@dataclass(frozen=True, slots=True)
class RunEnergyRecord:
    """The energy of a run; attributes as in `RunEnergy`.

    Attributes:
        run: Place of the run in its entry, from 0.
        conversions: What turned the readings of each summed channel into energy.
    """

    run: int
    conversions: tuple[Conversion, ...]
    energy_j: float | None
    estimated_j: float
    coverage: float
    gap_share: float
    largest_gap_s: float
    filled_j: float
    nodes: tuple[int, int]
    channels_j: dict[str, float]

    @staticmethod
    def build(energy: RunEnergy, place: int) -> RunEnergyRecord:
        """Return the record of an energy."""
        return RunEnergyRecord(
            run=place,
            conversions=tuple(item.conversion for item in energy.readings),
            channels_j=dict(energy.channels_j),
            **_alike(RunEnergyRecord, energy, "run", "conversions", "channels_j"),
        )

    def energy(self, entry: Entry) -> RunEnergy:
        """Return the energy of a run of an entry."""
        run = entry.runs[self.run]
        readings = tuple(
            ChannelReadings(trace, None, CheckedReadings(trace), conversion)
            for trace, conversion in zip(run.outer, self.conversions, strict=True)
        )
        return RunEnergy(
            run=run, readings=readings, **_alike(RunEnergyRecord, self, "run", "conversions")
        )


@dataclass(frozen=True, slots=True)
class ResultRecord:
    """A result without readings; attributes as in `Result`."""

    entry: EntryRecord
    measurement_class: str
    measurand: str
    n_runs: int
    distinct_runs: int
    runs: tuple[RunEnergyRecord, ...]
    energy: Estimate
    mean_power: Estimate
    energy_per_unit: Estimate
    units_per_joule: float | None
    performance: Quantity | None
    quality: Quality | None
    coverage: float
    estimated_share: float
    compat: dict[str, Any]
    notes: tuple[str, ...]
    budget: Budget | None
    per_unit_budget: Budget | None
    rows: tuple[BudgetRow, ...]
    per_correct: Estimate | None
    per_correct_budget: Budget | None
    scatter: ScatterSummary | None
    training: Training | None
    provision: Provision | None

    @staticmethod
    def build(result: Result) -> ResultRecord:
        """Return the record of a result."""
        places = {id(run): place for place, run in enumerate(result.entry.runs)}
        runs = [RunEnergyRecord.build(item, places[id(item.run)]) for item in result.runs]
        return ResultRecord(
            entry=EntryRecord.build(result.entry),
            runs=tuple(runs),
            compat=dict(result.compat),
            **_alike(ResultRecord, result, "entry", "runs", "compat"),
        )

    def result(self, co2e: Co2e | None = None) -> Result:
        """Return the result.

        Args:
            co2e: Its emissions, which a record does not hold: they depend on a grid.
        """
        entry = self.entry.entry()
        return Result(
            entry=entry,
            runs=tuple(record.energy(entry) for record in self.runs),
            compat=self.compat,
            co2e=co2e,
            **_alike(ResultRecord, self, "entry", "runs", "compat"),
        )


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(type(value).__name__)


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)


def encode(record: Any) -> bytes:
    """Return the encoded form of a record."""
    return _encoder.encode(record)


def decode(content: bytes, kind: type[Any]) -> Any:
    """Return the record that `encode` wrote.

    Args:
        content: The encoded form, from anyone.
        kind: Class of the record.

    Raises:
        SchemaError: It is not the encoded form of such a record.
    """
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SchemaError("is no record of a result", got=str(error)) from None
