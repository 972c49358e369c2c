"""Ranks under real launchers: mpirun of Open MPI and of MPICH, torchrun, and a stand-in of srun."""

from __future__ import annotations

import ast
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness import api
from tests.live.distributed.machines import HERE, REPOSITORY, environment

ASK = (
    "import os\n"
    "from harness.live.distributed.launcher import rank_from_environment\n"
    "r = rank_from_environment(os.environ)\n"
    "os.write(1, f'{(r.rank, r.world_size, r.launcher, r.job)}\\n'.encode())\n"
)
SLURM_PROXY = {
    "SLURM_JOB_ID": "7",
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "0",
    "SLURM_NTASKS": "1",
    "SLURM_STEP_NUM_TASKS": "1",
}
"""What a rank of MPICH inherits of the proxy that srun started on its machine."""
OPEN_MPI = ("mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-n")
HYDRA = ("mpiexec.hydra", "-launcher", "fork", "-rmk", "user", "-n")
SRUN = ("bash", str(HERE / "srun_stand_in.sh"))
MPI_PROGRAM = """
import ctypes, sys
mpich = sys.argv[1] == "mpich"
lib = ctypes.CDLL("libmpich.so.12" if mpich else "libmpi.so.40", mode=ctypes.RTLD_GLOBAL)
lib.MPI_Init(None, None)
world = 0x44000000 if mpich else ctypes.byref(ctypes.c_char.in_dll(lib, "ompi_mpi_comm_world"))
rank, size = ctypes.c_int(), ctypes.c_int()
lib.MPI_Comm_rank(world, ctypes.byref(rank))
lib.MPI_Comm_size(world, ctypes.byref(size))
print(f"rank {rank.value} of {size.value}", flush=True)
lib.MPI_Finalize()
"""
"""A program that starts MPI by itself, as a workload does."""
PACKAGES = {"mpirun.openmpi": "openmpi-bin", "mpiexec.hydra": "mpich"}


def require(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is absent: apt-get install {PACKAGES.get(program, program)}")


def started(
    launcher: Sequence[str], count: int, command: Sequence[str], env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    require(launcher[0])
    mpi = {"OMPI_MCA_btl_base_warn_component_unused": "0", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    return subprocess.run(
        [*launcher, str(count), *command],
        env={**env, **mpi},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ranks(text: str) -> list[tuple]:
    return sorted(ast.literal_eval(line) for line in text.splitlines() if line.startswith("("))


@pytest.mark.parametrize(
    ("launcher", "name", "inherited"),
    [
        (OPEN_MPI, "Open MPI", {}),
        (OPEN_MPI, "Open MPI", SLURM_PROXY),
        (HYDRA, "PMI", {}),
        (HYDRA, "PMI", SLURM_PROXY),
        (SRUN, "Slurm", {}),
    ],
    ids=["openmpi", "openmpi-in-slurm", "mpich", "mpich-in-slurm", "srun"],
)
def test_a_launcher_numbers_its_ranks(
    launcher: tuple[str, ...], name: str, inherited: Mapping[str, str], tmp_path: Path
) -> None:
    env = environment(tmp_path, 0) | inherited
    if launcher == OPEN_MPI and inherited:  # no daemons of Slurm are here to start its ranks
        env |= {"OMPI_MCA_plm": "isolated", "OMPI_MCA_ras": "^slurm"}
    result = started(launcher, 3, [sys.executable, "-c", ASK], env)
    assert result.returncode == 0, result.stderr
    found = ranks(result.stdout)
    assert [item[:3] for item in found] == [(number, 3, name) for number in range(3)]
    jobs = {item[3] for item in found}
    assert len(jobs) == 1
    if inherited:
        assert "SLURM_JOB_ID=7" in jobs.pop()


@pytest.mark.parametrize(
    ("launcher", "mpi", "inherited"),
    [
        (HYDRA, "mpich", SLURM_PROXY),
        pytest.param(OPEN_MPI, "openmpi", {}, marks=pytest.mark.long),
    ],
    ids=["mpich-in-slurm", "openmpi"],
)
def test_a_launched_mpi_program_is_one_complete_run_of_all_its_ranks(
    launcher: tuple[str, ...], mpi: str, inherited: Mapping[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "runs"
    options = ["--meter", "estimator", "--interval", "0.02", "--idle", "0.2", "--out", str(out)]
    work = ["--name", "work", "--command", "--", sys.executable, "-c", MPI_PROGRAM, mpi]
    command = [sys.executable, str(HERE / "as_machine.py"), "run", *options, *work]
    result = started(launcher, 2, command, environment(tmp_path, 0) | inherited)
    (entry,) = api.read(out).entries
    (run,) = entry.runs
    assert not [d for d in entry.defects if d.code == "run-incomplete"], result.stderr
    stated = run.evidence.recording.ranks
    assert [(item["number"], item["of"], item["node"]) for item in stated] == [
        (0, 2, "node-0"),
        (1, 2, "node-0"),
    ]
    assert stated[0]["job"] == stated[1]["job"]
    assert len(run.traces) == 1
    for rank in (0, 1):
        log = out / "work" / "run-1" / "ranks" / str(rank) / "log" / "output.txt"
        assert f"rank {rank} of 2" in log.read_text()


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is absent: pip install torch"
)
@pytest.mark.long
def test_torchrun_numbers_its_ranks(tmp_path: Path) -> None:
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python"]
    result = subprocess.run(
        [sys.executable, *command, sys.executable, "-c", ASK],
        env=environment(tmp_path, 0),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert [item[:3] for item in ranks(result.stdout)] == [(n, 2, "torchrun") for n in (0, 1)]
