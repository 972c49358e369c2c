"""Collect many simulated entries into a store and rank them: time, memory, and growth.

`python -m benchmarks.scale --entries 1000 10000` prints a line for each number of entries. Each is
measured in processes of its own, so that the peak of one does not hide that of another. An entry is
a folder of three runs of 40 readings; 50 entries share a benchmark, so tables do not grow.

`--workers` times two Dask workers against two processes on the same entries.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import ROOT
from harness.formats.base import Entry, Run
from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Trace

NS = 1_000_000_000
START_NS = 1_760_000_000 * NS
RUNS, READINGS, REST = 3, 40, 5
PER_TABLE = 50
"""Entries that share a benchmark."""


def write_entries(folder: Path, count: int) -> None:
    """Write simulated entries."""
    rng = np.random.default_rng(7)
    for number in range(count):
        entry = folder / f"{number // 1000:03d}" / f"{number:06d}"
        entry.mkdir(parents=True)
        level_w = 300 * rng.lognormal(0, 0.2)
        for run in range(RUNS):
            _write_run(entry / f"run-{run}.csv", number, run, level_w, rng)


def _write_run(path: Path, number: int, run: int, level_w: float, rng: np.random.Generator) -> None:
    first_ns = START_NS + (number * RUNS + run) * 100 * NS
    start, stop = (
        datetime.fromtimestamp((first_ns + offset * NS) / NS, UTC)
        .isoformat()
        .replace("+00:00", "Z")
        for offset in (REST, READINGS - REST)
    )
    power_w = np.where(np.arange(READINGS) < REST, 0.4, 1.0) * level_w
    power_w *= 1 + 0.02 * rng.standard_normal(READINGS) + 0.01 * rng.standard_normal()
    document = {
        "schema_version": "1.0",
        "id": "wall",
        "quantity": "power",
        "unit": "W",
        "kind": "mean",
        "boundary": "wall",
        "meter": "revenue-grade-pdu",
        "calibration_id": f"revenue-grade-pdu/{number}",
        "accuracy": {"reading_limit_pct": 1, "source": "IEC 62053-21 class 1"},
        "nominal_interval_s": 1,
        "clock": "pdu",
        "clock_error_s": 0.02,
        "current": "ac",
        "run": {
            "submitter": f"submitter {number % 40}",
            "system": f"box {number}",
            "benchmark": f"benchmark {number // PER_TABLE}",
            "task": "inference",
            "simulated": True,
            "window": {"start": start, "stop": stop},
            "work": {"count": 5000, "unit": "sample"},
            "success": True,
        },
    }
    rows = [f"{first_ns + i * NS},{value:.2f}" for i, value in enumerate(power_w)]
    text = "\n".join(["# joulemark-trace: " + json.dumps(document), "t_ns,power_w", *rows])
    path.write_text(text + "\n", "utf-8")


def _timed(step: Callable[[], Any]) -> tuple[float, float, float]:
    """Return wall time, processor time [s] and peak memory [MiB] of this process after a step."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.perf_counter() - wall, time.process_time() - cpu, peak


def collect(tree: Path, store: Path, jobs: int) -> None:
    """Score and audit, and write a store."""
    from harness import api
    from harness.core.executors.workers import Workers
    from harness.render.store.files import write_parts
    from harness.render.store.rows import table_rows

    parts = api.examine_in_parts(tree, workers=Workers(jobs))
    write_parts(store, (table_rows(part.results, part.reports_by_id) for part in parts))


def leaderboard(store: Path, out: Path) -> None:
    """Rank the results of a store."""
    from harness.core.files import write_parts
    from harness.render.json import leaderboard_parts
    from harness.render.store.ranked import ranked_stores
    from harness.uncertainty.monte_carlo import SEED

    tables = ranked_stores([store], 0.95, SEED)
    write_parts(out, leaderboard_parts(tables, (), (), list))


