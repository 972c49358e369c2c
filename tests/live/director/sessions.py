"""A workload and an emulated PTDaemon for power sessions that take seconds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lab_simulator.daemon import EmulatedDaemon

from harness.formats.base import NATIVE, Entry
from harness.live.director.session import SessionRequest, WrittenSession, run_session
from harness.live.measure import Plan
from harness.meters import parse
from harness.runners.base import CommandResult, Job

POWER_W = 312.0
LOAD_S = 1.0
LOADGEN = """
import sys, time
folder, load_s = sys.argv[1], float(sys.argv[2])
def stamp(t):
    return time.strftime("%m-%d-%Y %H:%M:%S", time.gmtime(t)) + f".{int(t * 1000) % 1000:03d}"
time.sleep(0.1)
begin = time.time()
time.sleep(load_s)
end = time.time()
values = {"loadgen_version": "5.1", "effective_scenario": "Offline", "result_validity": "VALID",
          "effective_test_mode": "PerformanceOnly", "power_begin": stamp(begin),
          "power_end": stamp(end), "result_query_count": 1, "result_samples_per_second": 100.0,
          "effective_min_duration_ms": 1000}
with open(folder + "/mlperf_log_detail.txt", "w") as file:
    for key, value in values.items():
        shown = value if not isinstance(value, str) else '"' + value + '"'
        file.write(f':::MLLOG {{"key": "{key}", "value": {shown}, "time_ms": 1.0}}\\n')
with open(folder + "/mlperf_log_summary.txt", "w") as file:
    file.write("Result is : VALID\\n")
time.sleep(0.1)
"""


@dataclass
class Load:
    """A workload that writes logs like LoadGen's."""

    load_s: float = LOAD_S
    environment: Mapping[str, str] = field(default_factory=dict)
    quality: Any = None

    def steps(self, folder: Path) -> Iterator[Any]:
        del folder
        return iter(())

    def command(self, job: Job) -> Sequence[str]:
        job.log.mkdir(parents=True, exist_ok=True)
        return [sys.executable, "-c", LOADGEN, str(job.log), str(self.load_s)]

    def outcome(self, job: Job, result: CommandResult) -> Any:
        del job, result
        return SimpleNamespace(advice=())


def plan(out: Path, load_s: float = LOAD_S) -> Plan:
    """Return a plan with a workload that writes logs like LoadGen's."""
    entry = Entry(
        id="resnet50/Offline",
        directory=out / "resnet50" / "Offline",
        format=NATIVE,
        family=NATIVE,
        round="joulemark-2026",
        task="inference",
        submitter="Lab",
        system="box",
        benchmark="resnet50",
        scenario="Offline",
        division="closed",
    )
    return Plan(entry=entry, runner=Load(load_s), meters=[], seeds=[1])


def daemon(folder: Path, name: str = "ptd", **options: Any) -> EmulatedDaemon:
    """Return an emulated PTDaemon that sees constant power."""
    watts = options.pop("watts", POWER_W)
    log = folder / f"{name}_log.txt"
    return EmulatedDaemon(lambda _b, _e: watts, log=log, sample_s=0.05, **options)


def session(out: Path, *daemons: EmulatedDaemon, load_s: float = LOAD_S) -> WrittenSession:
    """Make a session with some daemons."""
    meters = [parse(f"ptdaemon:host=127.0.0.1,port={one.port},log={one.log}") for one in daemons]
    return run_session(plan(out, load_s), SessionRequest(meters, settle_s=0.0))
