"""What sampling costs, and how well it keeps its time: `python -m benchmarks.sampler [--quick]`.

Four parts, each against its limit: lateness at 100 Hz; processor time of the sampler at 10 Hz and 100 Hz; the time of
a workload with and without sampling, in pairs whose order is drawn; LoadGen's time for a query in our wrapper against a
bare loop. One JSON document goes to stdout, a table to stderr. Run it on an idle machine: what else runs is lateness.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from harness.meters import parse
from harness.sampling import Asked, Sampling
from harness.traces.build import build_trace
from harness.traces.channel import Accuracy, Channel
from harness.traces.samples import read_samples
from harness.traces.store import write_csv

LIMITS = {"late_p99_ms": 1.0, "cpu_share_10hz": 0.005, "slowdown": 0.005}
"""p99 lateness at 100 Hz [ms]; share of a core at 10 Hz; relative change of a workload's time."""


def recorded(folder: Path) -> Path:
    """A recorded trace to replay: a minute at 10 Hz."""
    limits = Accuracy(reading_limit_pct=1.0, source="benchmark")
    channel = Channel(id="total", kind="mean", boundary="wall", calibration_id="benchmark", accuracy=limits)
    t_ns = np.arange(600, dtype=np.int64) * 100_000_000 + 1_700_000_000_000_000_000
    path = folder / "total.csv"
    write_csv(build_trace(channel, t_ns, 100 + np.sin(np.arange(600) / 9)), path)
    return path


def sampled(folder: Path, hertz: float, seconds: float) -> dict[str, Any]:
    """Statistics of the replay meter at a rate, with nothing else to do."""
    with Sampling([Asked(parse(f"replay:path={recorded(folder)}"), 1 / hertz)], folder / "samples") as samplers:
        samplers.wait(seconds)
    return read_samples(folder / "samples" / "replay.csv").statistics()


WORK = """
import sys, time
import numpy as np
a = np.random.default_rng(1).standard_normal((160, 160))
def work(n):
    for _ in range(n): np.linalg.eigvals(a)
work(3)
begin, used = time.perf_counter(), time.process_time()
work(int(sys.argv[1]))
print(time.perf_counter() - begin, time.process_time() - used)
"""


def work(rounds: int) -> tuple[float, float]:
    """A fixed amount of work in a process of its own: time by its own clock, and its processor time [s]."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORK, str(rounds)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()
    return float(said[0]), float(said[1])


def slowdown(folder: Path, hertz: float, pairs: int, rounds: int) -> dict[str, Any]:
    """Relative change of a workload's time by sampling, with its 95 % interval, from pairs in drawn order."""
    asked, rng, logs = Asked(parse(f"replay:path={recorded(folder)}"), 1 / hertz), np.random.default_rng(1), []
    for number in range(pairs):
        found: dict[bool, tuple[float, float]] = {}
        for with_sampling in rng.permutation([True, False]).tolist():
            if with_sampling:
                with Sampling([asked], folder / f"pair-{number}") as samplers:
                    samplers.wait(0.3)
                    found[True] = work(rounds)
            else:
                found[False] = work(rounds)
        logs.append(np.log(found[True]) - np.log(found[False]))
    wall, cpu = np.transpose(logs)
    return {"hertz": hertz, "pairs": pairs, "wall_time": interval(wall), "processor_time": interval(cpu)}


def interval(logs: Any) -> dict[str, float]:
    """Mean of log ratios with its 95 % interval (Student), and the median, which one disturbed pair does not move."""
    half = float(stats.t.ppf(0.975, len(logs) - 1) * np.std(logs, ddof=1) / math.sqrt(len(logs)))
    mean = float(np.mean(logs))
    return {"mean": mean, "low": mean - half, "high": mean + half, "median": float(np.median(logs))}


BARE = """
import sys, time, numpy as np, mlperf_loadgen as lg
sys.path.insert(0, sys.argv[3])
answers = np.zeros(1, np.int32)
class Null:
    count = 64
    def load(self, indices): pass
    def predict(self, indices): return answers
if sys.argv[1] == "wrapped":
    from loadgen_child import Served
    served = Served(lg, Null(), 1, False)
    issue = served.issue
else:
    at = answers.ctypes.data
    def issue(samples): lg.QuerySamplesComplete([lg.QuerySampleResponse(samples[0].id, at, 4)])
s = lg.TestSettings()
s.scenario, s.mode = lg.TestScenario.SingleStream, lg.TestMode.PerformanceOnly
s.min_duration_ms, s.min_query_count, s.single_stream_expected_latency_ns = 2000, 1000, 5000
log = lg.LogSettings()
log.log_output.outdir, log.log_output.copy_summary_to_stdout = sys.argv[2], False
log.enable_trace = False
lg.StartTestWithLogSettings(lg.ConstructSUT(issue, lambda: None),
                            lg.ConstructQSL(64, 64, lambda _: None, lambda _: None), s, log)
"""


def per_query_us(folder: Path, kind: str) -> float:
    """Mean latency of a query that asks for nothing [us], as LoadGen counts it."""
    import harness.runners.loadgen_child as child

    folder.mkdir(exist_ok=True)
    place = str(Path(child.__file__).parent)
    subprocess.run([sys.executable, "-c", BARE, kind, str(folder), place], check=True, capture_output=True)
    for line in (folder / "mlperf_log_summary.txt").read_text().splitlines():
        if line.startswith("Mean latency (ns)"):
            return float(line.rpartition(":")[2]) / 1000
    raise SystemExit("LoadGen's summary states no mean latency")


def overhead(folder: Path, pairs: int) -> dict[str, Any]:
    """Time for a query in our wrapper and in a bare loop [us], medians of pairs."""
    found = {kind: [per_query_us(folder / f"{kind}-{n}", kind) for n in range(pairs)] for kind in ("bare", "wrapped")}
    bare, wrapped = (float(np.median(found[kind])) for kind in ("bare", "wrapped"))
    return {"bare_us": bare, "wrapped_us": wrapped, "overhead_us": wrapped - bare, "pairs": pairs}


def main() -> int:
    """All parts; status 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time, to see that it runs")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for part in ("fast", "slow", "pairs", "queries"):
            (root / part).mkdir()
        fast = sampled(root / "fast", 100, 5 if quick else 60)
        slow = sampled(root / "slow", 10, 5 if quick else 60)
        found: dict[str, Any] = {
            "load_average": os.getloadavg()[0],
            "late_100hz_ms": fast["late_ms"],
            "cpu_share_100hz": fast["cpu_share"],
            "cpu_share_10hz": slow["cpu_share"],
            "slowdown": slowdown(root / "pairs", 10, 4 if quick else 20, 20 if quick else 150),
        }
        try:
            import mlperf_loadgen  # noqa: F401

            found["loadgen_query"] = overhead(root / "queries", 1 if quick else 5)
        except ImportError:
            found["loadgen_query"] = None
    found["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(json.dumps(found, indent=1))
    missed = [
        *(["late_p99_ms"] if fast["late_ms"]["p99"] > LIMITS["late_p99_ms"] else []),
        *(["cpu_share_10hz"] if slow["cpu_share"] > LIMITS["cpu_share_10hz"] else []),
        *(["slowdown"] if abs(found["slowdown"]["wall_time"]["median"]) > LIMITS["slowdown"] else []),
    ]
    print("limits missed: " + (", ".join(missed) or "none"), file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
