"""Which job a rank belongs to: ranks of two jobs never make one run.

A shared folder or a port can bring ranks of different jobs together. Before the start all ranks
compare what they were started for; rank 0 turns away a rank that differs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from harness.core.errors import shorten

TOKEN_VARIABLE = "JOULEMARK_JOB_TOKEN"
"""Variable with random text that all ranks of a job share. It is never sent."""
REMEDIES = {
    "job": "Start all ranks by one launcher, or name another --meet or --out.",
    "command": "Start the same command on every rank; what differs belongs into variables of the"
    " environment.",
}
DEFAULT_REMEDY = "Give all ranks the same options."


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """What all ranks of one run have in common.

    Attributes:
        launcher: Name of the launcher.
        job: Ids of the job and its step, as launcher and batch system state them; "" for none.
        world_size: Number of ranks.
        benchmark: Benchmark and scenario.
        command: Hash of the workload's files, or of the command line.
        settings: Settings of the workload.
        seeds: Number of runs and their seeds.
        run: Number of the run.
        version: Version of joulemark.
    """

    launcher: str
    job: str
    world_size: int
    benchmark: str
    command: str
    settings: str
    seeds: str
    run: int
    version: str

    def document(self) -> dict[str, Any]:
        """Return the fields as they are sent."""
        return asdict(self)

    def difference(self, stated: Mapping[str, Any]) -> str:
        """Return the first difference to what another rank states, with its remedy; "" for none."""
        for name, expected, got in self._differences(stated):
            remedy = REMEDIES.get(name, DEFAULT_REMEDY)
            return (
                f"it belongs to another job: {name} {shorten(got) or 'none'},"
                f" expected {shorten(expected) or 'none'}. {remedy}"
            )
        return ""

    def _differences(self, stated: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        for item in fields(self):
            expected, got = getattr(self, item.name), stated.get(item.name)
            if got != expected:
                yield item.name, expected, got


ANY_JOB = JobIdentity("", "", 0, "", "", "", "", 0, "")
"""Identity of ranks that state nothing of their job."""


def job_token() -> str:
    """Return the secret of the job that the user set, or ""."""
    return os.environ.get(TOKEN_VARIABLE, "")
