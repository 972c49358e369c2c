"""Workloads: the folders below `workloads/` that have a `workload.yaml`, and the runner that each asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError
from harness.core.resources import resource
from harness.core.schemas import read_document
from harness.core.suggestions import unknown_name

SPEC = "workload.yaml"


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload. spec: its workload.yaml"""

    folder: Path
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, that of its folder."""
        return str(self.spec["name"])

    @property
    def runner(self) -> str | None:
        """Kind of the runner that does it; None where it cannot be run live."""
        found = self.spec.get("runner")
        return str(found["kind"]) if found else None

    def scenario(self, name: str | None) -> Mapping[str, Any]:
        """The scenario of that name, whatever its case; the first one by default. Raises UsageError."""
        scenarios: list[Mapping[str, Any]] = self.spec["scenarios"]
        if name is None:
            return scenarios[0]
        found = [scenario for scenario in scenarios if scenario["name"].lower() == name.lower()]
        if not found:
            names = [str(scenario["name"]) for scenario in scenarios]
            raise unknown_name(f"{self.name} has no such scenario", name, names)
        return found[0]

    def missing(self) -> list[str]:
        """Packages it needs that are not installed."""
        from importlib.metadata import PackageNotFoundError, version

        absent = []
        for package in self.spec.get("runner", {}).get("needs", ()):
            try:
                version(package)
            except PackageNotFoundError:
                absent.append(str(package))
        return absent


def workloads(folder: Path | None = None) -> list[Workload]:
    """All workloads of this installation, by name; a folder whose spec is broken is passed over."""
    found = []
    for path in sorted((folder or resource("workloads")).glob(f"*/{SPEC}")):
        try:
            found.append(Workload(path.parent, read_document("workload", path)))
        except JoulemarkError:
            continue
    return found


def workload(name: str) -> Workload:
    """The workload of a name, or of a folder. Raises JoulemarkError."""
    path = Path(name)
    if (path / SPEC).is_file():
        return Workload(path.resolve(), read_document("workload", path / SPEC))
    found = [item for item in workloads() if item.name == name]
    if not found:
        raise unknown_name(
            "no such workload",
            name,
            [item.name for item in workloads() if item.runner],
            fix=f"A folder with a {SPEC} is a workload too; to measure a program of your own: "
            "joulemark run --command -- program arguments.",
        )
    return found[0]
