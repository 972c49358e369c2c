"""Which process of a distributed run this is, as its launcher states in the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.core.errors import UsageError, shorten


class Launcher(NamedTuple):
    """How one launcher states rank and number of ranks.

    Attributes:
        name: Its name, for messages and records.
        rank: Variable with the number of the process.
        world_size: Variable with the number of processes.
        condition: Variable without which the two mean something else; "" for none.
        job: Variables that together name the job; empty where the launcher has no name for it.
    """

    name: str
    rank: str
    world_size: str
    condition: str = ""
    job: tuple[str, ...] = ()


SLURM_STEP = "SLURM_STEP_ID"
"""Set by ``srun`` only. A batch script has SLURM_NTASKS of its whole job, yet it is one process."""
TORCHRUN_JOB = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")
OPEN_MPI = ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE")
SLURM_JOB = ("SLURM_JOB_ID", SLURM_STEP)
LAUNCHERS = (
    Launcher("torchrun", "RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID", TORCHRUN_JOB),
    Launcher("Open MPI", *OPEN_MPI, job=("PMIX_NAMESPACE",)),
    Launcher("Open MPI", *OPEN_MPI, job=("OMPI_MCA_ess_base_jobid",)),
    Launcher("MVAPICH", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    Launcher("PMI", "PMI_RANK", "PMI_SIZE", job=("PMI_JOBID",)),
    Launcher("Flux", "FLUX_TASK_RANK", "FLUX_JOB_SIZE", job=("FLUX_JOB_ID",)),
    Launcher("Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", SLURM_STEP, SLURM_JOB),
    Launcher("Slurm", "SLURM_PROCID", "SLURM_NTASKS", SLURM_STEP, SLURM_JOB),
)
"""Launchers in the order of precedence, the innermost first: it inherits the outer one's variables.

mpiexec of MPICH (Hydra) starts its proxies through srun, one on each machine, and every rank
inherits the variables of its proxy: PMI stands above Slurm. Slurm's own PMI plugins state the same
numbers twice.
"""
BY_HAND = Launcher("RANK and WORLD_SIZE", "RANK", "WORLD_SIZE")
"""The variables of torchrun, set by hand or by an operator; they stand above every launcher."""
ENCLOSING_JOBS = (("SLURM_JOB_ID",), ("FLUX_JOB_ID",), ("PBS_JOBID",), ("LSB_JOBID",))
"""Names of the batch job in which a launcher may run."""
NO_NAME = frozenset({"", "none"})
"""torchrun calls a job so that nobody named."""
MAX_WORLD_SIZE = 1_000_000


@dataclass(frozen=True, slots=True)
class ProcessRank:
    """One process among those of a distributed run.

    Attributes:
        rank: Number of this process, from 0.
        world_size: Number of processes in the run.
        launcher: Name of the launcher that said so; "" for none.
        job: Name of the job, as the launcher and the batch system state it; "" where none does.
    """

    rank: int = 0
    world_size: int = 1
    launcher: str = field(default="", compare=False)
    job: str = field(default="", compare=False)


SINGLE_RANK = ProcessRank()


def rank_from_environment(environment: Mapping[str, str]) -> ProcessRank:
    """Return the rank that a launcher assigned, or `SINGLE_RANK` where none did.

    Raises:
        UsageError: The variables of a launcher contradict each other.
    """
    for launcher in (LAUNCHERS[0], BY_HAND, *LAUNCHERS[1:]):
        if launcher.rank not in environment or launcher.world_size not in environment:
            continue
        if launcher.condition and launcher.condition not in environment:
            continue
        rank = _whole_number(environment, launcher.rank)
        world_size = _whole_number(environment, launcher.world_size)
        if not rank < world_size <= MAX_WORLD_SIZE:
            raise UsageError(
                f"the environment of {launcher.name} is contradictory",
                got=f"{launcher.rank}={rank}, {launcher.world_size}={world_size}",
                expected=f"a rank below its number of processes, of at most {MAX_WORLD_SIZE}",
                fix=f"Unset {launcher.rank} and {launcher.world_size}"
                " to run on this machine alone.",
            )
        job = ", ".join(_job_names(environment, launcher))
        return ProcessRank(rank, world_size, launcher.name, job)
    return SINGLE_RANK


def _job_names(environment: Mapping[str, str], launcher: Launcher) -> Iterator[str]:
    """Yield what names the job, as `VARIABLE=value`: the batch job, then the launcher's own id."""
    batch_jobs = [names for names in ENCLOSING_JOBS if names[0] not in launcher.job]
    same_launcher = [item.job for item in LAUNCHERS if item.name == launcher.name]
    for names in dict.fromkeys([*batch_jobs, *same_launcher]):
        for name in names:
            value = environment.get(name, "")
            if value not in NO_NAME:
                yield f"{name}={shorten(value)}"


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
