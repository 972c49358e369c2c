"""The contract of a format: sniff a folder, read it into an Entry. And what an Entry is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.formats.evidence import Evidence
from harness.traces.trace import Trace, Window

Task = Literal["inference", "training"]
NATIVE = "joulemark"
"""Name and family of the harness's own format: run directories."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit and the name of what it is."""

    value: float
    unit: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quality:
    """What accuracy was reached; target is None where no rulebook states one.

    others: further metrics whose targets must be reached too
    """

    metric: str
    value: float
    target: float | None = None
    others: tuple[Quality, ...] = ()

    @property
    def all(self) -> tuple[Quality, ...]:
        """This metric and the others."""
        return (self, *self.others)

    def document(self) -> dict[str, Any]:
        """Its fields, without what it does not have."""
        found: dict[str, Any] = {"metric": self.metric, "value": self.value, "target": self.target}
        return found | (
            {"others": [other.document() for other in self.others]} if self.others else {}
        )


@dataclass(frozen=True, slots=True)
class Work:
    """How much was done: count of sample, query, token or run."""

    count: float
    unit: Literal["sample", "query", "token", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """A part that nobody measured: its rated power, held to run through the whole window.

    power_w: rated (maximum) power provisioned to the run [W]; idle_share: lowest share of it that is plausible
    """

    id: str
    power_w: float
    boundary: str
    idle_share: float
    source: str


@dataclass(frozen=True, slots=True)
class Defect:
    """Something odd that reading met and lived with: what, where, how often."""

    code: str
    where: str
    got: str
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One timed run and the traces that speak of it.

    window: the timed part; None where the logs do not state it
    seconds: declared duration of the timed part [s], as its own clock counted it
    success: whether the run ended as its benchmark demands; None where it does not say
    declared_energy_j: energy the submitter declares for this run [J]
    evidence: what its files state beside the readings, by family of formats
    sources: files it was read from, relative to the entry
    extra: fields of its record that this release does not know; they are written again
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
        """The traces that are no part of another: their energies add."""
        return tuple(trace for trace in self.traces if trace.channel.part_of is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One result of one system on one benchmark: the evidence that score and audit work on.

    id: its path inside the tree that was given; directory: where it lies
    format: which reader made it; origin: the foreign format it was imported from, "" where it was not
    round: round it belongs to, "" where unknown
    scaling_factor: normalisation of a training result to the reference convergence; None where none was given
    ranging: the meter-ranging run of MLPerf inference power, evidence only
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

    @property
    def is_native(self) -> bool:
        """Whether the entry was read from run directories, not from foreign files."""
        return self.format == NATIVE


class Format(ABC):
    """A reader of one format; its module holds one object of it, named ``FORMAT``.

    Attributes:
        name: Name of the format, for ``--format``.
        family: What its entries are evidence of, whichever way they came: rules and rulebooks
            go by it (``mlperf-inference``, ``mlperf-training``).
        priority: Readers that claim one folder are asked in ascending order.
        skip_is_final: Whether nothing is searched below a folder that it skips with a reason.
    """

    name: str
    family: str
    priority: int = 50
    skip_is_final: bool = False

    @abstractmethod
    def sniff(self, directory: Path, names: frozenset[str]) -> bool:
        """Tell whether a folder, which holds ``names``, is one entry. Cheap; never raises."""

    def sniff_file(self, path: Path) -> bool:  # noqa: ARG002 - most formats are folders
        """Tell whether a single file is one entry. Cheap; never raises."""
        return False

    def reason_to_skip(self, directory: Path, names: frozenset[str]) -> str:  # noqa: ARG002
        """Say why a folder that looks like a result of this format is none; "" if it does not."""
        return ""

    @abstractmethod
    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read the entry.

        Raises:
            UnreadableError: Nothing of it can be used.
        """
