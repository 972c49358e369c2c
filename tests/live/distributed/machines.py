"""Several machines on this one: each process has a boot id and a wall clock of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
LAUNCHED = ("RANK", "WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID", "PMI_RANK", "MASTER_PORT")
TOKEN = "one job of the tests"


def environment(
    folder: Path, machine: int, *, skew_s: float = 0.0, rate: float = 0.0, **more: str
) -> dict[str, str]:
    """That of a process on one of the machines."""
    root = machine_root(folder, machine)
    path = os.pathsep.join([str(HERE / "skew"), str(REPOSITORY)])
    clean = {name: value for name, value in os.environ.items() if name not in LAUNCHED}
    ours = {
        "MACHINE_ROOT": str(root),
        "JOULEMARK_JOB_TOKEN": TOKEN,
        "PYTHONPATH": path,
        "SKEW_S": str(skew_s),
        "SKEW_RATE": str(rate),
    }
    return clean | ours | {"MASTER_ADDR": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1"} | more


def machine_root(folder: Path, machine: int, boot_id: str = "", **files: str) -> Path:
    """The folder that stands for /proc and /sys of a machine: boot id, boot time and processors.

    files: further files, by their paths with __ for /
    """
    root = folder / f"machine-{machine}"
    contents = {
        "proc/sys/kernel/random/boot_id": boot_id or f"machine {machine}",
        "proc/stat": f"cpu 1 2 3 4\nctxt 1000\nbtime {1_700_000_000 + 1000 * machine}",
        "proc/cpuinfo": "model name : Test processor",
    }
    contents |= {name.replace("__", "/"): text for name, text in files.items()}
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def as_torchrun(rank: int, of: int, local: int = 0) -> dict[str, str]:
    """The variables that torchrun sets, with a port that its own agent holds."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(of),
        "LOCAL_RANK": str(local),
        "GROUP_RANK": str(rank - local),
        "LOCAL_WORLD_SIZE": "1",
        "MASTER_PORT": "1",
        "TORCHELASTIC_USE_AGENT_STORE": "True",
    }


def start(arguments: Sequence[object], env: dict[str, str]) -> subprocess.Popen[str]:
    """`joulemark` with arguments, on that machine."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "as_machine.py"), *map(str, arguments)],
        env=env,
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(*processes: subprocess.Popen[str], seconds: float = 60) -> list[tuple[int, str]]:
    """Status and what was printed to stderr, of each."""
    said = [process.communicate(timeout=seconds)[1] for process in processes]
    return [(process.returncode, text) for process, text in zip(processes, said, strict=True)]


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
