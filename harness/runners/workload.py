"""Workloads: folders that hold a `workload.yaml`, which names the runner for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.documents import read_document
from harness.core.errors import JoulemarkError
from harness.core.resources import resource
from harness.core.suggestions import unknown_name

SPEC = "workload.yaml"


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    Attributes:
        folder: Its folder.
        spec: Its workload.yaml.
    """

    folder: Path
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the workload, that of its folder."""
        return str(self.spec["name"])

    @property
    def runner(self) -> str | None:
        """Kind of runner; None where the workload cannot be run live."""
        runner = self.spec.get("runner")
        return str(runner["kind"]) if runner else None

    def scenario(self, name: str | None) -> Mapping[str, Any]:
        """Return the scenario of a name, in any case; the first one where the name is None.

        Raises:
            UsageError: There is no such scenario.
        """
        scenarios: list[Mapping[str, Any]] = self.spec["scenarios"]
        if name is None:
            return scenarios[0]
        for scenario in scenarios:
            if scenario["name"].lower() == name.lower():
                return scenario
        names = [str(scenario["name"]) for scenario in scenarios]
        raise unknown_name(f"{self.name} has no such scenario", name, names)

    def missing_packages(self) -> list[str]:
        """Return the packages it needs that are not installed."""
        from importlib.metadata import PackageNotFoundError, version

        missing = []
        for package in self.spec.get("runner", {}).get("needs", ()):
            try:
                version(package)
            except PackageNotFoundError:
                missing.append(str(package))
        return missing


def find_workloads(folder: Path | None = None) -> list[Workload]:
    """Return all workloads by name; a folder whose spec is broken is left out.

    Args:
        folder: Where to look; None for the workloads of this installation.
    """
    usable = []
    for path in sorted((folder or resource("workloads")).glob(f"*/{SPEC}")):
        try:
            usable.append(Workload(path.parent, read_document("workload", path)))
        except JoulemarkError:
            continue
    return usable


def find_workload(name: str) -> Workload:
    """Return the workload of a name, or of a folder.

    Raises:
        UsageError: There is no such workload.
        JoulemarkError: The spec in the folder is broken.
    """
    path = Path(name)
    if (path / SPEC).is_file():
        return Workload(path.resolve(), read_document("workload", path / SPEC))
    workloads = find_workloads()
    for item in workloads:
        if item.name == name:
            return item
    raise unknown_name(
        "no such workload",
        name,
        [item.name for item in workloads if item.runner],
        fix=f"A folder with a {SPEC} is a workload too; to measure a program of your own: "
        "joulemark run --command -- program arguments.",
    )
