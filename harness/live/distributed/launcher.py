"""Which process of a distributed run this is, as its launcher states in the environment."""

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
"""Launchers and their two variables, innermost first: it inherits the variables of the others."""
SLURM_STEP = "SLURM_STEP_ID"
"""Set by ``srun`` only. A batch script has SLURM_NTASKS of its whole job, yet it is one process."""
MAX_WORLD_SIZE = 1_000_000


@dataclass(frozen=True, slots=True)
class ProcessRank:
    """One process among those of a distributed run.

    Attributes:
        rank: Number of this process, from 0.
        world_size: Number of processes in the run.
    """

    rank: int = 0
    world_size: int = 1


SINGLE_RANK = ProcessRank()


def rank_from_environment(environment: Mapping[str, str]) -> ProcessRank:
    """Return the rank that a launcher assigned, or `SINGLE_RANK` where none did.

    Raises:
        UsageError: The variables of a launcher contradict each other.
    """
    for launcher, rank_name, size_name in LAUNCHERS:
        if rank_name not in environment or size_name not in environment:
            continue
        if size_name == "SLURM_NTASKS" and SLURM_STEP not in environment:
            continue
        rank = _whole_number(environment, rank_name)
        world_size = _whole_number(environment, size_name)
        if not rank < world_size <= MAX_WORLD_SIZE:
            raise UsageError(
                f"the environment of {launcher} is contradictory",
                got=f"{rank_name}={rank}, {size_name}={world_size}",
                expected=f"a rank below its number of processes, of at most {MAX_WORLD_SIZE}",
                fix=f"Unset {rank_name} and {size_name} to run on this machine alone.",
            )
        return ProcessRank(rank, world_size)
    return SINGLE_RANK


def _whole_number(environment: Mapping[str, str], name: str) -> int:
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
