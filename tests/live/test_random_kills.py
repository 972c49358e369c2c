"""A run that is killed at any moment leaves a directory that can be read, and never a valid one."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from harness import api
from tests.live.test_faults import ended, start

KILLS = int(os.environ.get("JOULEMARK_KILLS", "10"))
"""Kills by default; the fault laboratory runs 100: JOULEMARK_KILLS=100."""
WORK = (sys.executable, "-c", "import time; time.sleep(0.6)")


@pytest.mark.slow
def test_random_kills_leave_what_was_recorded(tmp_path: Path) -> None:
    moments = random.Random(1)
    for number in range(KILLS):
        out = tmp_path / str(number)
        process = start(out, *WORK)
        time.sleep(moments.uniform(0.1, 2.5))
        process.send_signal(signal.SIGKILL)
        ended(process)
        time.sleep(0.1)
        record = out / "work" / "run-1" / "run.json"
        if not out.exists() or not (out / "work" / "run-1").exists():
            continue
        tree = api.read(out)
        for entry in api.audit(tree).entries:
            assert record.is_file() or entry.verdict != "valid"
        for path, reason in tree.unreadable:
            assert "Traceback" not in reason, (path, reason)
