"""Load the modules of the bytes workloads, which import each other by their bare names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"


@contextmanager
def _first_on_path(*folders: Path) -> Iterator[None]:
    before = set(sys.modules)
    sys.path[:0] = list(map(str, folders))
    try:
        yield
    finally:
        del sys.path[: len(folders)]
        for name in set(sys.modules) - before:  # `model`, `run`: names that others use as well
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).is_relative_to(WORKLOADS):
                del sys.modules[name]


def load(name: str, folder: str = "bytes_task") -> ModuleType:
    """A module of a workload's folder, with the shared ones at hand."""
    with _first_on_path(WORKLOADS / folder, WORKLOADS / "bytes_task"):
        return importlib.import_module(name)
