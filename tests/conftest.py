"""What several tests share: the real sample data, one channel of each kind, an entry of one run."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.formats.base import Entry, Run
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window

SHARED = Path(__file__).resolve().parents[2] / "shared"
"""Reference data beside the checkout; it is on development and CI machines only."""

EPOCH_NS = 1_700_000_000_000_000_000


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two workers a core: many tests wait for processes and clocks most of their time."""
    return 2 * (os.cpu_count() or 1)


def _shared(relative: str) -> Path:
    path = SHARED / relative
    if not path.exists():
        pytest.skip(
            f"{path} is absent: the real sample data lies beside the checkout on development "
            f"machines only"
        )
    return path


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parts of real MLPerf submissions, unpacked for this test session."""
    unpack = _shared("data/unpack")
    folder = tmp_path_factory.mktemp("real")
    subprocess.run([str(unpack), str(folder)], check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def real_rounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One published inference result of each kind of fault, and accepted ones."""
    unpack = _shared("data/unpack")
    folder = tmp_path_factory.mktemp("rounds")
    name = "mlperf-inference-rounds"
    subprocess.run([str(unpack), str(folder), name], check=True, capture_output=True, timeout=120)
    return folder / name


@pytest.fixture(scope="session")
def expected() -> Callable[[str], list[dict[str, str]]]:
    """Rows of one table of published and recomputed figures."""

    def rows(name: str) -> list[dict[str, str]]:
        with _shared(f"expected/{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    return rows


@pytest.fixture(scope="session")
def recorded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tampers import native

    return native.record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def recorded(recorded_once: Path, tmp_path: Path) -> Path:
    """Recorded runs of one entry, to tamper with."""
    shutil.copytree(recorded_once, tmp_path / "work")
    return tmp_path / "work"


@pytest.fixture
def harm(tmp_path: Path) -> Callable[[str, Path], None]:
    """Remove a file, empty it, cut it in half, or put a folder, noise or a link in its place."""
    away = tmp_path / "away"

    def move(path: Path) -> None:
        path.rename(away)

    def folder(path: Path) -> None:
        path.unlink()
        path.mkdir()

    def link(path: Path) -> None:
        path.rename(away)
        path.symlink_to(away)

    ways: dict[str, Callable[[Path], Any]] = {
        "removed": move,
        "emptied": lambda path: path.write_bytes(b""),
        "a folder": folder,
        "noise": lambda path: path.write_bytes(np.random.default_rng(4).bytes(20_000)),
        "a link": link,
        "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    }
    return lambda how, path: ways[how](path)


@pytest.fixture(scope="session")
def channel() -> Callable[..., Channel]:
    """Make a channel of a kind, with a perfect meter unless told otherwise."""

    def make(kind: str = "mean", **given: Any) -> Channel:
        energy = {"quantity": "energy", "unit": "J"} if kind == "counter" else {}
        limits = given.pop("accuracy", Accuracy(reading_limit_pct=0.0, source="test"))
        fixed = {
            "id": "total",
            "boundary": "wall",
            "calibration_id": "meter-1",
            "nominal_interval_s": 1.0,
        }
        return Channel(**(fixed | energy | {"kind": kind, "accuracy": limits} | given))

    return make


@pytest.fixture(scope="session")
def trace(channel: Callable[..., Channel]) -> Callable[..., Trace]:
    """Make a trace of times [s] and values."""

    def make(t_s: Any, value: Any, kind: str = "mean", **given: Any) -> Trace:
        t_ns = np.array([round(t * 1e9) for t in t_s], np.int64) + EPOCH_NS
        return build_trace(channel(kind, **given), t_ns, np.asarray(value, np.float64))

    return make


@pytest.fixture(scope="session")
def window() -> Callable[[float, float], Window]:
    """Make a window between two times [s]."""
    return lambda start, stop: Window(EPOCH_NS + round(start * 1e9), EPOCH_NS + round(stop * 1e9))


@pytest.fixture(scope="session")
def entry_of() -> Callable[..., Entry]:
    """Make an entry of runs."""

    def make(*runs: Run, **given: Any) -> Entry:
        fixed: dict[str, Any] = {
            "id": "entry",
            "directory": Path("nowhere"),
            "format": "csv",
            "round": "",
            "task": "inference",
            "submitter": "someone",
            "system": "machine",
            "benchmark": "work",
            "scenario": "",
        }
        return Entry(**(fixed | {"runs": runs} | given))

    return make
