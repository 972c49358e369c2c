"""Measure what sampling costs, and how well it keeps time.

Five parts, each with its limit: lateness at 100 Hz, alone and while network meters hang; processor
time of the sampler at 10 Hz and 100 Hz; the time of a workload with and without sampling, in pairs
of random order; LoadGen's time for a query in our wrapper against a bare loop. Other programs on
the machine show up as lateness.
"""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.table import Row
from harness.meters import parse
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.csv_store import write_csv
from harness.traces.journal.reader import read_samples
from harness.traces.trace import Floats


def recorded(folder: Path) -> Path:
    """A recorded trace to replay: a minute at 10 Hz."""
    limits = Accuracy(reading_limit_pct=1.0, source="benchmark")
    channel = Channel(
        id="total", kind="mean", boundary="wall", calibration_id="benchmark", accuracy=limits
    )
    t_ns = np.arange(600, dtype=np.int64) * 100_000_000 + 1_700_000_000_000_000_000
    path = folder / "total.csv"
    write_csv(build_trace(channel, t_ns, 100 + np.sin(np.arange(600) / 9)), path)
    return path


def sampled(folder: Path, hertz: float, seconds: float) -> dict[str, Any]:
    """Statistics of the replay meter at a rate, with nothing else to do."""
    with SamplerGroup(
        [MeterRequest(parse(f"replay:path={recorded(folder)}"), 1 / hertz)], folder / "samples"
    ) as samplers:
        samplers.wait(seconds)
    return read_samples(folder / "samples" / "replay.csv").statistics()


HANGING_METERS = 3
HANGING_MAP = """
schema_version: "1.0"
name: hanging
protocol: http
title: a device that stops answering
source: benchmark
channels:
  - {id: power, kind: instant, boundary: wall, refresh_s: 0.1, source: benchmark,
     accuracy: {reading_limit_pct: 1, source: benchmark}, read: {path: /power, pointer: /watts}}
"""


class HangingDevice:
    """An HTTP device on 127.0.0.1 that stops answering once `hangs` is set."""

    def __init__(self) -> None:
        self.hangs, self.ended = threading.Event(), threading.Event()
        device = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if device.hangs.is_set():
                    device.ended.wait()
                    return
                body = b'{"watts": 100.0}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Let everybody go."""
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def beside_hanging_meters(folder: Path, hertz: float, seconds: float) -> dict[str, Any]:
    """Return statistics of the replay meter while network meters hang beside it."""
    own = folder / "hanging.yaml"
    own.write_text(HANGING_MAP)
    devices = [HangingDevice() for _ in range(HANGING_METERS)]
    local = MeterRequest(parse(f"replay:path={recorded(folder)}"), 1 / hertz)
    remote = [
        MeterRequest(parse(f"http:host=127.0.0.1,port={device.port},map={own},timeout=60"), 0.1)
        for device in devices
    ]
    with SamplerGroup([local, *remote], folder / "samples") as samplers:
        for device in devices:
            device.hangs.set()
        samplers.wait(seconds)
    for device in devices:
        device.close()
    return read_samples(folder / "samples" / "replay.csv").statistics()


WORK = """
import sys, time
import numpy as np
a = np.random.default_rng(1).standard_normal((120, 120))
spans, end = [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    begin = time.monotonic()
    for _ in range(4): np.linalg.eigvals(a)
    spans.append((begin, time.monotonic()))
for begin, stop in spans: print(begin, stop)
"""
PHASE_S, SETTLE_S = 1.0, 0.1


def slowdown(folder: Path, hertz: float, pairs: int) -> list[tuple[float, float]]:
    """Time that a piece of work takes while it is sampled and while it is not [s], in pairs of
    neighbouring seconds.

    One workload, and one sampler that is stopped and let go on by signals, in drawn order: what
    else the machine does from one minute to the next falls out of each pair.
    """
    rng = np.random.default_rng(1)
    phases: list[tuple[bool, float, float]] = []
    with SamplerGroup(
        [MeterRequest(parse(f"replay:path={recorded(folder)}"), 1 / hertz)], folder / "samples"
    ) as samplers:
        sampler = samplers.processes[0].process.pid
        work = _work((pairs + 1) * 2 * PHASE_S)
        samplers.wait(2 * PHASE_S)  # it starts up
        for sampling in (
            on for _ in range(pairs) for on in rng.permutation([True, False]).tolist()
        ):
            os.kill(sampler, signal.SIGCONT if sampling else signal.SIGSTOP)
            begin = time.monotonic()
            time.sleep(PHASE_S)
            phases.append((sampling, begin + SETTLE_S, time.monotonic()))
        os.kill(sampler, signal.SIGCONT)
        spans = np.array([line.split() for line in work.communicate()[0].splitlines()], float)
    times = [_mean_time(spans, begin, stop) for _, begin, stop in phases]
    return [
        (one, two) if phases[2 * n][0] else (two, one)
        for n, (one, two) in enumerate(zip(times[::2], times[1::2], strict=True))
    ]


