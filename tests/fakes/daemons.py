"""Real servers for the tests of network meters, started once and stopped with the tests."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest


def require(program: str, package: str) -> str:
    """Return the path of a program, or skip the test and say which package has it."""
    places = [str(Path(sys.executable).parent), "/usr/bin", "/bin", "/usr/sbin", "/sbin"]
    found = shutil.which(program, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"{program} is not installed: apt-get install {package}")
    return found


def free_port(*, udp: bool = False) -> int:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def folder(prefix: str) -> Path:
    """Return a new folder that is removed with the tests."""
    path = Path(tempfile.mkdtemp(prefix=f"joulemark-{prefix}-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def start(
    argv: Sequence[str], port: int = 0, *, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server; wait until its TCP port is open, if it has one."""
    log = cwd / f"{Path(argv[0]).name}-{len(list(cwd.glob('*.log')))}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
        )
    atexit.register(process.kill)
    end = time.monotonic() + 20
    while port:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return process
        except OSError:
            if time.monotonic() > end or process.poll() is not None:
                raise RuntimeError(log.read_text("utf-8", "replace")[-2000:]) from None
            time.sleep(0.02)
    return process


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    """Wait until a server has done what it needs to do.

    Raises:
        RuntimeError: It did not in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"a server of the tests is not ready after {seconds:g} s")
        time.sleep(0.05)