def near_copies(count: int, readings: int) -> None:
    """Compare as many traces with each other as there are entries.

    One in a hundred is a copy at another time; of traces that are long enough, one more is a copy
    with noise. Traces are made when they are needed, as they are read from files otherwise.
    """
    from harness.auditing.near_duplicates import near_duplicates
    from harness.auditing.outlines.gathered import Gathered
    from harness.auditing.outlines.outline import EntryOutline
    from harness.auditing.scaled_courses import MIN_NOISY_READINGS

    with_noise = readings >= MIN_NOISY_READINGS
    gathered = Gathered()
    for number in range(count):
        gathered.add(EntryOutline.build(_one_trace(number, readings, with_noise)))
    evidence = near_duplicates(
        gathered,
        lambda numbers: {n: [_one_trace(n, readings, with_noise).runs[0].outer] for n in numbers},
    )
    copied = {address.entry for address in evidence.near_duplicates}
    expected = 2 * (count // 100) * (1 + with_noise)
    print(f"found {len(copied)} of {expected}", file=sys.stderr)


def _one_trace(number: int, readings: int, with_noise: bool) -> Entry:
    """Return a simulated entry of one trace."""
    is_noisy, is_copy = with_noise and number % 100 == 49, number % 100 == 99
    random = np.random.default_rng([11, number - (is_noisy or is_copy)])
    value = np.round(300 + 30 * random.standard_normal(readings), 1)
    if is_noisy:
        value = np.round(value + 3 * random.standard_normal(readings), 1)
    t_ns = START_NS + (number * 2 * readings + np.arange(readings)) * NS
    accuracy = Accuracy(reading_limit_pct=1, source="simulated")
    channel = Channel(
        id="wall", kind="mean", boundary="wall", calibration_id="x", accuracy=accuracy
    )
    run = Run(id="run", window=None, traces=(Trace(channel, t_ns, value),))
    return Entry(
        id=f"{number:06d}",
        directory=Path("."),
        format="csv",
        round="",
        task="inference",
        submitter=f"s{number}",
        system=f"m{number}",
        benchmark="b",
        scenario="",
        runs=(run,),
    )


STEPS = ("collect", "leaderboard", "near_copies")


def _in_its_own_process(step: str, *arguments: object) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "benchmarks.scale", "--step", step, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    wall, cpu, peak = json.loads(done.stdout)
    return wall, cpu, peak


def measure(count: int, jobs: int) -> None:
    """Print what a number of entries takes; of several processes only this one is measured."""
    with tempfile.TemporaryDirectory(prefix="joulemark-scale-") as name:
        folder = Path(name)
        write_entries(folder / "tree", count)
        for step, arguments in (
            ("collect", (folder / "tree", folder / "store.parquet", jobs)),
            ("leaderboard", (folder / "store.parquet", folder / "leaderboard.json")),
            ("near_copies", (count, 60)),
            ("near_copies", (count, 240)),
        ):
            wall, cpu, peak = _in_its_own_process(step, *arguments)
            print(
                f"{count:>7,} entries  {step:<12}{wall:8.1f} s  {cpu:8.1f} s of processor  "
                f"{1e3 * cpu / count:6.2f} ms an entry  {peak:6.0f} MiB",
                flush=True,
            )


def compare_workers(count: int) -> None:
    """Time two Dask workers against two processes, in turn, after a first round of each."""
    import dask
    from distributed import LocalCluster

    from harness import api

    with (
        dask.config.set({"distributed.worker.profile.enabled": False}),
        tempfile.TemporaryDirectory(prefix="joulemark-scale-") as name,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        tree = Path(name) / "tree"
        write_entries(tree, count)
        times: dict[str, list[float]] = {"jobs": [], "scheduler": []}
        options: dict[str, dict[str, Any]] = {
            "jobs": {"jobs": 2},
            "scheduler": {"scheduler": cluster.scheduler_address},
        }
        for pair in range(4):
            for kind, given in options.items():
                began = time.perf_counter()
                api.audit(tree, **given)
                if pair:  # the first round imports what the others need
                    times[kind].append(time.perf_counter() - began)
        ratios = sorted(a / b for a, b in zip(times["jobs"], times["scheduler"], strict=True))
        print(
            f"{count:,} entries, audit: two processes {min(times['jobs']):.1f} s, two Dask workers "
            f"{min(times['scheduler']):.1f} s, efficiency {ratios[len(ratios) // 2]:.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--jobs", type=int, default=1, help="processes that collect")
    parser.add_argument("--workers", action="store_true", help="two Dask workers, two processes")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        functions: dict[str, Callable[..., None]] = {
            "collect": lambda tree, store, jobs: collect(Path(tree), Path(store), int(jobs)),
            "leaderboard": lambda *paths: leaderboard(*map(Path, paths)),
            "near_copies": lambda *numbers: near_copies(*map(int, numbers)),
        }
        print(json.dumps(_timed(lambda: functions[options.step](*options.arguments))))
    elif options.workers:
        compare_workers(options.entries[0])
    else:
        for count in options.entries:
            measure(count, options.jobs)


if __name__ == "__main__":
    main()
