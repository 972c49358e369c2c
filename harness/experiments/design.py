"""The design of an experiment, as it was registered before the runs.

A design is an `experiment.yaml` in a folder of `workloads/`: the target, the seeds, which
workloads are compared, and which further configurations draw the frontier. It names the table of
the trials that chose the configurations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.documents import read_document
from harness.core.errors import UsageError
from harness.core.resources import resource
from harness.core.suggestions import unknown_name
from harness.runners.workload import Workload, find_workload

DESIGN = "experiment.yaml"


@dataclass(frozen=True, slots=True)
class Side:
    """One way to reach the target.

    Attributes:
        name: Name of the side, like dense.
        label: What it is, for a reader.
        workload: The workload that is run.
        settings: Settings that differ from those of the workload.
    """

    name: str
    label: str
    workload: Workload
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Design:
    """An experiment as it was registered.

    Attributes:
        path: File of the design.
        document: Its content.
        sides: The ways to reach the target; the first is what the others are compared with.
        control: Two further sides whose ratio is expected near 1, or none.
        frontier: Further configurations, one run each.
    """

    path: Path
    document: Mapping[str, Any]
    sides: Sequence[Side]
    control: Sequence[Side]
    frontier: Sequence[Side]

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return str(self.document["name"])

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs of each side, in their order."""
        return list(self.document["seeds"])

    @property
    def least_ratio(self) -> float:
        """Ratio that is claimed only if the lower end of its interval reaches it."""
        return float(self.document["least_ratio"])

    @property
    def control_limits(self) -> tuple[float, float] | None:
        """Ratios of the control that count as near 1; None where none were registered."""
        limits = self.document.get("control_limits")
        return None if limits is None else (float(limits["low"]), float(limits["high"]))


def find_design(name: str) -> Design:
    """Return the design of a name, or of a file.

    Raises:
        UsageError: There is none, or it contradicts the workloads that it names.
        JoulemarkError: The file is broken.
    """
    path = Path(name)
    if path.is_file():
        return read_design(path)
    paths = sorted(resource("workloads").glob(f"*/{DESIGN}"))
    designs = {str(read_document("experiment-design", path)["name"]): path for path in paths}
    if name in designs:
        return read_design(designs[name])
    raise unknown_name(
        "no such experiment", name, list(designs), fix="A file with a design is one too."
    )


def read_design(path: Path) -> Design:
    """Read a design, and check it against the workloads that it names.

    Raises:
        UsageError: Two sides share a name, or a workload has another target than the experiment.
        JoulemarkError: The file, or that of a workload, is broken.
    """
    document = read_document("experiment-design", path)
    sides = [_side(path, item) for item in document["sides"]]
    control = [_side(path, item) for item in document.get("control", [])]
    _check_names(path, [side.name for side in [*sides, *control]])
    for side in sides:
        _check_target(path, document["quality"], side.workload)
    frontier = []
    for item in document.get("frontier", []):
        base = next((side for side in sides if side.name == item["side"]), None)
        if base is None:
            raise UsageError(
                "the frontier names no side of the experiment",
                where=str(path),
                got=item["side"],
                expected=", ".join(side.name for side in sides),
            )
        settings = dict(base.settings) | item["settings"]
        frontier.append(Side(base.name, item["label"], base.workload, settings))
    return Design(path, document, sides, control, frontier)


def _side(path: Path, item: Mapping[str, Any]) -> Side:
    name = str(item["workload"])
    folder = path.parent / name
    workload = find_workload(str(folder) if "/" in name else name)
    return Side(item["name"], item["label"], workload, item.get("settings", {}))


def _check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse a design in which a name means two sides."""
    shared = sorted({name for name in names if names.count(name) > 1})
    if shared:
        raise UsageError(
            "two sides share a name",
            where=str(path),
            got=", ".join(shared),
            expected="a name for each side, also of the control",
        )


def _check_target(path: Path, quality: Mapping[str, Any], workload: Workload) -> None:
    """Refuse a design whose target is not the one that the workload registers."""
    registered = workload.spec["quality"]
    if registered != quality:
        raise UsageError(
            f"the target is not that of the workload {workload.name}",
            where=str(path),
            got=_target_text(quality),
            expected=_target_text(registered) if registered else "none",
            fix="All sides of an experiment reach one target.",
        )


def _target_text(quality: Mapping[str, Any]) -> str:
    return f"{quality['metric']} {quality['target']:g}, {quality['better']} is better"
