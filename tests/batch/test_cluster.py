"""The guide for a cluster, followed from an empty folder; many entries with every executor."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.scale import write_entries
from harness import api
from harness.batch.examine import examine
from harness.batch.work import Plan
from harness.core.executors.base import InProcess, Processes
from harness.core.executors.dask_cluster import DaskCluster
from harness.render.audit_report.document import audit_document
from harness.render.json import leaderboard_document

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "how-to" / "use-a-cluster.md"
ENTRIES = 500


def _commands() -> list[str]:
    """Return the commands of the guide, but those that install."""
    blocks = re.findall(r"^```bash\n(.*?)^```$", GUIDE.read_text("utf-8"), re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if not line.startswith("pip ")]


def test_the_guide_has_the_whole_path() -> None:
    words = [" ".join(command.split()[:2]) for command in _commands()]
    assert words == [
        "joulemark audit",
        "dask scheduler",
        "dask worker",
        "joulemark audit",
        "joulemark leaderboard",
        "joulemark collect",
        "joulemark board",
    ]


@pytest.fixture
def address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def background() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that are stopped after the test, the last one first."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in reversed(started):
        process.terminate()
        process.wait(30)


@pytest.mark.long
def test_the_guide_can_be_followed_from_an_empty_folder(
    address: str, background: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="pip install 'joulemark[dask]'")
    host, port = address.split(":")
    shutil.copytree(ROOT / "submissions" / "joulemark-2026", tmp_path / "inference_results_v5.1")
    programs = {
        "joulemark": [sys.executable, "-m", "harness"],
        "dask": [sys.executable, "-m", "dask"],
    }
    for command in _commands():
        text = command.replace("--port 8786", f"--host {host} --port {port} --no-dashboard")
        text = text.replace("head:8786", address).replace("--jobs 8", "--jobs 2")
        program, *arguments = text.split()
        line = [*programs[program], *arguments]
        if program == "dask":
            background.append(subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.DEVNULL))
            time.sleep(2)  # a person opens the next terminal
        else:
            done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, (command, done.stderr)
    assert json.loads((tmp_path / "leaderboard.json").read_text("utf-8"))["tables"]
    assert (tmp_path / "store.parquet" / "records.parquet").is_file()
    assert (tmp_path / "site" / "index.html").is_file()


@pytest.mark.long
def test_many_entries_have_the_same_documents_with_every_executor(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="pip install 'joulemark[dask]'")
    write_entries(tmp_path / "tree", ENTRIES)
    places = api.search(tmp_path / "tree")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
    ) as cluster:
        documents = set()
        for executor in (InProcess(), Processes(2), DaskCluster(cluster.scheduler_address)):
            with executor:
                done = examine(places, executor, Plan())
            report = api.Report(done.reports, done.unreadable, done.skipped)
            tables = leaderboard_document(api.rank(done))
            documents.add(json.dumps([audit_document(report, None, None), tables]))
    assert len(documents) == 1
    assert len(json.loads(documents.pop())[0]["entries"]) == ENTRIES
