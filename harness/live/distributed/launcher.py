"""Which of how many processes of one run this is, as its launcher says in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.core.errors import UsageError, shorten

LAUNCHERS = (
    ("torchrun", "RANK", "WORLD_SIZE"),
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ("Slurm", "SLURM_PROCID", "SLURM_NTASKS"),
    ("PMI", "PMI_RANK", "PMI_SIZE"),
)
"""Launchers with their variables; the innermost comes first, as it inherits the variables of the others."""
STEP = "SLURM_STEP_ID"
"""A batch script has SLURM_NTASKS of its whole job and is one process all the same; only srun sets this."""
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Rank:
    """number: of this process, from 0; of: how many there are"""

    number: int = 0
    of: int = 1


ALONE = Rank()


def rank(environment: Mapping[str, str]) -> Rank:
    """The rank that a launcher gave; `ALONE` where none did. Raises UsageError."""
    for launcher, number, size in LAUNCHERS:
        if number not in environment or size not in environment:
            continue
        if size == "SLURM_NTASKS" and STEP not in environment:
            continue
        found = Rank(_whole(environment, number), _whole(environment, size))
        if not found.number < found.of <= MOST:
            raise UsageError(
                f"the environment of {launcher} makes no sense",
                got=f"{number}={found.number}, {size}={found.of}",
                expected=f"a rank below its number of processes, of at most {MOST}",
                fix=f"Unset {number} and {size} to run on this machine alone.",
            )
        return found
    return ALONE


def _whole(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(
            "is not a whole number",
            where=f"variable {name}",
            got=shorten(repr(text)),
            expected="digits",
            fix=f"Unset {name} to run on this machine alone.",
        )
    return int(text)
