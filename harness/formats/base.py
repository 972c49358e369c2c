"""Define what an entry is, and the contract of a format that reads one.

An *entry* is one result of one system on one benchmark: its timed runs, each with the traces
recorded meanwhile. Scoring and audit work on entries and never on foreign files. A new format is
a module with one object ``FORMAT`` of a subclass of :class:`Format`; see
:mod:`harness.formats.registry` for where it is looked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.core.timestamps import from_iso
from harness.formats.evidence import Evidence
from harness.traces.trace import Trace, Window

Task = Literal["inference", "training"]
NATIVE = "joulemark"
"""Name and family of the harness's own format: run directories."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit.

    Attributes:
        value: The number, in ``unit``.
        unit: Its unit, as printed.
        name: Name of the quantity, such as ``throughput``.
    """

    value: float
    unit: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """The accuracy that a run reached.

    Attributes:
        metric: Name of the metric, as its benchmark calls it.
        value: The value reached, in the metric's own unit.
        target: The value to reach; ``None`` where no rules state one.
        others: Further metrics whose targets must be reached too.
        better: Which way is better, as the workload states it; where the rules of a benchmark
            state it, those count.
    """

    metric: str
    value: float
    target: float | None = None
    others: tuple[Quality, ...] = ()
    better: Literal["higher", "lower"] = "higher"

    @property
    def all(self) -> tuple[Quality, ...]:
        """This metric and the others."""
        return (self, *self.others)

    @property
    def misses_target(self) -> bool:
        """Whether the value is on the wrong side of the target, or is no number."""
        return not self.reaches(lower_is_better=self.better == "lower")

    def reaches(self, *, lower_is_better: bool) -> bool:
        """Tell whether the target is reached; true where there is none.

        Args:
            lower_is_better: Which way is better, by the rules of the benchmark.
        """
        if self.target is None:
            return True
        return self.value <= self.target if lower_is_better else self.value >= self.target

    def document(self) -> dict[str, Any]:
        """Return its fields as JSON has them; an empty ``others`` is left out."""
        fields: dict[str, Any] = {"metric": self.metric, "value": self.value, "target": self.target}
        if self.better == "lower":
            fields["better"] = self.better
        if self.others:
            fields["others"] = [quality.document() for quality in self.others]
        return fields


@dataclass(frozen=True, slots=True)
class Work:
    """How much work was done.

    Attributes:
        count: How many units were completed in the window.
        unit: What is counted.
    """

    count: float
    unit: Literal["sample", "query", "token", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """A part that nobody measured: its rated power is assumed for the whole window.

    Attributes:
        id: Name of the part.
        power_w: Rated (maximum) power of what the run used [W].
        boundary: What the power includes.
        idle_share: Lowest plausible share of the rated power (fraction).
        source: Where the rated power is stated.
    """

    id: str
    power_w: float
    boundary: str
    idle_share: float
    source: str


@dataclass(frozen=True, slots=True)
class Defect:
    """Something odd that a reader met and lived with.

    Attributes:
        code: Its kind: a :class:`harness.formats.defects.DefectCode`, or a code of another
            release that a run record states.
        where: The file or folder.
        got: What was read there.
        count: How often.
    """

    code: str
    where: str
    got: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One timed run and the traces recorded meanwhile.

    Attributes:
        id: Its name inside the entry.
        window: The timed part; ``None`` where the logs do not state it.
        traces: The readings of each channel.
        rated: Parts that were not measured.
        work: What was done in the window.
        performance: The benchmark's own performance metric.
        quality: The accuracy it reached.
        seconds: Length of the timed part by the workload's own clock [s].
        success: Whether it ended as its benchmark demands; ``None`` where it does not say.
        declared_energy_j: Energy that the submitter declares for this run [J].
        defects: What was odd about this run.
        evidence: What its files state beside the readings, by family of formats.
        sources: Files it was read from, relative to the entry.
        extra: Fields of its record that this release does not know; they are written again.
    """

    id: str
    window: Window | None
    traces: tuple[Trace, ...] = ()
    rated: tuple[Rated, ...] = ()
    work: Work | None = None
    performance: Quantity | None = None
    quality: Quality | None = None
    seconds: float | None = None
    success: bool | None = None
    declared_energy_j: float | None = None
    defects: tuple[Defect, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    sources: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outer(self) -> tuple[Trace, ...]:
        """The traces that are no part of another: their energies add up."""
        return tuple(trace for trace in self.traces if trace.channel.part_of is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One result of one system on one benchmark: the evidence that score and audit work on.

    Attributes:
        id: Its path inside the tree that was given.
        directory: Where it lies.
        format: Name of the reader that made it.
        round: The round it belongs to; empty if unknown.
        task: Inference or training.
        submitter: Who submitted it; empty if unknown.
        system: Name of the system.
        benchmark: Name of the benchmark.
        scenario: Scenario of the benchmark; empty if it has none.
        division: Division of the round, such as ``closed``.
        runs: The timed runs.
        ranging: The meter-ranging run of MLPerf inference power, as evidence only.
        system_description: The system description that was submitted.
        scaling_factor: Factor that normalises a training result to the reference convergence;
            ``None`` where none was given.
        simulated: Whether its readings come from a simulator.
        family: What it is evidence of, see :attr:`Format.family`.
        origin: The foreign format it was imported from; empty where it was not imported.
        defects: What was odd about it.
        digests: SHA-256 of the bytes of each file that it was read from, by path inside it; a
            manifest is compared with what was used, not with what lies there later.
    """

    id: str
    directory: Path
    format: str
    round: str
    task: Task
    submitter: str
    system: str
    benchmark: str
    scenario: str
    division: str = ""
    runs: tuple[Run, ...] = ()
    ranging: Run | None = None
    system_description: Mapping[str, Any] | None = None
    scaling_factor: float | None = None
    simulated: bool = False
    family: str = ""
    origin: str = ""
    defects: tuple[Defect, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_native(self) -> bool:
        """Whether the entry was read from run directories, not from foreign files."""
        return self.format == NATIVE


# --- The object `run` of a trace's header, which says what was run and when

Record = TypeVar("Record")


def fields_of(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the items of a JSON object that a dataclass has fields for; others are left out."""
    return {name: document[name] for name in kind.__slots__ if name in document}


def record_of(kind: Callable[..., Record], document: Mapping[str, Any] | None) -> Record | None:
    """Build a record from a JSON object, leaving out fields of later releases.

    Args:
        kind: The dataclass of the record.
        document: The object; ``None`` or an empty one for no record.
    """
    return kind(**fields_of(kind, document)) if document else None


def stated_names(stated: Mapping[str, Any], *, benchmark: str, system: str = "") -> dict[str, Any]:
    """Return the fields of an `Entry` that say what was run.

    Args:
        stated: The object.
        benchmark: Name of the benchmark where the object states none.
        system: Name of the system where the object states none.
    """
    return {
        "round": "",
        "task": "training" if stated.get("task") == "training" else "inference",
        "submitter": str(stated.get("submitter", "")),
        "system": str(stated.get("system", system)),
        "benchmark": str(stated.get("benchmark", benchmark)),
        "scenario": str(stated.get("scenario", "")),
    }


def stated_results(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Run` that say what came of it, as far as they are stated."""
    quality = {k: v for k, v in (stated.get("quality") or {}).items() if k != "others"}
    results = {
        "work": record_of(Work, stated.get("work")),
        "performance": record_of(Quantity, stated.get("performance")),
        "quality": record_of(Quality, quality),
        "success": stated.get("success"),
        "declared_energy_j": stated.get("declared_energy_j"),
    }
    return {name: value for name, value in results.items() if value is not None}


def stated_window(stated: Mapping[str, Any], first_ns: int, last_ns: int, where: str) -> Window:
    """Return the timed part; from the first or to the last reading where an end is not stated.

    Args:
        stated: The object.
        first_ns: Time of the first reading [ns, UTC].
        last_ns: Time of the last reading [ns, UTC].
        where: The file, for messages.
    """
    span = stated.get("window") or {}
    return Window(
        from_iso(span["start"], where=where) if "start" in span else first_ns,
        from_iso(span["stop"], where=where) if "stop" in span else last_ns,
    )


# --- The contract of a reader


class Format(ABC):
    """A reader of one format; its module holds one object of it, named ``FORMAT``.

    Attributes:
        name: Name of the format, for ``--format``.
        family: What its entries are evidence of, whichever way they came: rules and rulebooks
            go by it (``mlperf-inference``, ``mlperf-training``).
        priority: Readers that claim one folder are asked in ascending order.
        reads_files: Whether single files inside a tree are entries too.
        skip_is_final: Whether nothing is searched below a folder that it skips with a reason.
    """

    name: str
    family: str
    priority: int = 50
    skip_is_final: bool = False
    reads_files: bool = False

    @abstractmethod
    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether a folder, which holds ``names``, is one entry. Cheap; never raises."""

    def sniff_file(self, path: Path) -> bool:  # noqa: ARG002 - most formats are folders
        """Tell whether a single file is one entry. Cheap; never raises."""
        return False

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:  # noqa: ARG002
        """Say why a folder that looks like a result of this format is none; "" if it does not."""
        return ""

    def surroundings(self, directory: Path) -> tuple[Path, ...] | None:  # noqa: ARG002
        """Return what reading or judging an entry looks at outside of it.

        A cache compares their bytes: of a file all, of a folder the names in it and its smaller
        files, not those of folders below it. Paths that do not exist count too.

        Returns:
            Files and folders; ``None`` where it is not known, then the entry is not cached.
        """
        return None

    @abstractmethod
    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read the entry.

        Raises:
            UnreadableError: Nothing of it can be used.
        """
