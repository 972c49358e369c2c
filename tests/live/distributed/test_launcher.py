"""Ranks from the environments of launchers."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.live.distributed.launcher import SINGLE_RANK, ProcessRank, rank_from_environment
from harness.live.distributed.placement import place_ranks

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "GROUP_RANK": "1",
    "MASTER_ADDR": "a",
    "MASTER_PORT": "1",
}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "3",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
}
SRUN = {
    "SLURM_PROCID": "3",
    "SLURM_NTASKS": "8",
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_NODEID": "1",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_ID": "0",
}
PMI = {"PMI_RANK": "3", "PMI_SIZE": "8"}
BATCH = {
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "8",
    "SLURM_NODEID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_JOB_ID": "7",
}


@pytest.mark.parametrize(
    ("launched", "name", "job"),
    [
        (TORCHRUN, "RANK and WORLD_SIZE", ""),
        (
            TORCHRUN | {"TORCHELASTIC_RUN_ID": "none"},
            "torchrun",
            "MASTER_ADDR=a, MASTER_PORT=1",
        ),
        (OPEN_MPI | {"PMIX_NAMESPACE": "5"}, "Open MPI", "PMIX_NAMESPACE=5"),
        (
            {"MV2_COMM_WORLD_RANK": "3", "MV2_COMM_WORLD_SIZE": "8"},
            "MVAPICH",
            "",
        ),
        (SRUN | {"SLURM_JOB_ID": "7"}, "Slurm", "SLURM_JOB_ID=7, SLURM_STEP_ID=0"),
        (PMI, "PMI", ""),
        (
            {"FLUX_TASK_RANK": "3", "FLUX_JOB_SIZE": "8", "FLUX_JOB_ID": "f1"},
            "Flux",
            "FLUX_JOB_ID=f1",
        ),
    ],
    ids=["by hand", "torchrun", "Open MPI", "MVAPICH", "srun", "PMI", "Flux"],
)
def test_each_launcher_is_understood(launched: dict[str, str], name: str, job: str) -> None:
    rank = rank_from_environment(launched)
    assert rank == ProcessRank(3, 8)
    assert (rank.launcher, rank.job) == (name, job)


@pytest.mark.parametrize(
    ("launched", "name"),
    [(PMI, "PMI"), (OPEN_MPI, "Open MPI"), (TORCHRUN, "RANK and WORLD_SIZE")],
)
def test_a_launcher_inside_slurm_stands_above_it_and_the_job_of_slurm_is_kept(
    launched: dict[str, str], name: str
) -> None:
    proxy = {
        "SLURM_PROCID": "0",
        "SLURM_STEP_NUM_TASKS": "2",
        "SLURM_NTASKS": "2",
        "SLURM_STEP_ID": "4",
        "SLURM_JOB_ID": "7",
    }
    rank = rank_from_environment(proxy | launched)
    assert (rank, rank.launcher, rank.job) == (ProcessRank(3, 8), name, "SLURM_JOB_ID=7")


def test_a_pmi_plugin_of_slurm_states_the_same_ranks_twice() -> None:
    assert rank_from_environment(SRUN | PMI) == ProcessRank(3, 8)


def test_an_old_slurm_has_the_tasks_of_the_step_in_ntasks_alone() -> None:
    assert rank_from_environment(
        {name: value for name, value in SRUN.items() if name != "SLURM_STEP_NUM_TASKS"}
    ) == ProcessRank(3, 8)


@pytest.mark.parametrize(
    "launched", [{}, BATCH, {"RANK": "3"}, {"WORLD_SIZE": "2"}, {"SLURM_PROCID": "0"}]
)
def test_without_a_launcher_a_process_is_alone(launched: dict[str, str]) -> None:
    assert rank_from_environment(launched) == SINGLE_RANK


def test_a_batch_script_is_one_process_although_its_job_has_many_tasks() -> None:
    assert rank_from_environment(BATCH) == SINGLE_RANK
    assert rank_from_environment(BATCH | SRUN) == ProcessRank(3, 8)


def test_the_innermost_launcher_counts() -> None:
    outer = {"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_ID": "0"}
    assert rank_from_environment(outer | TORCHRUN) == ProcessRank(3, 8)
    assert rank_from_environment(outer | OPEN_MPI) == ProcessRank(3, 8)


@pytest.mark.parametrize(
    ("number", "of"), [("8", "8"), ("0", "0"), ("-1", "8"), ("x", "8"), ("", "8"), ("0", "9" * 12)]
)
def test_what_is_no_rank_is_refused_with_the_variable(number: str, of: str) -> None:
    with pytest.raises(UsageError, match=r"RANK|WORLD_SIZE") as caught:
        rank_from_environment({"RANK": number, "WORLD_SIZE": of})
    assert "to run on this machine alone" in caught.value.fix


def test_one_rank_of_each_machine_samples_it_however_ranks_are_spread() -> None:
    placements = place_ranks(["a", "b", "a", "b", "b"], "m", "host", 1)
    assert [(p.node, p.local_rank, p.local_world_size) for p in placements] == [
        (0, 0, 2),
        (1, 0, 3),
        (0, 1, 2),
        (1, 1, 3),
        (1, 2, 3),
    ]
    assert [p.samples for p in placements] == [True, True, False, False, False]
    environment = placements[3].environment(ProcessRank(3, 5))
    assert (
        environment["RANK"],
        environment["WORLD_SIZE"],
        environment["LOCAL_RANK"],
        environment["LOCAL_WORLD_SIZE"],
    ) == (
        "3",
        "5",
        "1",
        "3",
    )
    assert environment["TORCHELASTIC_USE_AGENT_STORE"] == "False"
