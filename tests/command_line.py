"""The command `joulemark`, run in the process of the tests.

A process of its own takes half a second for its imports. Only tests of the process itself need
one: of its signals, its locale, its encodings, or what it has imported; `in_a_process` starts it.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from harness.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]

Done = subprocess.CompletedProcess[str]


def joulemark(*args: object, cwd: Path = REPOSITORY, **environment: str) -> Done:
    """Run the command as a shell would, and return its exit code and what it printed.

    Args:
        args: Its arguments.
        cwd: Its working directory.
        environment: Variables that are added to those of this process.
    """
    words = [os.fspath(arg) if isinstance(arg, Path) else str(arg) for arg in args]
    out, err = _stream(), _stream()
    with _surroundings(cwd, environment), _streams(out, err):
        code = _exit_code(words)
    return subprocess.CompletedProcess(words, code, _text(out), _text(err))


def in_a_process(*args: object, cwd: Path = REPOSITORY, **environment: str) -> Done:
    """Run the command in a process of its own; warnings are errors there too."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, args)],
        capture_output=True,
        text=True,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "error", **environment},
    )


def _exit_code(words: list[str]) -> int:
    """Return the code that the command exits with; an error that it lets through is raised."""
    try:
        main(words)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    raise AssertionError("main returns never")


def _stream() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@contextmanager
def _streams(out: io.TextIOWrapper, err: io.TextIOWrapper) -> Iterator[None]:
    """Put streams in the place of the standard ones."""
    with (
        mock.patch.object(sys, "stdin", io.StringIO()),
        mock.patch.object(sys, "stdout", out),
        mock.patch.object(sys, "stderr", err),
    ):
        yield


@contextmanager
def _surroundings(cwd: Path, environment: dict[str, str]) -> Iterator[None]:
    """Set working directory, environment and time zone, and restore them and the signals."""
    before, handler = Path.cwd(), signal.getsignal(signal.SIGTERM)
    os.chdir(cwd)
    try:
        with mock.patch.dict(os.environ, environment):
            time.tzset()
            yield
    finally:
        time.tzset()
        os.chdir(before)
        signal.signal(signal.SIGTERM, handler)