def _work(seconds: float) -> subprocess.Popen[str]:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", WORK, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _mean_time(spans: Floats, begin: float, stop: float) -> float:
    """Mean time of the pieces of work that lie wholly in a span [s]."""
    inside = (spans[:, 0] >= begin) & (spans[:, 1] <= stop)
    return float(np.diff(spans[inside], axis=1).mean())


def interval(ratios: list[float]) -> tuple[float, float]:
    """95 % interval of the median of ratios, from their ranks: one disturbed pair does not move
    it."""
    ranked = sorted(ratios)
    low = int(stats.binom.ppf(0.025, len(ranked), 0.5))
    return ranked[max(0, low - 1)], ranked[min(len(ranked) - 1, len(ranked) - low)]


BARE = """
import sys, time, numpy as np, mlperf_loadgen as lg
sys.path.insert(0, sys.argv[3])
answers = np.zeros(1, np.int32)
class Null:
    count = 64
    def load(self, indices): pass
    def predict(self, indices): return answers
if sys.argv[1] == "wrapped":
    from loadgen_child import SystemUnderTest
    served = SystemUnderTest(lg, Null(), 1, False)
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
    subprocess.run(
        [sys.executable, "-c", BARE, kind, str(folder), place], check=True, capture_output=True
    )
    for line in (folder / "mlperf_log_summary.txt").read_text().splitlines():
        if line.startswith("Mean latency (ns)"):
            return float(line.rpartition(":")[2]) / 1000
    raise SystemExit("LoadGen's summary states no mean latency")


def rows(folder: Path, quick: bool) -> Iterator[Row]:
    """All rows. quick: a tenth of the time, to see that it runs."""
    for part in ("fast", "hanging", "slow", "pairs", "queries"):
        (folder / part).mkdir(parents=True)
    seconds = 5 if quick else 60
    fast, slow = sampled(folder / "fast", 100, seconds), sampled(folder / "slow", 10, seconds)
    late = {name: value / 1000 for name, value in fast["late_ms"].items()}
    what = (
        f"lateness of a read at 100 Hz, p99 (median {late['p50'] * 1e3:.2f}, most "
        f"{late['max'] * 1e3:.2f} ms)"
    )
    yield Row(what, late["p99"], "limit", 0.001, (late["p99"] / 0.001,), 1)
    beside = beside_hanging_meters(folder / "hanging", 100, seconds)["late_ms"]["p99"] / 1000
    what = f"the same while {HANGING_METERS} network meters hang, p99"
    yield Row(what, beside, "limit", 0.001, (beside / 0.001,), 1)
    yield Row(
        "sampler at 10 Hz, share of a core",
        slow["cpu_share"],
        "limit",
        0.005,
        (slow["cpu_share"] / 0.005,),
        1,
        unit="",
    )
    yield Row(
        "sampler at 100 Hz, share of a core",
        fast["cpu_share"],
        "at 10 Hz",
        slow["cpu_share"],
        (fast["cpu_share"] / slow["cpu_share"],),
        unit="",
    )
    yield _slowdown(folder / "pairs", quick)
    yield from _overhead(folder / "queries", 1 if quick else 5)


def _slowdown(folder: Path, quick: bool) -> Row:
    times = slowdown(folder, 10, 10 if quick else 100)
    ratios = [with_it / without for with_it, without in times]
    low, high = interval(ratios)
    ours, theirs = (float(np.median(column)) for column in zip(*times, strict=True))
    what = f"a workload while it is sampled at 10 Hz (95 % of the median: {low:.4f} .. {high:.4f})"
    return Row(what, ours, "the same, not sampled", theirs, tuple(ratios), 1.005)


def _overhead(folder: Path, pairs: int) -> Iterator[Row]:
    """Time for a query that asks for nothing, in our wrapper and in a bare loop."""
    try:
        import mlperf_loadgen  # noqa: F401
    except ImportError:
        print("LoadGen left out: it is not installed", file=sys.stderr)
        return
    found = [
        tuple(per_query_us(folder / f"{kind}-{n}", kind) * 1e-6 for kind in ("wrapped", "bare"))
        for n in range(pairs)
    ]
    ours, theirs = (float(np.median(column)) for column in zip(*found, strict=True))
    yield Row(
        "LoadGen, a query in our wrapper",
        ours,
        "in a bare loop",
        theirs,
        tuple(a / b for a, b in found),
    )
